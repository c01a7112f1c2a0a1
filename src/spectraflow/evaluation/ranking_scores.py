"""How well scores rank positives before negatives, in many bootstrap samples at once."""

import numpy as np
from numpy.typing import NDArray

from spectraflow.evaluation.classification import divided

Numbers = NDArray[np.float64]


def weighted_auc(labels: NDArray[np.bool_], scores: np.ndarray, weights: np.ndarray) -> Numbers:
    """Return the area under the ROC curve in D samples, (D,); ties count half.

    Args:
        labels: (N,) bool.
        scores: (N,), higher for what is more likely positive.
        weights: (D, N), how often each molecule stands in each sample.

    NaN where a sample has no positive or no negative.
    """
    positive, negative = _weights_by_score(labels, scores, weights)
    below = negative.cumsum(axis=1) - negative
    pairs = positive.sum(axis=1) * negative.sum(axis=1)
    return divided((positive * (below + negative / 2)).sum(axis=1), pairs, np.nan)


def weighted_average_precision(labels: NDArray[np.bool_], scores: np.ndarray, weights: np.ndarray) -> Numbers:
    """Return the average precision (area under the precision-recall curve, without interpolation) in D samples, (D,).

    Arguments as those of `weighted_auc`; NaN where a sample has no positive.
    """
    positive, negative = (part[:, ::-1] for part in _weights_by_score(labels, scores, weights))
    found = positive.cumsum(axis=1)
    precision = divided(found, found + negative.cumsum(axis=1))
    return divided((positive * precision).sum(axis=1), positive.sum(axis=1), np.nan)


def _weights_by_score(labels: NDArray[np.bool_], scores: np.ndarray, weights: np.ndarray) -> tuple[Numbers, Numbers]:
    """Return the weights of positives and of negatives at each distinct score, ascending, (D, G) each."""
    order = np.argsort(scores, kind="stable")
    ranked, labels = scores[order], labels[order]
    if not len(ranked):
        return np.zeros((len(weights), 0)), np.zeros((len(weights), 0))
    starts = np.flatnonzero(np.concatenate([[True], ranked[1:] != ranked[:-1]]))
    weights = weights[:, order].astype(np.float64)
    positive, negative = (np.add.reduceat(weights * side, starts, axis=1) for side in (labels, ~labels))
    return positive, negative
