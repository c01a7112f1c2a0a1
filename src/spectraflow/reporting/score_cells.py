"""Scores as text in tables of experiments: values, differences and p-values, the best of a column marked."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from spectraflow.evaluation.seed_statistics import summarise, welch_p
from spectraflow.evaluation.uncertainty import Interval
from spectraflow.reporting.named_experiments import NamedExperiment, NamedType
from spectraflow.reporting.runs import Measured


@dataclass(frozen=True)
class Column:
    """A score: its metric and title; some are better the smaller."""

    metric: str
    title: str
    larger_is_better: bool = True


def score_cell(value: Measured | None, mark: str = "", digits: int = 1) -> dict[str, str]:
    """Return a fraction in percent as `text` with its `interval` and `mark`, a dash if there is none."""
    if value is None:
        return {"text": "–", "interval": "", "mark": ""}
    known = value.low is not None and value.high is not None and value.low != value.high
    interval = f"{100 * value.low:.{digits}f} to {100 * value.high:.{digits}f}" if known else ""  # type: ignore[operator]
    return {"text": f"{100 * value.value:.{digits}f}", "interval": interval, "mark": mark}


def signed_points(difference: Interval | None, missing: str = "other molecules") -> dict[str, str]:
    """Return a difference in percentage points and its interval as `value` and `interval`; None reads `missing`."""
    if difference is None:
        return {"value": missing, "interval": ""}
    if not math.isfinite(difference.value):
        return {"value": "–", "interval": ""}
    interval = f"{_points(difference.low)} to {_points(difference.high)}"
    return {"value": _points(difference.value), "interval": interval if math.isfinite(difference.low) else ""}


def _points(share: float) -> str:
    return f"{round(100 * share, 1) + 0.0:+.1f}"  # no minus before a zero


def is_apart(difference: Interval | None) -> bool:
    """Return whether the interval of a difference leaves out zero."""
    return difference is not None and (difference.low > 0 or difference.high < 0)


def p_text(p: float) -> str:
    """Return a p-value, a dash where there is none."""
    return "–" if not math.isfinite(p) else "< 0.0001" if p < 1e-4 else f"{p:.2g}"


def welch_of(one: NamedExperiment, other: NamedExperiment, metric: str) -> float:
    """Return the p-value of Welch's test over the runs of two experiments, NaN where runs do not repeat."""
    values = [[run.measured[metric].value for run in entry.experiment.measuring(metric)] for entry in (one, other)]
    return welch_p(*map(summarise, values)) if all(values) else math.nan


def best_marks(entries: Sequence[NamedType], column: Column) -> dict[int, str]:
    """Return `best` and `tied` (not worse than the best at 95 %, same test data) by id of the entry; floors have none.

    A column with fewer than two different scores has no marks.
    """
    values = {id(one): found.value for one in entries if (found := one.measure(column.metric)) is not None}
    models = [one for one in entries if id(one) in values and not one.is_floor]
    if len({values[id(one)] for one in models}) < 2:
        return {}
    choose = max if column.larger_is_better else min
    best = choose(models, key=lambda one: values[id(one)])
    return {id(one): mark for one in models if (mark := _mark(one, best, column.metric, values))}


def _mark(one: NamedType, best: NamedType, metric: str, values: Mapping[int, float]) -> str:
    if values[id(one)] == values[id(best)]:
        return "best"
    difference = one.minus(best, metric)
    return "tied" if difference is not None and difference.low <= 0 <= difference.high else ""
