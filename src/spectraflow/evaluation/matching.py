"""How well logits tell pairs that match from pairs that do not, with intervals over the owners of the spectra.

A pair counts as predicted to match from logit 0 on, probability 0.5 included. What varies independently are molecules:
bootstrap samples draw owners, each with all its pairs.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spectraflow.evaluation.classification import Bits, Numbers, divided, resamples
from spectraflow.evaluation.paired_scores import DrawnScore
from spectraflow.evaluation.permutation import derangement
from spectraflow.evaluation.uncertainty import Interval

METRICS = ("auc", "accuracy", "precision", "recall", "f1", "auprc", "brier", "ece")
_BINS = 10
_WEIGHTS_AT_ONCE = 1_000_000
_TRIES = 100


def probabilities(logits: np.ndarray) -> Numbers:
    """Return the probabilities that pairs match."""
    from scipy.special import expit

    return np.asarray(expit(np.asarray(logits, np.float64)))


def matching_metrics(
    labels: np.ndarray, logits: np.ndarray, owners: np.ndarray, seed: int, draws: int = 1000
) -> dict[str, Interval]:
    """Return METRICS of pairs with their 95 % intervals from resampled owners; n counts pairs.

    The AUC counts ties half; auprc is the average precision; the expected calibration error, of ten bins, grows in
    resamples, so its interval may lie above it. What a set without positives, negatives or predicted ones leaves
    undefined is NaN with n = 0.

    Args:
        labels: (n,) bool.
        logits: (n,) finite.
        owners: (n,) ids or numbers of the molecules whose spectra are shown.
        seed: of the samples.
        draws: samples.

    Raises ValueError if the shapes do not fit or a logit is not finite.
    """
    ranked = _Ranked.of(labels, logits)
    count = len(ranked.labels)
    if not count:
        return {name: Interval(math.nan, math.nan, math.nan, 0) for name in METRICS}
    whole = ranked.scores(np.ones((count, 1)))
    parts = [ranked.scores(weights[ranked.order]) for weights in _owner_weights(owners, count, draws, seed)]
    return {name: _interval(float(whole[name][0]), [part[name] for part in parts], count) for name in METRICS}


def area_under_curve(labels: np.ndarray, logits: np.ndarray) -> float:
    """Return the AUC of pairs, ties counted half, NaN without both labels; raises ValueError as `matching_metrics`."""
    ranked = _Ranked.of(labels, logits)
    return float(ranked.auc(np.ones((len(ranked.labels), 1)))[0]) if len(ranked.labels) else math.nan


def drawn_auc(
    labels: np.ndarray, logits_of_seeds: np.ndarray, owners: np.ndarray, draws: int = 1000, seed: int = 0
) -> DrawnScore:
    """Return the AUC averaged over S seeds, of the pairs and of D samples of owners; n counts owners.

    The same owners (in any order of pairs) and seed give the same samples, so that models scored on the same pairs can
    be subtracted.

    Args:
        labels: (n,) bool.
        logits_of_seeds: (S, n) finite.
        owners: (n,).
        draws: samples D.
        seed: of the samples.

    Raises ValueError if the shapes do not fit or a logit is not finite.
    """
    stacked = np.asarray(logits_of_seeds, np.float64)
    if stacked.ndim != 2 or not stacked.size:
        raise ValueError(f"logits {stacked.shape} must be those of one or more seeds, (S, n)")
    ranked = [_Ranked.of(labels, logits) for logits in stacked]
    count = stacked.shape[1]
    value = np.mean([one.auc(np.ones((count, 1)))[0] for one in ranked])
    drawn = [
        np.mean([one.auc(weights[one.order]) for one in ranked], axis=0)
        for weights in _owner_weights(owners, count, draws, seed)
    ]
    return DrawnScore(float(value), np.concatenate(drawn), len(np.unique(owners)))


def null_sd(positives: int, negatives: int) -> float:
    """Return the standard deviation of the AUC of scores that tell nothing: sqrt((m + n + 1) / (12 m n))."""
    return math.sqrt((positives + negatives + 1) / (12 * positives * negatives))


def permuted_pairs(owners: np.ndarray, candidates: np.ndarray, labels: np.ndarray, seed: int) -> NDArray[np.int64]:
    """Return for each pair the row of another owner whose spectra stand in for its own: a control that must fail.

    Owners exchange their spectra in one random cycle, the same for all pairs of an owner. No pair that matches keeps
    its spectra; of 100 cycles the one is taken by which the fewest other pairs (mostly none) come to match.

    Args:
        owners: (n,) rows of the molecules whose spectra are shown.
        candidates: (n,) rows.
        labels: (n,) bool: owner and candidate are one.
        seed: of the cycles.

    Raises ValueError if labels contradict the rows, or if there are fewer than two owners.
    """
    owners, candidates = np.asarray(owners, np.int64), np.asarray(candidates, np.int64)
    if not np.array_equal(owners == candidates, np.asarray(labels, bool)):
        raise ValueError("labels must say which candidates are the owners themselves")
    distinct, place = np.unique(owners, return_inverse=True)
    if len(distinct) < 2:
        raise ValueError("spectra of fewer than two owners cannot be exchanged")
    seeds = np.random.default_rng(seed).integers(2**62, size=_TRIES).tolist()
    tried = (distinct[derangement(len(distinct), one)][place] for one in seeds)
    return min(tried, key=lambda exchanged: int((exchanged == candidates).sum()))


@dataclass(frozen=True)
class _Ranked:
    """Pairs by ascending logit: `order` (n,) of the given rows, `first` and `past` (n,) the ends of each one's ties."""

    order: NDArray[np.int64]
    labels: Bits
    logits: Numbers
    first: NDArray[np.int64]
    past: NDArray[np.int64]

    @classmethod
    def of(cls, labels: np.ndarray, logits: np.ndarray) -> "_Ranked":
        truth, values = np.asarray(labels, bool), np.asarray(logits, np.float64)
        if truth.ndim != 1 or truth.shape != values.shape:
            raise ValueError(f"labels {truth.shape} and logits {values.shape} must be equally long vectors")
        if not np.isfinite(values).all():
            raise ValueError(f"{np.count_nonzero(~np.isfinite(values))} of {len(values)} logits are not finite")
        order = np.argsort(values, kind="stable")
        values = values[order]
        ends = (np.searchsorted(values, values, side).astype(np.int64) for side in ("left", "right"))
        return cls(order, truth[order], values, *ends)

    def auc(self, weights: Numbers) -> Numbers:
        """Return the AUC (D,) of pairs that count as often as `weights` (n, D) say; NaN without both labels."""
        below = _cumulated(np.where(self.labels[:, None], 0, weights))
        positive = weights[self.labels]
        won = np.einsum("pd,pd->d", positive, below[self.first[self.labels]])
        won += np.einsum("pd,pd->d", positive, below[self.past[self.labels]])
        return divided(won / 2, positive.sum(axis=0) * below[-1], math.nan)

    def scores(self, weights: Numbers) -> dict[str, Numbers]:
        """Return METRICS (D,) of pairs that count as often as `weights` (n, D) say."""
        stated, said = probabilities(self.logits), self.logits >= 0
        summed = np.stack([np.ones(len(said)), self.labels, said, said & self.labels, (stated - self.labels) ** 2])
        total, positive, found, hits, squares = _weighted(summed, weights)
        return {
            "auc": self.auc(weights),
            "accuracy": divided(total - positive - found + 2 * hits, total, math.nan),
            "precision": divided(hits, found, math.nan),
            "recall": divided(hits, positive, math.nan),
            "f1": divided(2 * hits, found + positive, math.nan),
            "auprc": self._average_precision(weights),
            "brier": divided(squares, total, math.nan),
            "ece": divided(self._calibration_gaps(stated, weights), total, math.nan),
        }

    def _average_precision(self, weights: Numbers) -> Numbers:
        positive = weights[self.labels]
        first = self.first[self.labels]  # pairs from there on are predicted at a positive's own threshold
        hits = _above(np.where(self.labels[:, None], weights, 0), first)
        precision = divided(hits, _above(weights, first))
        return divided(np.einsum("pd,pd->d", positive, precision), positive.sum(axis=0), math.nan)

    def _calibration_gaps(self, stated: Numbers, weights: Numbers) -> Numbers:
        """Return the summed |stated - happened| of the bins that `calibration.reliability` makes, (D,)."""
        bins = np.minimum((stated * _BINS).astype(int), _BINS - 1)
        inside = (bins == np.arange(_BINS)[:, None]) * (stated - self.labels)
        return np.abs(_weighted(inside, weights)).sum(axis=0)


