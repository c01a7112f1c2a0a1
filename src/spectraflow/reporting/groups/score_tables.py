"""Tables of scores: a row an experiment, floors first, the best of every column and all that is not worse marked."""

import math
from collections.abc import Sequence
from typing import Any

from spectraflow.evaluation.seed_statistics import holm
from spectraflow.reporting.groups.entries import DATASETS, Entry, reference_of, same_test
from spectraflow.reporting.labels import plain
from spectraflow.reporting.named_experiments import by_dataset, own_and_grids
from spectraflow.reporting.score_cells import Column, best_marks, p_text, score_cell, signed_points, welch_of

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
        tables = [
            {
                "label": label,
                "reference": reference.name,
                "columns": [column.title for column in COLUMNS],
                "groups": _classes(rows, reference),
            }
            for label, rows in own_and_grids(members)
        ]
        found.append({"title": title, "tables": tables})
    return found


def _classes(entries: Sequence[Entry], reference: Entry) -> list[dict[str, Any]]:
    ordered = sorted(entries, key=lambda one: not one.is_floor)
    return [_class(members, reference) for members in same_test(ordered)]


def _class(entries: Sequence[Entry], reference: Entry) -> dict[str, Any]:
    first = entries[0]
    adjusted = dict(zip(map(id, entries), _adjusted(entries, reference), strict=True))
    marked = {column.metric: best_marks(entries, column) for column in COLUMNS}
    rows = []
    for one in entries:
        cells = [score_cell(one.measure(c.metric), marked[c.metric].get(id(one), "")) for c in COLUMNS]
        tuned = [score_cell(one.measure(f"tuned/{c.metric}")) for c in COLUMNS]
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
    return {
        "difference": signed_points(difference),
        "p": p_text(welch_of(one, reference, MAIN.metric)),
        "holm": p_text(adjusted),
    }


def _adjusted(entries: Sequence[Entry], reference: Entry) -> list[float]:
    """Return Holm's p-values against the reference, NaN for itself and where runs do not repeat."""
    return holm([math.nan if one is reference else welch_of(one, reference, MAIN.metric) for one in entries]).tolist()
