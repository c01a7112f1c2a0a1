"""Assignment of peaks to carbons inside one molecule: the published metric and its one-to-one alternatives.

Scores are [n peaks, n carbons], higher is better; peak i and carbon i belong together. Both lists usually come in atom
order, so ties would be decided in favour of the truth: pass scores through `shuffled` first.
"""

from typing import Literal

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.special import logsumexp

CarbonBinStyle = Literal["counted", "worded"]
CARBON_BINS: dict[str, tuple[str, str, str]] = {"counted": ("<=10", "11-20", ">20"), "worded": ("<10", "10-20", ">20")}
_FIRST_OF_MIDDLE_BIN = {"counted": 11, "worded": 10}


def _checked(scores: np.ndarray) -> np.ndarray:
    scores = np.asarray(scores, dtype=np.float64)
    if scores.ndim != 2:
        raise ValueError(f"scores must be [peaks, carbons], not of shape {scores.shape}")
    if not np.isfinite(scores).all():
        raise ValueError("scores hold values that are not finite")
    if scores.shape[0] and not scores.shape[1]:
        raise ValueError("peaks cannot be assigned: there are no carbons")
    return scores


def published_assignment(scores: np.ndarray) -> np.ndarray:
    """Return the carbon [n peaks] each peak is given by K-M3AID's atom accuracy (authors' code).

    A softmax over the peaks of each carbon, then the best carbon of each peak:
    argmax_j [ s_ij - logsumexp_i' s_i'j ]. Several peaks may share a carbon. Transpose the scores for carbons to peaks.
    """
    scores = _checked(scores)
    if not scores.shape[0]:
        return np.zeros(0, dtype=np.int64)
    return np.argmax(scores - logsumexp(scores, axis=0, keepdims=True), axis=1)


def argmax_assignment(scores: np.ndarray) -> np.ndarray:
    """Return the carbon [n peaks] with the highest score of each peak; several peaks may share a carbon."""
    scores = _checked(scores)
    return np.argmax(scores, axis=1) if scores.shape[0] else np.zeros(0, dtype=np.int64)


def hungarian_assignment(scores: np.ndarray) -> np.ndarray:
    """Return the carbon [n peaks] of the one-to-one assignment with the largest total score.

    Raises ValueError if there are more peaks than carbons.
    """
    scores = _checked(scores)
    if scores.shape[0] > scores.shape[1]:
        raise ValueError(f"{scores.shape[0]} peaks cannot be assigned one-to-one to {scores.shape[1]} carbons")
    return linear_sum_assignment(scores, maximize=True)[1]


def hungarian_capacity_assignment(scores: np.ndarray, capacities: np.ndarray) -> np.ndarray:
    """Return the peak [n carbons] of each carbon when peak i of the distinct peaks takes `capacities[i]` carbons.

    scores: [n distinct peaks, n carbons]; capacities: positive integers [n distinct peaks] that add up to the
    number of carbons, otherwise ValueError.
    """
    scores, capacities = _checked(scores), np.asarray(capacities, dtype=np.int64)
    if capacities.shape != scores.shape[:1] or (capacities < 1).any() or capacities.sum() != scores.shape[1]:
        raise ValueError(
            f"capacities {capacities.tolist()} do not fit {scores.shape[0]} peaks, {scores.shape[1]} carbons"
        )
    places = np.repeat(np.arange(len(capacities)), capacities)
    rows, carbons = linear_sum_assignment(scores[places], maximize=True)
    peaks = np.empty(scores.shape[1], dtype=np.int64)
    peaks[carbons] = places[rows]
    return peaks


def assignment_correct(assigned: np.ndarray, mppm: np.ndarray, target: np.ndarray | None = None) -> np.ndarray:
    """Return, as booleans [n], whether the shift at each assigned index equals the shift that was to be met.

    mppm: integer thousandths of a ppm of what the indices point at, so equivalent carbons count as right. target:
    shifts to be met, by default `mppm` itself; with capacities `mppm` are the peaks and `target` the carbons.
    """
    mppm = np.asarray(mppm)
    target = mppm if target is None else np.asarray(target)
    if not (np.issubdtype(mppm.dtype, np.integer) and np.issubdtype(target.dtype, np.integer)):
        raise ValueError("shifts must be integers, thousandths of a ppm")
    return mppm[np.asarray(assigned, dtype=np.int64)] == target


def shuffled(scores: np.ndarray, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return the scores with their carbons in random order, and `undo`: `undo[assigned]` are carbons as they were."""
    undo = generator.permutation(scores.shape[1])
    return scores[:, undo], undo


def carbon_bin(carbons: int, style: CarbonBinStyle = "counted") -> str:
    """Return the size class of a molecule: "counted" (<=10, 11-20, >20) or as the paper words it (<10, 10-20, >20).

    The published counts of molecules match the first, the published text says the second.
    """
    if style not in CARBON_BINS:
        raise ValueError(f"unknown style '{style}' of carbon bins: use {' or '.join(CARBON_BINS)}")
    small, middle, large = CARBON_BINS[style]
    return large if carbons > 20 else middle if carbons >= _FIRST_OF_MIDDLE_BIN[style] else small


def chance_uniform(mppm: np.ndarray) -> float:
    """Return the expected accuracy, 0 to 1, of guessing a carbon uniformly; mppm: [n] integer shifts, n > 0."""
    mppm = np.asarray(mppm)
    if not len(mppm):
        raise ValueError("no carbons: chance is not defined")
    return float((mppm[:, None] == mppm[None, :]).mean())


def chance_multiplicity(mppm: np.ndarray, multiplicity: np.ndarray) -> float:
    """Return the expected accuracy, 0 to 1, of a uniform guess among the carbons of the peak's CHn class.

    mppm, multiplicity: [n] integers, n > 0.
    """
    mppm, multiplicity = np.asarray(mppm), np.asarray(multiplicity)
    if not len(mppm) or mppm.shape != multiplicity.shape:
        raise ValueError(
            f"shifts {mppm.shape} and multiplicities {multiplicity.shape} must be equally many, at least 1"
        )
    same_class = multiplicity[:, None] == multiplicity[None, :]
    right = same_class & (mppm[:, None] == mppm[None, :])
    return float((right.sum(axis=1) / same_class.sum(axis=1)).mean())
