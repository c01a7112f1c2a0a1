import numpy as np
import pytest

from spectraflow.spectra.binning import bin_shifts


@pytest.mark.parametrize(
    ("ppm", "expected"),
    [(-50.0, 0), (0.0, 500), (128.04, 1780), (128.06, 1781), (0.05, 500), (0.15, 502), (-80.0, 0), (400.0, 3999)],
)
def test_bins_are_a_tenth_of_a_ppm_half_to_even_and_clamped(ppm, expected):
    assert bin_shifts(np.array([round(ppm * 1000)])) == expected
