"""Scores of predicted properties: ROC-AUC and average precision of classes, errors of numbers, with intervals.

A target is evaluable for a score where it is defined: ROC-AUC needs both classes among the molecules, average precision
a positive, R2 two different values, errors any measured value. Means go over evaluable targets alone.
"""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from spectraflow.evaluation.classification import divided, resamples
from spectraflow.evaluation.paired_scores import DrawnScore
from spectraflow.evaluation.ranking_scores import weighted_auc, weighted_average_precision
from spectraflow.evaluation.uncertainty import Interval

TaskKind = Literal["classification", "regression"]
Numbers = NDArray[np.float64]
Score = Callable[[Numbers, Numbers, np.ndarray], Numbers]
"""(measured (n,), predicted (n,), weights (D, n)) -> value in each of D samples, NaN where it is undefined."""

MAIN: Mapping[TaskKind, str] = {"classification": "auc", "regression": "rmse"}
"""The score that tables print and epochs are chosen by."""
STRATIFIED_AT_ONCE = 500
HIGHER_IS_BETTER = frozenset({"auc", "pr_auc", "r2"})


def _auc(measured: Numbers, predicted: Numbers, weights: np.ndarray) -> Numbers:
    return weighted_auc(measured > 0.5, predicted, weights)


def _pr_auc(measured: Numbers, predicted: Numbers, weights: np.ndarray) -> Numbers:
    return weighted_average_precision(measured > 0.5, predicted, weights)


def _rmse(measured: Numbers, predicted: Numbers, weights: np.ndarray) -> Numbers:
    return np.sqrt(_weighted_mean((predicted - measured) ** 2, weights))


def _mae(measured: Numbers, predicted: Numbers, weights: np.ndarray) -> Numbers:
    return _weighted_mean(np.abs(predicted - measured), weights)


def _r2(measured: Numbers, predicted: Numbers, weights: np.ndarray) -> Numbers:
    if not len(measured) or np.ptp(measured) == 0:
        return np.full(len(weights), np.nan)
    centred = measured - measured.mean()
    variance = _weighted_mean(centred**2, weights) - _weighted_mean(centred, weights) ** 2
    spread = variance > 1e-12 * np.square(centred).max()
    return 1 - divided(_weighted_mean((predicted - measured) ** 2, weights), np.where(spread, variance, 0), np.nan)


def _weighted_mean(values: Numbers, weights: np.ndarray) -> Numbers:
    return divided(weights @ values, weights.sum(axis=1, dtype=np.float64), np.nan)


SCORES: Mapping[TaskKind, Mapping[str, Score]] = {
    "classification": {"auc": _auc, "pr_auc": _pr_auc},
    "regression": {"rmse": _rmse, "mae": _mae, "r2": _r2},
}


def target_scores(measured: np.ndarray, predicted: np.ndarray, kind: TaskKind, name: str) -> Numbers:
    """Return one score of every target, (T,), NaN where it is undefined.

    Args:
        measured: (N, T), NaN where nothing was measured.
        predicted: (N, T), probabilities or values.
        kind: of the task.
        name: of the score, one of SCORES[kind].
    """
    return _scores_of_targets(*_checked(measured, predicted), SCORES[kind][name], np.ones((1, len(measured))))[0]


def mean_score(measured: np.ndarray, predicted: np.ndarray, kind: TaskKind, name: str | None = None) -> float:
    """Return the mean of a score (None: the main one) over the evaluable targets, NaN if there are none."""
    return float(_mean(target_scores(measured, predicted, kind, name or MAIN[kind])[None])[0])


def property_metrics(
    measured: np.ndarray,
    predicted: np.ndarray,
    kind: TaskKind,
    names: Sequence[str],
    *,
    draws: int = 1000,
    seed: int = 0,
) -> dict[str, Interval]:
    """Return ``property/<score>``, means over targets, and for each of several ``property/target/<name>/<score>``.

    With 95 % intervals by bootstrap over molecules; samples in which a score is undefined are left out of its interval.
    `n` counts the molecules with a measured value, for a target those of the target.

    Args:
        measured: (N, T), NaN where nothing was measured.
        predicted: (N, T), probabilities of the positive class, or values in original units.
        kind: of the task.
        names: of the T targets.
        draws: resamples.
        seed: of the resamples; the same seed resamples the same molecules for every model.

    Raises ValueError for shapes that do not fit or predictions that are not finite.
    """
    measured, predicted = _checked(measured, predicted)
    labelled = np.isfinite(measured)
    found: dict[str, Interval] = {}
    for name, score in SCORES[kind].items():
        whole = _scores_of_targets(measured, predicted, score, np.ones((1, len(measured))))
        drawn = np.concatenate(
            [
                _scores_of_targets(measured, predicted, score, weights)
                for weights in _samples(len(measured), draws, seed)
            ]
        )
        found[f"property/{name}"] = _interval(_mean(whole)[0], _mean(drawn), int(labelled.any(axis=1).sum()))
        if len(names) > 1:
            for target, label in enumerate(names):
                of_target = _interval(whole[0, target], drawn[:, target], int(labelled[:, target].sum()))
                found[f"property/target/{label}/{name}"] = of_target
    return found


