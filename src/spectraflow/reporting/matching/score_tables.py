"""Tables of scores of matching: a row an experiment, counting lines and controls first, the best of a column marked."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from spectraflow.evaluation.uncertainty import Interval
from spectraflow.reporting.labels import plain
from spectraflow.reporting.matching.entries import (
    Entry,
    all_sets,
    auc,
    by_place,
    line_counts_of,
    place_words,
    reference_of,
)
from spectraflow.reporting.matching.predictions import mean_auc
from spectraflow.reporting.matching_labels import set_name
from spectraflow.reporting.named_experiments import own_and_grids
from spectraflow.reporting.score_cells import Column, best_marks, score_cell, signed_points

MAIN_SET = "near"
DECIDED_SETS = ("near", "diff")
DECISIONS = {"precision": "precision", "recall": "recall", "f1": "F1", "accuracy": "accuracy"}
PARTIAL = {
    "auc_lines": "¹³C lines alone",
    "auc_lines_sp2": "and those above 90 ppm",
    "auc_carbon_counts": "and those of C=O and of carbons on N or O",
    "auc_line_counts": "and ¹H lines",
    "auc_13C": "by ¹³C alone",
    "auc_1H": "by ¹H alone",
}
"""AUC of a model's parts, by the name of the metric."""

_WITHOUT_MINUS = "other pairs"


def score_tables(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """Return, for each data set and split, a table of the experiments that stand on their own, then one of each grid.

    Grids have the comparator that counts lines and the reference model beside them.
    """
    found = []
    for place, members in by_place(entries).items():
        tables = []
        for label, rows in own_and_grids(members):
            beside = [line_counts_of(members, reference_of(members)), reference_of(members)] if label else []
            shown = [*(one for one in beside if one is not None and not any(one is row for row in rows)), *rows]
            tables.append(_table(label, shown, members))
        found.append({"title": place_words(place), "pairs": _pairs(members), "tables": tables})
    return found


def _pairs(entries: Sequence[Entry]) -> str:
    """Return how many true pairs and wrong ones of each set were tested."""
    counts = (reference_of(entries).first_run.info.get("pairs") or {}).get("test") or {}
    wrong = ", ".join(f"{set_name(name)} {plain(n)}" for name, n in counts.items() if name != "true")
    return f"{plain(counts.get('true'))} true pairs in the test part; wrong ones: {wrong}." if wrong else ""


def ordered(entries: Sequence[Entry]) -> list[Entry]:
    """Return the comparator that counts lines first, then controls, then all others."""
    return sorted(entries, key=lambda one: (not one.counts_lines, not one.is_floor))


def _table(label: str, entries: Sequence[Entry], members: Sequence[Entry]) -> dict[str, Any]:
    sets = all_sets(entries)
    marked = {name: best_marks(entries, Column(auc(name), set_name(name))) for name in sets}
    decided = [name for name in DECIDED_SETS if name in sets]
    return {
        "label": label,
        "sets": [set_name(name) for name in sets],
        "decided": [set_name(name) for name in decided],
        "decisions": list(DECISIONS.values()),
        "rows": [_row(one, sets, decided, marked, members) for one in ordered(entries)],
        "partly": [text for one in entries if (text := _where_scored(one, members))],
    }


def _row(
    one: Entry,
    sets: Sequence[str],
    decided: Sequence[str],
    marked: dict[str, dict[int, str]],
    members: Sequence[Entry],
) -> dict[str, Any]:
    parts = {name: [one.measure(f"matching/{place}/{name}") for place in sets] for name in PARTIAL}
    return {
        "name": one.name,
        "words": one.words,
        "floor": one.is_floor,
        "runs": len(one.experiment.runs),
        "cells": [score_cell(one.measure(auc(name)), marked[name].get(id(one), "")) for name in sets],
        "difference": _difference(one, members),
        "decisions": [score_cell(one.measure(f"matching/{name}/{score}")) for name in decided for score in DECISIONS],
        "parts": [
            {"name": PARTIAL[name], "cells": [score_cell(value) for value in values]}
            for name, values in parts.items()
            if any(values) and name != "auc_line_counts"
        ],
    }


def _difference(one: Entry, members: Sequence[Entry]) -> dict[str, str]:
    counts = line_counts_of(members, one)
    if counts is None:
        return {"value": "–", "interval": ""}
    if one is counts:
        return {"value": "reference", "interval": ""}
    return signed_points(one.minus(counts, auc(MAIN_SET)), _WITHOUT_MINUS)


def _where_scored(one: Entry, members: Sequence[Entry]) -> str:
    """Return what a model that cannot score every pair reaches on those it can, beside counting lines there."""
    folds = one.scored(MAIN_SET)
    scored, every = sum(int(fold.scored.sum()) for fold in folds), sum(len(fold.scored) for fold in folds)
    kept = [fold.among(fold.scored) for fold in folds]
    if scored == every or any(len(np.unique(fold.labels)) < 2 for fold in kept):
        return ""
    start = f"{one.name} can score {scored:,} of {every:,} pairs of the set {set_name(MAIN_SET)}; on these its AUC is "
    start += f"{100 * mean_auc(kept).value:.1f}"
    difference = _difference_where_scored(one, line_counts_of(members, one))
    if difference is None:
        return f"{start}."
    points = signed_points(difference)
    return f"{start}, {points['value']} points from that of counting lines on the same ones ({points['interval']})."


def _difference_where_scored(one: Entry, counts: Entry | None) -> Interval | None:
    if counts is None or one.predicted is None or counts.predicted is None:
        return None
    return one.predicted.minus(counts.predicted, MAIN_SET, where_scored=True)
