"""Headline scores of predicted groups in bootstrap samples that all models share, so that models can be subtracted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from spectraflow.evaluation.classification import (
    Bits,
    Numbers,
    divided,
    f1,
    macro_f1,
    mean_over_present,
    micro_f1,
    resamples,
    tiers,
    violations,
    weighted_counts,
)
from spectraflow.evaluation.uncertainty import Interval

_WEIGHTS = 200_000_000
LEAST_DRAWS, MOST_DRAWS = 1_000, 10_000


@dataclass(frozen=True)
class DrawnScore:
    """A score of `n` molecules, averaged over seeds, and of D bootstrap samples of them, (D,)."""

    value: float
    draws: Numbers
    n: int

    def minus(self, other: "DrawnScore") -> Interval:
        """Return the difference with its 95 % interval over molecules; both need the same molecules and samples."""
        drawn = self.draws - other.draws
        drawn = drawn[np.isfinite(drawn)]
        low, high = np.quantile(drawn, [0.025, 0.975]) if len(drawn) else (np.nan, np.nan)
        return Interval(self.value - other.value, float(low), float(high), self.n)


def draws_of(molecules: int) -> int:
    """Return how many samples are drawn: 10,000, fewer for more than 20,000 molecules, at least 1,000."""
    return int(np.clip(_WEIGHTS // max(molecules, 1), LEAST_DRAWS, MOST_DRAWS))


def drawn_scores(
    labels: Bits, predictions: Bits, names: Sequence[str], *, draws: int | None = None, seed: int = 0
) -> Mapping[str, DrawnScore]:
    """Return headline scores by their names in `classification.group_metrics`, of the molecules and of their samples.

    Args:
        labels: (N, K) bool.
        predictions: (S, N, K) bool, of S seeds, which are averaged.
        names: of the K labels.
        draws: samples; None for `draws_of(N)`.
        seed: of the samples; the same seed and N give the same samples for every model.

    Raises ValueError if the shapes do not fit.
    """
    labels, predictions = np.asarray(labels, dtype=bool), np.asarray(predictions, dtype=bool)
    if predictions.ndim != 3 or not predictions.size or predictions.shape[1:] != labels.shape:
        raise ValueError(f"predictions {predictions.shape} of several seeds do not fit labels {labels.shape}")
    whole = _averaged(labels, predictions, names, np.ones((1, len(labels)), np.float32))
    count = draws_of(len(labels)) if draws is None else draws
    blocks = [_averaged(labels, predictions, names, weights) for weights in resamples(len(labels), count, seed)]
    return {
        name: DrawnScore(float(value[0]), np.concatenate([block[name] for block in blocks]), len(labels))
        for name, value in whole.items()
    }


def _averaged(labels: Bits, predictions: Bits, names: Sequence[str], weights: np.ndarray) -> dict[str, Numbers]:
    found = [_scores(labels, predicted, names, weights) for predicted in predictions]
    return {name: np.mean([one[name] for one in found], axis=0) for name in found[0]}


def _scores(labels: Bits, predicted: Bits, names: Sequence[str], weights: np.ndarray) -> dict[str, Numbers]:
    counts = weighted_counts(labels, predicted, weights)
    molecules = weights.sum(axis=1).astype(np.float64)
    column = {name: number for number, name in enumerate(names)}
    _, broken = violations(predicted, names)
    shares = {"exact_match": (labels == predicted).all(axis=1), "violations": np.asarray(broken.any(axis=1))}
    scores = {
        "groups/micro_f1": micro_f1(counts),
        "groups/macro_f1": macro_f1(counts),
        "groups/macro_f1_present": mean_over_present(f1, counts),
    }
    for name, which in shares.items():
        scores[f"groups/{name}"] = divided((weights @ which.astype(np.float32)).astype(np.float64), molecules)
    for tier, members in tiers(labels, names).items():
        chosen = counts.of(np.array([column[name] for name in members], dtype=np.int64))
        scores[f"groups/tier/{tier}/f1"] = mean_over_present(f1, chosen)
    return scores
