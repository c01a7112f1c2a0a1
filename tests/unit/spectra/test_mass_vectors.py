"""Mass spectra as vectors against a direct computation with SciPy's spline."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from scipy.interpolate import CubicSpline

from spectraflow.errors import InputError
from spectraflow.spectra.mass_vectors import mass_vectors, responses

REAL = Path(__file__).parents[4] / "shared" / "data" / "alberts" / "example_data_1.parquet"


def directly(mz, intensity, sigma):
    """Appendix F to the letter, one spectrum at a time."""
    grid = np.arange(6000)
    signal = np.zeros(6000)
    for at, height in zip(mz, intensity, strict=True):
        if at < 600:
            gaussian = np.exp(-((grid - np.floor(10 * at)) ** 2) / (2 * sigma**2))
            signal += height * gaussian / gaussian.sum()
    points = np.maximum(0, CubicSpline(grid, signal)(np.linspace(0, 5999, 600)))
    return points / (np.linalg.norm(points) + 1e-8)


def random_spectra(count, seed=0):
    rng = np.random.default_rng(seed)
    counts = rng.integers(1, 40, count)
    total = counts.sum()
    return rng.uniform(0, 600, total), 1 + rng.gamma(0.5, 50.0, total), counts


def split(values, counts):
    return np.split(values, np.cumsum(counts)[:-1])


@pytest.mark.parametrize("sigma", [0.3, 1.0, 5.0, 40.0])
def test_equals_scipy_spline_on_random_spectra(sigma):
    mz, intensity, counts = random_spectra(12)
    vectors, dropped = mass_vectors(mz, intensity, counts, sigma)
    expected = [
        directly(*spectrum, sigma) for spectrum in zip(split(mz, counts), split(intensity, counts), strict=True)
    ]
    np.testing.assert_allclose(vectors, expected, atol=2e-7)
    assert vectors.dtype == np.float32
    assert not dropped.any()


def test_equals_scipy_spline_at_both_ends_of_the_grid():
    mz, intensity, counts = np.array([0.0, 0.4, 599.95]), np.array([1.0, 2.0, 3.0]), np.array([2, 1])
    vectors, _ = mass_vectors(mz, intensity, counts)
    np.testing.assert_allclose(vectors[0], directly(mz[:2], intensity[:2], 5.0), atol=2e-7)
    np.testing.assert_allclose(vectors[1], directly(mz[2:], intensity[2:], 5.0), atol=2e-7)


@pytest.mark.real_data
@pytest.mark.skipif(not REAL.exists(), reason="no real data beside the project")
def test_equals_scipy_spline_on_real_spectra():
    spectra = pq.read_table(REAL, columns=["msms_cfmid_positive_40ev"]).column(0).to_pylist()[:20]
    counts = np.array([len(spectrum) for spectrum in spectra])
    mz, intensity = np.array([peak for spectrum in spectra for peak in spectrum]).T
    vectors, _ = mass_vectors(mz, intensity, counts)
    expected = [directly(*np.array(spectrum).T, 5.0) for spectrum in spectra]
    np.testing.assert_allclose(vectors, expected, atol=2e-7)


def test_vectors_have_unit_length_and_no_negative_value():
    vectors, _ = mass_vectors(*random_spectra(50))
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-6)
    assert vectors.min() == 0


def test_a_peak_stands_at_its_place():
    vectors, _ = mass_vectors(np.array([57.0, 300.0, 501.3]), np.ones(3), np.array([1, 1, 1]))
    np.testing.assert_allclose(np.linspace(0, 599.9, 600)[vectors.argmax(axis=1)], [57.0, 300.0, 501.3], atol=0.6)


def test_peaks_beyond_the_grid_are_dropped_and_counted():
    mz = np.array([100.0, 600.0, 750.2, 599.99, 900.0])
    vectors, dropped = mass_vectors(mz, np.ones(5), np.array([3, 1, 0, 1]))
    assert dropped.tolist() == [2, 0, 0, 1]
    alone, _ = mass_vectors(mz[:1], np.ones(1), np.array([1]))
    np.testing.assert_array_equal(vectors[0], alone[0])
    assert not vectors[2].any()
    assert not vectors[3].any()


def test_responses_keep_the_area():
    """Before points are taken, a Gaussian sums to 1; a point stands for 5999/599 bins."""
    area = responses(5.0).sum(axis=1)[100:-100] * 5999 / 599
    np.testing.assert_allclose(area, 1, atol=0.02)


@pytest.mark.parametrize(
    ("mz", "intensity"), [(-1.0, 1.0), (np.nan, 1.0), (np.inf, 1.0), (10.0, np.nan), (10.0, np.inf), (10.0, -2.0)]
)
def test_impossible_peaks_are_named(mz, intensity):
    with pytest.raises(InputError, match="mass spectrum 2"):
        mass_vectors(np.array([5.0, 6.0, mz]), np.array([1.0, 1.0, intensity]), np.array([2, 0, 1]))


def test_counts_must_fit_the_peaks():
    with pytest.raises(InputError, match="sum to 3"):
        mass_vectors(np.ones(2), np.ones(2), np.array([2, 1]))


def test_no_spectra_give_no_vectors():
    vectors, dropped = mass_vectors(np.zeros(0), np.zeros(0), np.zeros(0, np.int64))
    assert vectors.shape == (0, 600)
    assert dropped.shape == (0,)
