"""Mass spectra as vectors: Gaussians on a fine grid, a cubic spline through it, 600 points of the spline.

Source: SymSpectra (OpenReview ABowPwRMu0), Appendix F. The paper leaves the width of the Gaussian open; with less than
five bins, sampling every tenth bin loses peaks.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import BSpline
from scipy.sparse import csr_array, dia_array
from scipy.sparse.linalg import splu

from spectraflow.errors import InputError
from spectraflow.spectra.modalities import VECTOR_POINTS

BINS = 6_000
BINS_PER_MZ = 10
"""The fine grid: bins of 0.1 m/z from 0 to 600."""
EPSILON = 1e-8
"""Added to the norm that a vector is divided by (Appendix F)."""
_NEGLIGIBLE = 1e-12
_SIGMAS = 9

FloatArray = NDArray[np.float64]


def mass_vectors(
    mz: FloatArray, intensity: FloatArray, counts: NDArray[np.int64], sigma: float = 5.0
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return vectors (N, 600) float32 of unit length, and how many peaks of each spectrum (N,) lie beyond the grid.

    `mz` and `intensity` (P,) hold the peaks of N spectra one after the other, `counts` (N,) of each; `sigma` is the
    width of a peak in bins of 0.1 m/z. Peaks at 600 m/z and above are left out. A spectrum without a peak on the
    grid is a vector of zeros. Raises InputError naming the first spectrum with an m/z or intensity that is
    negative or not finite, and where counts and peaks disagree.
    """
    mz, intensity, counts = np.asarray(mz, float), np.asarray(intensity, float), np.asarray(counts, np.int64)
    _check(mz, intensity, counts)
    within = mz * BINS_PER_MZ < BINS
    rows = np.repeat(np.arange(len(counts)), counts)
    kept = np.bincount(rows[within], minlength=len(counts))
    bins = np.floor(mz[within] * BINS_PER_MZ).astype(np.int64)
    offsets = np.concatenate([[0], np.cumsum(kept)])
    sticks = csr_array((intensity[within], bins, offsets), shape=(len(counts), BINS))
    vectors = np.maximum((sticks @ responses(sigma)).toarray(), 0.0)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True) + EPSILON
    return vectors.astype(np.float32), counts - kept


@cache
def responses(sigma: float) -> csr_array:
    """Return what a peak of intensity 1 in each bin adds to each point before negative values are cut, (6000, 600).

    Binning, Gaussians and spline are linear, so spectra are sums of these rows. Values below 10^-12 are left out.
    """
    grid = np.arange(BINS, dtype=float)
    knots = np.concatenate([np.repeat(grid[0], 4), grid[2:-2], np.repeat(grid[-1], 4)])  # not-a-knot at both ends
    through = BSpline.design_matrix(grid, knots, 3)
    sampled = BSpline.design_matrix(np.linspace(0, BINS - 1, VECTOR_POINTS), knots, 3)
    weights = splu(through.T.tocsc()).solve(sampled.T.toarray())  # (6000, 600): grid values to points of the spline
    response = _gaussians(sigma) @ weights
    response[np.abs(response) < _NEGLIGIBLE] = 0.0
    return csr_array(response)


def _gaussians(sigma: float) -> csr_array:
    """Return the Gaussian of each bin as a row (6000, 6000) that sums to 1 over the bins there are."""
    reach = min(BINS - 1, int(np.ceil(_SIGMAS * sigma)))
    offsets = np.arange(-reach, reach + 1)
    heights = np.exp(-0.5 * (offsets / sigma) ** 2)
    diagonals = np.broadcast_to(heights[:, None], (len(offsets), BINS))
    rows = csr_array(dia_array((diagonals, offsets), shape=(BINS, BINS)))
    return csr_array(rows / rows.sum(axis=1)[:, None])


def _check(mz: FloatArray, intensity: FloatArray, counts: NDArray[np.int64]) -> None:
    if (counts < 0).any() or not len(mz) == len(intensity) == counts.sum():
        raise InputError(f"{len(mz)} m/z and {len(intensity)} intensities for counts that sum to {counts.sum()}")
    faulty = ~(np.isfinite(mz) & np.isfinite(intensity) & (mz >= 0) & (intensity >= 0))
    if faulty.any():
        peak = int(faulty.argmax())
        spectrum = int(np.searchsorted(np.cumsum(counts), peak, side="right"))
        raise InputError(
            f"mass spectrum {spectrum}: a peak at m/z {mz[peak]} with intensity {intensity[peak]}; "
            "both must be finite and not negative"
        )
