import numpy as np
import pytest
import torch

from spectraflow.methods.mmfrl.nmr_modality import CarbonSpectra, nmr_task, spectrum_autoencoder
from spectraflow.methods.mmfrl.pretraining_parts import PretrainingParts
from spectraflow.methods.mmfrl.settings import NmrEncoderSettings
from spectraflow.settings import TrainingSettings
from spectraflow.store.ragged import Ragged
from spectraflow.training.devices import make_fabric
from spectraflow.training.fit import fit
from spectraflow.training.seeds import seed_torch

SHIFTS = Ragged(torch.tensor([10.0, 10.0, 77.04, 130.0, 400.0]), torch.tensor([0, 3, 5]))


def spectra(**differences):
    return CarbonSpectra(SHIFTS, NmrEncoderSettings(**differences))


def test_lines_are_gaussians_at_their_shifts():
    drawn = spectra().clean(torch.tensor([1, 0])).numpy()
    ppm = -50 + 0.1 * np.arange(4000)
    expected = np.maximum(np.exp(-0.5 * ((ppm - 10) / 0.5) ** 2), np.exp(-0.5 * ((ppm - 77.04) / 0.5) ** 2))
    np.testing.assert_allclose(drawn[1], expected, atol=5e-4)  # lines end at four standard deviations
    assert drawn[0].argmax() == 1800
    assert (drawn[0] > 0.5).sum() == 11, "equal shifts and shifts outside the grid add no line"
    assert drawn.max() <= 1


def test_changed_spectra_move_a_little_and_lose_lines():
    still = spectra(jitter=0, lost=0)
    rows = torch.tensor([0, 1])
    generator = torch.Generator().manual_seed(0)
    torch.testing.assert_close(still.changed(rows, generator), still.clean(rows))
    moved = spectra(jitter=0.2, lost=0).changed(rows, generator)
    assert 0 < abs(int(moved[1].argmax()) - 1800) <= 2
    assert not spectra(lost=1).changed(rows, generator).any()


@pytest.mark.parametrize("bins", [4000, 100])
def test_the_decoder_mirrors_the_encoder(bins):
    network = spectrum_autoencoder(NmrEncoderSettings(bins=bins, dim=6))
    shown = torch.rand(3, bins)
    assert network.encoder(shown).shape == (3, 6)
    assert network(shown).shape == (3, bins)


def test_training_restores_lines(tmp_path):
    generator = torch.Generator().manual_seed(1)
    ppm = torch.randint(0, 4, (120,), generator=generator) * 60.0 + torch.rand(120, generator=generator)
    training = TrainingSettings(epochs=12, batch_size=8, learning_rate=3e-3)
    settings = NmrEncoderSettings(dim=16, bins=2000, lowest=-10.0, lost=0.0, training=training)
    parts = PretrainingParts(torch.arange(48), torch.arange(48, 60))
    seed_torch(0)
    task = nmr_task(settings, Ragged(ppm, torch.arange(0, 121, 2)), parts, torch.device("cpu"))
    history = fit(task, training, make_fabric(), tmp_path / "fit.safetensors", "test")
    losses = history.monitored("val/loss")
    assert min(losses) < 0.5 * losses[0]
    assert history.records[history.best_epoch]["val/overlap"] > 0.2
    assert task.embeddings(torch.arange(60)).shape == (60, 16)
