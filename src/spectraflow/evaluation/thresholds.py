"""Thresholds of labels, tuned on held-out molecules."""

import numpy as np
from numpy.typing import NDArray


def tuned_thresholds(labels: NDArray[np.bool_], probabilities: np.ndarray) -> NDArray[np.float64]:
    """Return for each of K labels the threshold with the best F1 on molecules (N, K) that no model was trained on.

    Of equally good ones the one nearest to 0.5; a label without positives keeps 0.5. A label is predicted from its
    threshold on.
    """
    return np.array([_best(labels[:, k], probabilities[:, k]) for k in range(labels.shape[1])])


def _best(labels: NDArray[np.bool_], probabilities: np.ndarray) -> float:
    if not labels.any():
        return 0.5
    order = np.argsort(probabilities, kind="stable")
    ranked = probabilities[order].astype(np.float64)
    candidates = _candidates(ranked)
    first = np.searchsorted(ranked, candidates)  # the lowest rank that is predicted
    missed = np.concatenate([[0], np.cumsum(labels[order])])[first]
    true, predicted = labels.sum() - missed, len(ranked) - first
    scores = 2 * true / (predicted + labels.sum())
    best = candidates[scores >= scores.max() - 1e-12]
    return float(best[np.abs(best - 0.5).argmin()])


def _candidates(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a threshold for every way to divide the probabilities.

    They lie halfway between two: a slightly different probability of another molecule then decides as these do.
    """
    distinct = np.unique(np.append(probabilities, [0, 0.5]))
    return np.append((distinct[1:] + distinct[:-1]) / 2, [0, 0.5])