def _weighted(values: Numbers, weights: Numbers) -> Numbers:
    """Return sums (k, D) of values (k, n): so few rows are faster without the threads of a matrix product."""
    return np.einsum("kn,nd->kd", values, weights)


def _cumulated(weights: Numbers) -> Numbers:
    below = np.zeros((len(weights) + 1, weights.shape[1]))
    np.cumsum(weights, axis=0, out=below[1:])
    return below


def _above(weights: Numbers, first: NDArray[np.int64]) -> Numbers:
    below = _cumulated(weights)
    return below[-1] - below[first]


def _owner_weights(owners: np.ndarray, count: int, draws: int, seed: int) -> Iterator[Numbers]:
    """Yield blocks (n, D of the block) of how often each pair stands in a bootstrap sample of owners."""
    distinct, place = np.unique(np.asarray(owners), return_inverse=True)
    if place.shape != (count,):
        raise ValueError(f"owners {place.shape} do not fit {count} pairs")
    columns = max(1, _WEIGHTS_AT_ONCE // count)
    for weights in resamples(len(distinct), draws, seed):
        for start in range(0, len(weights), columns):
            yield np.ascontiguousarray(weights[start : start + columns].T, np.float64)[place]


def _interval(value: float, drawn: list[Numbers], count: int) -> Interval:
    finite = np.concatenate(drawn) if drawn else np.zeros(0)
    finite = finite[np.isfinite(finite)]
    if not math.isfinite(value) or not len(finite):
        return Interval(value, math.nan, math.nan, count if math.isfinite(value) else 0)
    low, high = np.quantile(finite, [0.025, 0.975])
    return Interval(value, float(low), float(high), count)
