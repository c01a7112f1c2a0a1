"""Scores of peaks with carbons from predicted shifts (K-M3AID reference section 8)."""

import numpy as np

CLASS_MISMATCH = 50.0
"""Penalty, in nats, of a peak whose multiplicity contradicts the carbon's hydrogens; finite, since labels err."""


def peak_scores(
    ppm: np.ndarray, multiplicity: np.ndarray, predicted: np.ndarray, scale: np.ndarray, hydrogens: np.ndarray
) -> np.ndarray:
    """Return log-likelihoods (n peaks, n carbons) of the peaks at the carbons.

    Args:
        ppm, multiplicity: shift and CHn class (0 to 3) of each peak, (n,).
        predicted, scale, hydrogens: predicted shift, its Laplace scale in ppm, and hydrogens of each carbon, (n,).
    """
    distance = np.abs(ppm[:, None] - predicted[None, :]) / scale[None, :]
    mismatch = multiplicity[:, None] != np.minimum(hydrogens, 3)[None, :]
    return -distance - np.log(2 * scale)[None, :] - CLASS_MISMATCH * mismatch
