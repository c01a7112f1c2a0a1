"""Tables of scores: a row an experiment, floors first, the best of every column and all that is not worse marked."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from spectraflow.evaluation.seed_statistics import holm, summarise, welch_p
from spectraflow.evaluation.uncertainty import Interval
from spectraflow.reporting.groups.entries import DATASETS, Entry, by_dataset, reference_of, same_test
from spectraflow.reporting.labels import plain
from spectraflow.reporting.runs import Measured


@dataclass(frozen=True)
class Column:
    """A score: its metric and title; violations are better the fewer."""

    metric: str
    title: str
    larger_is_better: bool = True


COLUMNS = (
    Column("groups/micro_f1", "micro-F1"),
    Column("groups/macro_f1", "macro-F1, all groups"),
    Column("groups/macro_f1_present", "macro-F1, groups present"),
    Column("groups/exact_match", "exact match"),
    Column("groups/tier/low/f1", "rare groups"),
    Column("groups/tier/medium/f1", "medium groups"),
    Column("groups/tier/high/f1", "frequent groups"),
    Column("groups/violations", "implausible sets", larger_is_better=False),
)
MAIN = COLUMNS[0]


def score_tables(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """Return, for each data set, a table of the experiments that stand on their own, then one of each grid."""
    found = []
    for dataset, members in by_dataset(entries).items():
        reference, title = reference_of(members), DATASETS.get(dataset, dataset)
        grids = dict.fromkeys(grid for one in members for run in one.experiment.runs for grid in run.grids)
        shown = [("", [one for one in members if not one.only_cell])]
        shown += [(g, [one for one in members if any(g in r.grids for r in one.experiment.runs)]) for g in grids]
        tables = [
            {
                "label": label,
                "reference": reference.name,
                "columns": [column.title for column in COLUMNS],
                "groups": _classes(rows, reference),
            }
            for label, rows in shown
            if rows
        ]
        found.append({"title": title, "tables": tables})
    return found


def _classes(entries: Sequence[Entry], reference: Entry) -> list[dict[str, Any]]:
    ordered = sorted(entries, key=lambda one: not one.is_floor)
    return [_class(members, reference) for members in same_test(ordered)]


def _class(entries: Sequence[Entry], reference: Entry) -> dict[str, Any]:
    first = entries[0]
    adjusted = dict(zip(map(id, entries), _adjusted(entries, reference), strict=True))
    marked = {column.metric: _marks(entries, column) for column in COLUMNS}
    rows = []
    for one in entries:
        cells = [_cell(one.measure(c.metric), marked[c.metric].get(id(one), "")) for c in COLUMNS]
        tuned = [_cell(one.measure(f"tuned/{c.metric}"), "") for c in COLUMNS]
        rows.append(
            {
                "name": one.name,
                "spectra": " + ".join(one.modalities),
                "floor": one.is_floor,
                "runs": len(one.experiment.runs),
                "cells": cells,
                "tuned": tuned if any(cell["text"] != "–" for cell in tuned) else None,
                **_tested(one, reference, adjusted[id(one)]),
                **_size(one),
            }
        )
    tested = first.predicted
    molecules = (first.first_run.info.get("molecules") or {}).get("test") if tested is None else len(tested.molecules)
    return {"molecules": plain(molecules), "split": plain(first.settings.get("split")), "rows": rows}


def _size(one: Entry) -> dict[str, str]:
    seconds = one.measure("cost/hours")
    trainable = (one.first_run.info.get("parameters") or {}).get("trainable")
    return {"parameters": plain(trainable), "seconds": "–" if seconds is None else f"{3600 * seconds.value:,.0f}"}


def _tested(one: Entry, reference: Entry, adjusted: float) -> dict[str, Any]:
    if one is reference:
        return {"difference": {"value": "reference", "interval": ""}, "p": "–", "holm": "–"}
    difference = one.minus(reference, MAIN.metric)
    return {"difference": signed_points(difference), "p": p_text(_p(one, reference)), "holm": p_text(adjusted)}


def _p(one: Entry, other: Entry) -> float:
    values = [
        [run.measured[MAIN.metric].value for run in entry.experiment.measuring(MAIN.metric)] for entry in (one, other)
    ]
    return welch_p(*map(summarise, values)) if all(values) else math.nan


def _adjusted(entries: Sequence[Entry], reference: Entry) -> list[float]:
    """Return Holm's p-values against the reference, NaN for itself and where runs do not repeat."""
    return holm([math.nan if one is reference else _p(one, reference) for one in entries]).tolist()


def p_text(p: float) -> str:
    """Return a p-value, a dash where there is none."""
    return "–" if not math.isfinite(p) else "< 0.0001" if p < 1e-4 else f"{p:.2g}"


def signed_points(difference: Interval | None) -> dict[str, str]:
    """Return a difference in percentage points and its interval as `value` and `interval`."""
    if difference is None:
        return {"value": "other molecules", "interval": ""}
    if not math.isfinite(difference.value):
        return {"value": "–", "interval": ""}
    interval = f"{100 * difference.low:+.1f} to {100 * difference.high:+.1f}"
    return {"value": f"{100 * difference.value:+.1f}", "interval": interval if math.isfinite(difference.low) else ""}


def _marks(entries: Sequence[Entry], column: Column) -> dict[int, str]:
    """Return `best` and `tied` (not worse than the best at 95 %, same molecules) by id of the entry."""
    values = {id(one): found.value for one in entries if (found := one.measure(column.metric)) is not None}
    models = [one for one in entries if id(one) in values and not one.is_floor]
    if len({values[id(one)] for one in models}) < 2:
        return {}
    choose = max if column.larger_is_better else min
    best = choose(models, key=lambda one: values[id(one)])
    marks = {}
    for one in models:
        difference = one.minus(best, column.metric)
        if values[id(one)] == values[id(best)]:
            marks[id(one)] = "best"
        elif difference is not None and difference.low <= 0 <= difference.high:
            marks[id(one)] = "tied"
    return marks


def _cell(value: Measured | None, mark: str) -> dict[str, str]:
    if value is None:
        return {"text": "–", "interval": "", "mark": ""}
    known = value.low is not None and value.high is not None and value.low != value.high
    interval = f"{100 * value.low:.1f} to {100 * value.high:.1f}" if known else ""  # type: ignore[operator]
    return {"text": f"{100 * value.value:.1f}", "interval": interval, "mark": mark}
