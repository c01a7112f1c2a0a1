import pytest
import torch

from spectraflow.methods.matchnet.network import parameter_totals
from spectraflow.methods.matchnet.settings import NetworkSettings
from spectraflow.methods.matchnet.vector_encoder import VectorEncoder, column_network
from tests.unit.methods.matchnet.network_pairs import COLUMNS, make_batch, small


@pytest.mark.parametrize("columns", [16, 33, 256])
def test_any_number_of_columns(columns):
    assert column_network(columns, 5)(torch.rand(3, 2, columns)).shape == (3, 5)


def test_the_whole_network_has_about_one_and_three_quarter_million_weights():
    totals = parameter_totals(NetworkSettings(spectra="vectors"))
    assert totals["total"] == totals["trainable"]
    assert totals["total"] == pytest.approx(1.75e6, rel=0.01)


def test_where_a_line_stands_matters():
    torch.manual_seed(0)
    network = column_network(64, 8).eval()
    spectra = torch.zeros(8, 2, 64)
    spectra[torch.arange(8), 0, 8 * torch.arange(8)] = 1
    distances = torch.cdist(network(spectra), network(spectra)) + torch.eye(8)
    assert distances.min() > 1e-4


def test_each_nucleus_has_its_own_network_and_place():
    torch.manual_seed(0)
    encoder = VectorEncoder(small(), COLUMNS).eval()
    columns = make_batch().columns
    whole = encoder(columns)
    assert whole.shape == (5, 16)
    changed = encoder({**columns, "13C": columns["13C"].flip(2)})
    assert torch.equal(changed[:, :8], whole[:, :8])
    assert not torch.allclose(changed[:, 8:], whole[:, 8:])
    same = encoder({"1H": columns["1H"], "13C": columns["1H"]})
    assert not torch.allclose(same[:, :8], same[:, 8:])


def test_a_single_nucleus():
    encoder = VectorEncoder(small(nuclei=["13C"]), COLUMNS).eval()
    assert encoder({"13C": make_batch().columns["13C"]}).shape == (5, 8)
