import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from spectraflow.methods.matchnet.batch import PeakSets
from spectraflow.methods.matchnet.peak_encoder import PeakEncoder, PeakNetwork
from tests.unit.methods.matchnet.network_pairs import make_peaks, one_set, small


def make_network(nucleus="1H") -> PeakNetwork:
    torch.manual_seed(0)
    return PeakNetwork(nucleus, 8).eval()


@settings(deadline=None, max_examples=25)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=6), st.integers(0, 1000))
def test_the_order_of_lines_changes_not_one_bit(counts, seed):
    network, peaks = make_network(), make_peaks(counts, seed)
    order = torch.randperm(len(peaks.values), generator=torch.Generator().manual_seed(seed))
    shuffled = PeakSets(peaks.values[order], peaks.segment[order], peaks.counts)
    assert torch.equal(network(shuffled), network(peaks))


def test_spectra_do_not_see_each_other():
    network, peaks = make_network(), make_peaks([4, 0, 7, 1])
    together = network(peaks)
    for row in range(4):
        torch.testing.assert_close(network(one_set(peaks, row)), together[row : row + 1], rtol=1e-5, atol=1e-6)


def test_spectra_without_lines_are_legal_and_alike():
    network = make_network()
    none = network(make_peaks([0, 0]))
    assert none.isfinite().all()
    assert torch.equal(none[0], none[1])
    assert (none[0] - network(make_peaks([1]))[0]).abs().max() > 1e-3


def test_the_number_of_lines_counts_even_where_they_coincide():
    line = torch.tensor([[3.0, 1.0]])
    once = PeakSets(line, torch.zeros(1, dtype=torch.int64), torch.tensor([1]))
    twice = PeakSets(line.repeat(2, 1), torch.zeros(2, dtype=torch.int64), torch.tensor([2]))
    network = make_network()
    assert (network(once) - network(twice)).abs().max() > 1e-3


@pytest.mark.parametrize(("nucleus", "axis", "pixel"), [("1H", 14.0, 0.055), ("13C", 232.0, 0.906)])
def test_features_tell_lines_apart_from_a_pixel_to_the_whole_axis(nucleus, axis, pixel):
    network = make_network(nucleus)
    ppm = torch.tensor([0.0, pixel / 2, axis / 2, axis])
    features = network.features(torch.stack([ppm, torch.ones(4)], 1))
    assert features.shape == (4, 21)
    assert (torch.cdist(features, features) + 9 * torch.eye(4)).min() > 0.5


def test_areas_matter():
    network = make_network()
    peaks = make_peaks([3])
    larger = peaks._replace(values=peaks.values * torch.tensor([1.0, 3.0]))
    assert (network(peaks) - network(larger)).abs().max() > 1e-4


def test_each_nucleus_has_its_own_network_and_place():
    torch.manual_seed(0)
    encoder = PeakEncoder(small()).eval()
    proton, carbon = make_peaks([3, 2], 0), make_peaks([2, 4], 1)
    whole = encoder({"1H": proton, "13C": carbon})
    assert whole.shape == (2, 16)
    changed = encoder({"1H": proton, "13C": make_peaks([2, 4], 2)})
    assert torch.equal(changed[:, :8], whole[:, :8])
    assert not torch.allclose(changed[:, 8:], whole[:, 8:])
