import pytest
import torch

from spectraflow.spectra.perturbation import with_noise, without_modality


def test_noise_has_the_deviation_asked_for_and_spares_absent_spectra():
    vectors = torch.zeros(200, 3, 600)
    present = torch.ones(200, 3, dtype=torch.bool)
    present[::2, 1] = False
    noisy = with_noise(vectors, present, 0.04, torch.Generator().manual_seed(0))
    assert noisy[present].std() == pytest.approx(0.04, rel=0.01)
    assert noisy[present].mean() == pytest.approx(0, abs=1e-3)
    assert noisy[present].min() < 0
    assert not noisy[~present].any()
    assert torch.equal(noisy, with_noise(vectors, present, 0.04, torch.Generator().manual_seed(0)))
    assert torch.equal(with_noise(vectors, present, 0.0, torch.Generator()), vectors)
    with pytest.raises(ValueError, match="negative"):
        with_noise(vectors, present, -0.1, torch.Generator())


def test_withheld_modality_is_zero_and_absent_and_the_batch_unchanged():
    vectors, present = torch.ones(4, 3, 600), torch.ones(4, 3, dtype=torch.bool)
    less, there = without_modality(vectors, present, 1)
    assert less.sum(dim=(0, 2)).tolist() == [2400, 0, 2400]
    assert there.tolist() == [[True, False, True]] * 4
    assert vectors.all()
    assert present.all()
