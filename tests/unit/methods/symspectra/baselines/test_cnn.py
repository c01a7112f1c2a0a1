import torch

from spectraflow.methods.symspectra.baselines.cnn import Cnn
from spectraflow.methods.symspectra.batch import SpectraBatch
from spectraflow.methods.symspectra.settings import BaselineSettings
from tests.unit.methods.symspectra.baselines.small_networks import SMALL, check_network


def test_network():
    check_network(lambda: Cnn(3, 5, SMALL), steps=30)


def test_the_published_network_of_one_spectrum_has_its_size():
    with torch.device("meta"):
        model = Cnn(1, 37, BaselineSettings())
    dense = [(62 * 150, 4927), (4927, 2785), (2785, 1574), (1574, 37)]
    convolutions = 31 * 11 + 31 + 62 * 31 * 11 + 62 + 2 * (31 + 62)
    assert sum(p.numel() for p in model.parameters()) == convolutions + sum(a * b + b for a, b in dense)


def test_missing_spectra_stay_out_of_the_statistics(batch):
    model = Cnn(3, 5, SMALL).train()
    half = batch.present.clone()
    half[4:] = False
    model(SpectraBatch(batch.vectors, half, batch.labels, batch.rows))
    alone = Cnn(3, 5, SMALL).train()
    alone.load_state_dict({**model.state_dict(), **{k: v for k, v in alone.state_dict().items() if "running" in k}})
    alone(SpectraBatch(*(x[:4] for x in (batch.vectors, batch.present, batch.labels, batch.rows))))
    torch.testing.assert_close(alone.towers[0][1].running_mean, model.towers[0][1].running_mean)
