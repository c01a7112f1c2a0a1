"""Intervals around a measured number."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

Statistic = Literal["mean", "median"]
_RESAMPLED_AT_ONCE = 4_000_000


@dataclass(frozen=True)
class Interval:
    """A value with the ends of its interval and the number of observations behind it; NaN where there are none."""

    value: float
    low: float
    high: float
    n: int

    def as_dict(self) -> dict[str, float | int | None]:
        """Return the interval as JSON values: numbers that do not exist are None."""
        numbers = {"value": self.value, "low": self.low, "high": self.high}
        return {**{name: float(x) if math.isfinite(x) else None for name, x in numbers.items()}, "n": self.n}


def _resampled(values: np.ndarray, draws: int, seed: int, statistic: Statistic) -> np.ndarray:
    generator = np.random.default_rng(seed)
    summarise = np.mean if statistic == "mean" else np.median
    block = max(1, _RESAMPLED_AT_ONCE // len(values))
    sizes = [min(block, draws - start) for start in range(0, draws, block)]
    return np.concatenate(
        [summarise(values[generator.integers(len(values), size=(size, len(values)))], axis=1) for size in sizes]
    )


def bootstrap_interval(
    values: np.ndarray, *, draws: int = 1000, level: float = 0.95, seed: int = 0, statistic: Statistic = "mean"
) -> Interval:
    """Return mean or median of `values` [n] with its percentile bootstrap interval.

    Resample what varies independently: molecules, not their atoms. No values give an interval of NaN with n = 0;
    values that are not finite, or an unknown statistic, raise ValueError.
    """
    values = np.asarray(values, dtype=np.float64).ravel()
    if statistic not in ("mean", "median"):
        raise ValueError(f"unknown statistic '{statistic}': use mean or median")
    if not 0 < level < 1 or draws < 1:
        raise ValueError("level must lie between 0 and 1, draws must be at least 1")
    if not len(values):
        return Interval(math.nan, math.nan, math.nan, 0)
    if not np.isfinite(values).all():
        raise ValueError(f"{np.count_nonzero(~np.isfinite(values))} of {len(values)} values are not finite")
    value = float(np.mean(values) if statistic == "mean" else np.median(values))
    tail = (1 - level) / 2
    low, high = np.quantile(_resampled(values, draws, seed, statistic), [tail, 1 - tail])
    return Interval(value, float(low), float(high), len(values))


def ratio_interval(numerators: np.ndarray, denominators: np.ndarray, *, draws: int = 1000, seed: int = 0) -> Interval:
    """Return sum(numerators) / sum(denominators) of clusters [n] with its 95 % interval from resampled clusters.

    For means over atoms: the clusters are molecules, the numerators their summed errors, the denominators their atoms.
    n counts the atoms.
    """
    pairs = np.stack([np.asarray(numerators, np.float64), np.asarray(denominators, np.float64)])
    if pairs.ndim != 2 or not np.isfinite(pairs).all():
        raise ValueError("numerators and denominators must be equally many finite numbers")
    total = pairs.sum(axis=1)
    if not total[1] > 0:
        return Interval(math.nan, math.nan, math.nan, 0)
    generator = np.random.default_rng(seed)
    count = pairs.shape[1]
    weights = (generator.multinomial(count, np.full(count, 1 / count)) for _ in range(draws))
    sums = np.stack([pairs @ weight for weight in weights])
    low, high = np.quantile(sums[:, 0] / np.maximum(sums[:, 1], 1e-300), [0.025, 0.975])
    return Interval(float(total[0] / total[1]), float(low), float(high), int(total[1]))
