import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter1d

from spectraflow.spectra.augmentation import augment, combined, find_partners, shifted, smoothed, with_vertical_noise


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def spectra(count: int = 40, modalities: int = 2) -> torch.Tensor:
    """Smooth peaks away from the edges, with values between 0 and 1."""
    axis = torch.arange(600.0)
    centres = 100 + 400 * torch.rand(count, modalities, 1, generator=generator(9))
    return torch.exp(-0.5 * ((axis - centres) / 6) ** 2)


def centre(vectors: torch.Tensor) -> torch.Tensor:
    return (vectors * torch.arange(600.0)).sum(-1) / vectors.sum(-1)


def test_shifts_are_whole_steps_of_the_fine_axis_to_both_sides():
    vectors = spectra()
    moved = (centre(shifted(vectors, generator())) - centre(vectors)) * 3599 / 599
    steps = moved.round()
    assert torch.allclose(moved, steps, atol=0.05)
    assert set(steps.abs().flatten().int().tolist()) == set(range(1, 11))
    assert 0.3 < (steps > 0).float().mean() < 0.7


def test_shifts_interpolate_linearly_and_repeat_the_edges():
    ramp = torch.arange(600.0).repeat(30, 1, 1)
    out = shifted(ramp, generator())
    offset = out[..., 300] - 300
    assert torch.allclose(out, (torch.arange(600.0) + offset[..., None]).clamp(0, 599), atol=1e-3)
    assert out[offset[:, 0] < 0, 0, 0].unique().tolist() == [0.0]


def test_vertical_noise_is_least_on_the_peaks():
    vectors = torch.tensor([0.0, 0.5, 1.0]).repeat_interleave(200).repeat(50, 1, 1)
    change = with_vertical_noise(vectors, generator()) - vectors
    assert change[..., 400:].abs().max() == 0
    for part, bound in ((change[..., :200], 0.05), (change[..., 200:400], 0.025)):
        assert part.abs().max() <= bound
        assert part.std() == pytest.approx(bound / 3**0.5, rel=0.05)


def test_smoothing_is_a_gaussian_filter_of_each_spectrum():
    vectors = torch.rand(4, 2, 600, generator=generator())
    out = smoothed(vectors, generator(1)).numpy()
    widths = (0.5 + torch.rand(4, 2, generator=generator(1))).numpy()
    assert len(np.unique(widths)) == 8
    for b in range(4):
        for n in range(2):
            expected = gaussian_filter1d(vectors[b, n].numpy(), widths[b, n], radius=6, mode="nearest")
            assert out[b, n] == pytest.approx(expected, abs=1e-5)


def test_combination_weighs_a_molecule_and_its_partner():
    ones, zeros = torch.ones(500, 2, 600), torch.zeros(500, 2, 600)
    share = combined(ones, zeros, generator())
    assert torch.equal(share, share[:, :1, :1].expand_as(share))
    assert 0.01 <= share.min() < 0.03
    assert 0.97 < share.max() <= 0.99
    vectors = spectra()
    assert torch.allclose(combined(vectors, vectors, generator()), vectors)


@pytest.mark.parametrize("kind", ["horizontal", "vertical", "smoothing", "combination"])
def test_absent_spectra_stay_zero_and_a_seed_repeats_the_rest(kind):
    vectors, present = spectra(), torch.rand(40, 2, generator=generator(3)) < 0.7
    vectors = vectors * present[..., None]
    partners = (vectors.flip(0), present.flip(0))
    out = augment(kind, vectors, present, generator(), partners)
    assert out.shape == vectors.shape
    assert not out[~present].any()
    changed = (out != vectors).any(-1)
    expected = present & present.flip(0) if kind == "combination" else present
    assert torch.equal(changed, expected)
    assert torch.equal(out, augment(kind, vectors, present, generator(), partners))
    assert not torch.equal(out, augment(kind, vectors, present, generator(1), partners))


def test_combination_needs_partners():
    with pytest.raises(ValueError, match="partners"):
        augment("combination", spectra(), torch.ones(40, 2, dtype=torch.bool), generator())


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.integers(1, 10), st.integers(0, 1000))
def test_partners_have_the_same_labels_and_are_others_where_there_are_any(count, width, seed):
    labels = np.random.default_rng(seed).random((count, width)) < 0.2
    partners = find_partners(labels, seed)
    assert (labels[partners] == labels).all()
    assert sorted(partners.tolist()) == list(range(count))
    for row, partner in enumerate(partners):
        alone = (labels == labels[row]).all(axis=1).sum() == 1
        assert (partner == row) == alone


def test_partners_differ_by_seed():
    labels = np.zeros((50, 3), dtype=bool)
    assert not np.array_equal(find_partners(labels, 0), find_partners(labels, 1))
    assert np.array_equal(find_partners(labels, 0), find_partners(labels, 0))
