"""From logits to decisions: calibrated on validation pairs, for another prior, and with the right to abstain."""

import math
from dataclasses import dataclass

import numpy as np

from spectraflow.evaluation.uncertainty import Interval, ratio_interval

_COLDEST, _HOTTEST = 0.01, 100.0


def fit_temperature(labels: np.ndarray, logits: np.ndarray) -> float:
    """Return the temperature T, 0.01 to 100, by which logits / T have the least log loss (Guo et al. 2017).

    labels (n,) bool and logits (n,) of pairs that no model was fitted on. Logits that are all zero keep T = 1. Raises
    ValueError unless there are pairs of both labels and all logits are finite.
    """
    from scipy.optimize import minimize_scalar

    truth, values = _checked(labels, logits)
    if truth.all() or not truth.any():
        raise ValueError("a temperature needs pairs that match and pairs that do not")
    if not values.any():
        return 1.0
    signed = np.where(truth, -values, values)

    def loss(log_temperature: float) -> float:
        return float(np.logaddexp(0, signed * math.exp(-log_temperature)).mean())

    bounds = (math.log(_COLDEST), math.log(_HOTTEST))
    return math.exp(float(minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-6}).x))


def prior_corrected(logits: np.ndarray, prior: float) -> np.ndarray:
    """Return logits of a model trained at one to one where a share `prior`, 0 to 1 exclusive, of pairs match."""
    if not 0 < prior < 1:
        raise ValueError(f"a prior lies between 0 and 1, not {prior}")
    return np.asarray(logits, np.float64) + math.log(prior / (1 - prior))


def conformal_thresholds(val_labels: np.ndarray, val_logits: np.ndarray, level: float) -> tuple[float, float]:
    """Return the logits below which a pair is rejected and above which it is confirmed; between them it stays open.

    Split conformal prediction for each label by itself (Vovk 2012): of pairs that match, exchangeable with those of
    validation, at most 1 - level are rejected, and of pairs that do not, at most 1 - level confirmed. Where one
    threshold keeps both promises, both are that one. With too few pairs for the level a threshold is infinite.

    Args:
        val_labels: (n,) bool.
        val_logits: (n,) finite, of pairs that no model was fitted on.
        level: between 0 and 1, such as 0.95.

    Raises ValueError if the shapes do not fit, a logit is not finite or the level lies outside.
    """
    if not 0 < level < 1:
        raise ValueError(f"a level lies between 0 and 1, not {level}")
    truth, values = _checked(val_labels, val_logits)
    lowest = _allowed(values[truth], level)
    highest = -_allowed(-values[~truth], level)
    if lowest >= highest and math.isfinite(lowest) and math.isfinite(highest):
        return ((lowest + highest) / 2,) * 2
    return min(lowest, highest), max(lowest, highest)


def _allowed(values: np.ndarray, level: float) -> float:
    """Return the value that at most 1 - level of new ones are below."""
    rank = math.floor((1 - level) * (len(values) + 1) + 1e-9)
    return float(np.partition(values, rank - 1)[rank - 1]) if rank else -math.inf


@dataclass(frozen=True)
class Verdicts:
    """Shares of pairs: not contradicted by their verdict, of all and of each label; and without a verdict."""

    coverage: Interval
    matching_coverage: Interval
    other_coverage: Interval
    undecided: Interval


def verdicts(
    labels: np.ndarray,
    logits: np.ndarray,
    owners: np.ndarray,
    thresholds: tuple[float, float],
    seed: int = 0,
    draws: int = 1000,
) -> Verdicts:
    """Return what verdicts by `conformal_thresholds` are worth on other pairs, with intervals over owners.

    labels (n,) bool, logits (n,) finite, owners (n,). A pair without a verdict is not contradicted. NaN where there are
    no pairs.
    """
    truth, values = _checked(labels, logits)
    low, high = thresholds
    rejected, confirmed = values < low, values > high
    kept = np.where(truth, ~rejected, ~confirmed)

    def share(which: np.ndarray, among: np.ndarray) -> Interval:
        _, place = np.unique(np.asarray(owners)[among], return_inverse=True)
        return ratio_interval(np.bincount(place, weights=which[among]), np.bincount(place), draws=draws, seed=seed)

    everything = np.ones(len(truth), bool)
    return Verdicts(
        share(kept, everything),
        share(kept, truth),
        share(kept, ~truth),
        share(~(rejected | confirmed), everything),
    )


def _checked(labels: np.ndarray, logits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    truth, values = np.asarray(labels, bool), np.asarray(logits, np.float64)
    if truth.ndim != 1 or truth.shape != values.shape:
        raise ValueError(f"labels {truth.shape} and logits {values.shape} must be equally long vectors")
    if not np.isfinite(values).all():
        raise ValueError(f"{np.count_nonzero(~np.isfinite(values))} of {len(values)} logits are not finite")
    return truth, values
