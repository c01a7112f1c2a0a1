"""Scores of peaks with carbons from predicted shifts, and assignment figures of whole parts (reference section 8)."""

from collections.abc import Iterator

import numpy as np
from torch import Tensor

from spectraflow.evaluation.molecule_assignment import Assigned
from spectraflow.methods.shifts.alignment import Alignment
from spectraflow.methods.shifts.prediction import PredictedShifts

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


def assigned_molecules(alignment: Alignment, predicted: PredictedShifts, rows: Tensor) -> Iterator[Assigned]:
    """Yield the molecules `rows` of the alignment table with their scores; `predicted` is in the table's order."""
    for row in rows.tolist():
        carbons = alignment.carbons_of(row)
        shifts = predicted.carbons.values[predicted.carbons.offsets[row] : predicted.carbons.offsets[row + 1]].numpy()
        scores = peak_scores(carbons.mppm / 1000, carbons.multiplicity, shifts[:, 1], shifts[:, 2], carbons.hydrogens)
        yield Assigned(alignment.molecule_ids[row], scores, carbons.atom, carbons.mppm, carbons.multiplicity)
