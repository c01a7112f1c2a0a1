"""Whether compressed features are normally distributed, as the bottleneck assumes (SymSpectra, Table 7)."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.special import ndtr

Numbers = NDArray[np.float64]

SIZES = (50, 200, 1000)
SIMULATIONS = 10_000
_NUMBERS_AT_ONCE = 4_000_000


def normality(
    features: np.ndarray, sizes: Sequence[int] = SIZES, seed: int = 0, *, simulations: int = SIMULATIONS
) -> dict[str, dict[str, float | int | None]]:
    """Return, for each number of molecules drawn, how normal the channels look.

    ``shapiro``, ``ks`` and ``lilliefors`` tests of each channel, as ``<test>_median_p`` and ``<test>_rejected`` (share
    of channels with p below 0.05; None without channels), with ``channels`` and ``constant`` channels, which are left
    out. ks compares z-scores with the standard normal distribution as if its moments had not been fitted, which is too
    lenient; lilliefors is the same statistic against its simulated distribution for fitted moments. Large samples
    reject whatever is only nearly normal. The paper does not say how many molecules it drew.

    Args:
        features: (N, C).
        sizes: molecules drawn, without replacement; those above N are left out.
        seed: of draws and simulations.
        simulations: normal samples behind a Lilliefors p-value, which is at least 1 / (simulations + 1).

    Raises ValueError if a feature is not finite.
    """
    features = np.asarray(features, dtype=np.float64)
    if features.ndim != 2 or not np.isfinite(features).all():
        raise ValueError("features must be finite numbers of molecules by channels")
    order = np.random.default_rng(seed).permutation(len(features))
    return {
        str(size): _tests(features[order[:size]], seed, simulations) for size in sizes if 3 <= size <= len(features)
    }


def _tests(sample: Numbers, seed: int, simulations: int) -> dict[str, float | int | None]:
    varying = np.ptp(sample, axis=0) > 0
    found: dict[str, float | int | None] = {"channels": int(varying.sum()), "constant": int((~varying).sum())}
    columns = sample[:, varying]
    statistics = ks_statistics(columns)
    p_values = {
        "shapiro": np.array([stats.shapiro(column).pvalue for column in columns.T]),
        "ks": stats.kstwo.sf(statistics, len(sample)),
        "lilliefors": lilliefors_p(statistics, len(sample), seed=seed, simulations=simulations),
    }
    for test, p in p_values.items():
        found[f"{test}_median_p"] = float(np.median(p)) if len(p) else None
        found[f"{test}_rejected"] = float(np.mean(p < 0.05)) if len(p) else None
    return found


def ks_statistics(columns: Numbers) -> Numbers:
    """Return the Kolmogorov-Smirnov distance (C,) of standardised columns (n, C) from the standard normal."""
    count = len(columns)
    z = (columns - columns.mean(axis=0)) / columns.std(axis=0, ddof=1)
    reached = ndtr(np.sort(z, axis=0))
    steps = np.arange(count + 1)[:, None] / count
    return np.maximum((steps[1:] - reached).max(axis=0), (reached - steps[:-1]).max(axis=0))


def lilliefors_p(statistics: Numbers, count: int, *, seed: int = 0, simulations: int = SIMULATIONS) -> Numbers:
    """Return the p-values of `ks_statistics` of `count` molecules by simulated normal samples (Lilliefors 1967)."""
    generator = np.random.default_rng([seed, count])
    block = max(1, _NUMBERS_AT_ONCE // count)
    sizes = [min(block, simulations - start) for start in range(0, simulations, block)]
    simulated = np.sort(np.concatenate([ks_statistics(generator.normal(size=(count, size))) for size in sizes]))
    exceeding = simulations - np.searchsorted(simulated, statistics, side="left")
    return (1 + exceeding) / (simulations + 1)
