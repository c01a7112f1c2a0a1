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
    distinct = np.unique(np.append(probabilities, 0.5))
    # halfway between two probabilities: a slightly different one of another molecule then decides as these do
    candidates = np.append((distinct[1:] + distinct[:-1]) / 2, 0.5)
    predicted = probabilities[None] >= candidates[:, None]
    true = (predicted & labels).sum(1)
    scores = 2 * true / (predicted.sum(1) + labels.sum())
    best = candidates[scores >= scores.max() - 1e-12]
    return float(best[np.abs(best - 0.5).argmin()])
