"""Comparison of models trained with several seeds: mean and spread, tests, and differences on the same molecules."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spectraflow.evaluation.classification import Bits, Numbers, macro_f1, micro_f1, resamples, weighted_counts
from spectraflow.evaluation.uncertainty import Interval


@dataclass(frozen=True)
class SeedSummary:
    """Mean and standard deviation (n - 1; NaN for one run) of a score over `n` runs; published ones fit as well."""

    mean: float
    sd: float
    n: int


@dataclass(frozen=True)
class ResampledF1:
    """Micro and macro-F1 averaged over seeds: of the `n` molecules as they are, and of D samples of them, (D,)."""

    n: int
    micro: float
    macro: float
    micro_draws: Numbers
    macro_draws: Numbers


def summarise(values: Sequence[float] | np.ndarray) -> SeedSummary:
    """Return the summary of one score a run; raises ValueError if there are none or one is not finite."""
    scores = np.asarray(values, dtype=np.float64)
    if scores.ndim != 1 or not len(scores) or not np.isfinite(scores).all():
        raise ValueError("scores of runs must be finite, and at least one")
    sd = float(scores.std(ddof=1)) if len(scores) > 1 else math.nan
    return SeedSummary(float(scores.mean()), sd, len(scores))


def welch_p(one: SeedSummary, other: SeedSummary) -> float:
    """Return the two-sided p-value of Welch's t-test of equal means.

    NaN if either has a single run. Without any spread, as between two deterministic models, 1 for equal means, else 0.
    """
    from scipy.stats import ttest_ind_from_stats

    if min(one.n, other.n) < 2:
        return math.nan
    if one.sd == other.sd == 0:
        return float(one.mean == other.mean)
    return float(ttest_ind_from_stats(one.mean, one.sd, one.n, other.mean, other.sd, other.n, equal_var=False).pvalue)


def holm(p_values: Sequence[float] | np.ndarray) -> NDArray[np.float64]:
    """Return p-values adjusted by Holm's method (Scand. J. Stat. 1979, 6, 65); NaN stays NaN and counts for nothing."""
    p = np.asarray(p_values, dtype=np.float64)
    adjusted = np.full(p.shape, np.nan)
    known = np.flatnonzero(np.isfinite(p))
    ascending = known[np.argsort(p[known], kind="stable")]
    factors = np.arange(len(known), 0, -1)
    adjusted[ascending] = np.minimum(1, np.maximum.accumulate(factors * p[ascending]))
    return adjusted


def best_and_not_worse(scores: Mapping[str, SeedSummary], *, level: float = 0.95) -> list[str]:
    """Return the name of the highest mean and of all that are not worse at `level`, in the order given.

    Welch's test against the best, Holm-adjusted within `scores`. Where runs are too few to tell, a lower mean is worse.
    """
    if not scores:
        return []
    best = max(scores, key=lambda name: scores[name].mean)
    others = [name for name in scores if name != best]
    adjusted = dict(zip(others, holm([welch_p(scores[best], scores[name]) for name in others]).tolist(), strict=True))
    ties = {name for name in others if scores[name].mean == scores[best].mean}
    return [name for name in scores if name == best or name in ties or adjusted[name] > 1 - level]


def resampled_f1(labels: Bits, predictions: Bits, *, draws: int = 10_000, seed: int = 0) -> ResampledF1:
    """Return micro and macro-F1, averaged over S seeds, of the molecules and of bootstrap samples of them.

    The same `seed` and number of molecules give the same samples, so that the draws of two models can be subtracted.

    Args:
        labels: (N, K) bool.
        predictions: (S, N, K) bool.
        draws: samples.
        seed: of the samples.

    Raises ValueError if the shapes do not fit.
    """
    labels, predictions = np.asarray(labels, dtype=bool), np.asarray(predictions, dtype=bool)
    if predictions.ndim != 3 or not predictions.size or predictions.shape[1:] != labels.shape:
        raise ValueError(f"predictions {predictions.shape} of several seeds do not fit labels {labels.shape}")
    whole = np.ones((1, len(labels)), np.float32)
    micro, macro = _averaged(labels, predictions, whole)
    drawn = [_averaged(labels, predictions, weights) for weights in resamples(len(labels), draws, seed)]
    micro_draws, macro_draws = (np.concatenate(part) for part in zip(*drawn, strict=True))
    return ResampledF1(len(labels), float(micro[0]), float(macro[0]), micro_draws, macro_draws)


def paired_difference(one: ResampledF1, other: ResampledF1) -> dict[str, Interval]:
    """Return ``micro_f1`` and ``macro_f1`` of one minus the other with 95 % intervals over molecules.

    Both must come from `resampled_f1` with the same molecules, seed and draws.
    """
    differences = {
        "micro_f1": (one.micro - other.micro, one.micro_draws - other.micro_draws),
        "macro_f1": (one.macro - other.macro, one.macro_draws - other.macro_draws),
    }
    intervals = {}
    for name, (value, draws) in differences.items():
        low, high = np.quantile(draws, [0.025, 0.975])
        intervals[name] = Interval(value, float(low), float(high), one.n)
    return intervals


def _averaged(labels: Bits, predictions: Bits, weights: NDArray[np.float32]) -> tuple[Numbers, Numbers]:
    counts = [weighted_counts(labels, predicted, weights) for predicted in predictions]
    return np.mean([micro_f1(one) for one in counts], axis=0), np.mean([macro_f1(one) for one in counts], axis=0)