def target_counts(measured: np.ndarray, kind: TaskKind, names: Sequence[str]) -> dict[str, Any]:
    """Return how many ``targets`` there are, how many are ``evaluable`` for the main score, and who is not.

    ``labelled`` and, of classes, ``positives`` are counts by name; ``status`` is undefined if no target is evaluable.
    """
    labelled = np.isfinite(measured)
    positives = (measured > 0.5).sum(axis=0)
    negatives = labelled.sum(axis=0) - positives
    evaluable = (positives > 0) & (negatives > 0) if kind == "classification" else labelled.any(axis=0)
    counts: dict[str, Any] = {
        "status": "ok" if evaluable.any() else "undefined",
        "targets": len(names),
        "evaluable": int(evaluable.sum()),
        "not_evaluable": [name for name, known in zip(names, evaluable.tolist(), strict=True) if not known],
        "labelled": dict(zip(names, labelled.sum(axis=0).tolist(), strict=True)),
    }
    return counts | (
        {"positives": dict(zip(names, positives.tolist(), strict=True))} if kind == "classification" else {}
    )


def drawn_score(
    measured: np.ndarray,
    predictions: np.ndarray,
    kind: TaskKind,
    *,
    draws: int = 10_000,
    seed: int = 0,
) -> DrawnScore:
    """Return the main score, averaged over seeds, of the molecules and of D bootstrap samples that all models share.

    Where the task is one class label, samples keep the numbers of positives and negatives. With several labels they
    cannot for all at once: a label that a sample has one class of is then left out of that sample's mean.

    Args:
        measured: (N, T), NaN where nothing was measured.
        predictions: (S, N, T), of S seeds.
        kind: of the task.
        draws: samples.
        seed: of the samples; the same seed and molecules give the same samples for every model.
    """
    score = SCORES[kind][MAIN[kind]]
    strata = measured[:, 0] if kind == "classification" and measured.shape[1] == 1 else None

    def averaged(weights: np.ndarray) -> Numbers:
        pairs = [_checked(measured, predicted) for predicted in predictions]
        return np.mean([_mean(_scores_of_targets(*pair, score, weights)) for pair in pairs], axis=0)

    drawn = [averaged(weights) for weights in _samples(len(measured), draws, seed, strata)]
    return DrawnScore(float(averaged(np.ones((1, len(measured))))[0]), np.concatenate(drawn), len(measured))


def _samples(count: int, draws: int, seed: int, strata: np.ndarray | None = None) -> Iterator[np.ndarray]:
    """Yield blocks (draws of the block, count) of how often each molecule stands in a sample."""
    if strata is None:
        yield from resamples(count, draws, seed)
        return
    generator = np.random.default_rng(seed)
    groups = [rows for value in (0, 1) if len(rows := np.flatnonzero(strata == value))]
    for start in range(0, draws, STRATIFIED_AT_ONCE):
        weights = np.zeros((min(STRATIFIED_AT_ONCE, draws - start), count), np.float32)
        for one in weights:
            for rows in groups:
                one[rows] = np.bincount(generator.integers(len(rows), size=len(rows)), minlength=len(rows))
        yield weights


def _checked(measured: np.ndarray, predicted: np.ndarray) -> tuple[Numbers, Numbers]:
    measured, predicted = np.asarray(measured, np.float64), np.asarray(predicted, np.float64)
    if measured.ndim != 2 or measured.shape != predicted.shape:
        raise ValueError(f"measured {measured.shape} and predicted {predicted.shape} do not fit")
    if not np.isfinite(predicted).all():
        raise ValueError(f"{np.count_nonzero(~np.isfinite(predicted))} predictions are not finite numbers")
    return measured, predicted


def _scores_of_targets(measured: Numbers, predicted: Numbers, score: Score, weights: np.ndarray) -> Numbers:
    """Return the score of every target in every sample, (D, T)."""
    columns = []
    for target in range(measured.shape[1]):
        rows = np.flatnonzero(np.isfinite(measured[:, target]))
        columns.append(score(measured[rows, target], predicted[rows, target], weights[:, rows]))
    return np.stack(columns, axis=1)


def _mean(scores: Numbers) -> Numbers:
    """Return the mean (D,) over evaluable targets, NaN where there are none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        means: Numbers = np.nanmean(scores, axis=1)
    return means


def _interval(value: float, drawn: Numbers, n: int) -> Interval:
    drawn = drawn[np.isfinite(drawn)]
    low, high = np.quantile(drawn, [0.025, 0.975]) if np.isfinite(value) and len(drawn) else (np.nan, np.nan)
    return Interval(float(value), float(low), float(high), n)
