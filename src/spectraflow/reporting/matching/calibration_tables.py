"""Whether stated probabilities come true, before and after one temperature, and what verdicts with a way out give."""

import statistics
from collections.abc import Sequence
from typing import Any

from spectraflow.reporting.labels import percent
from spectraflow.reporting.matching.entries import Entry, by_place, place_words
from spectraflow.reporting.matching_labels import set_name, set_place
from spectraflow.reporting.runs import as_measured

CALIBRATED = {"ece": "calibration error", "brier": "Brier score"}
VERDICTS = {"confirm": "confirmed", "reject": "rejected", "undecided": "left open"}
COVERAGES = {"matching_coverage": "right molecules not rejected", "other_coverage": "wrong molecules not confirmed"}


def calibration_tables(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """Return, for each data set and split, calibration error and Brier score of every test set by model."""
    tables = []
    for place, members in by_place(entries).items():
        models = [one for one in members if one.control is None and not one.only_cell and one.measure(_ece_of(one))]
        sets = sorted({name for one in models for name in one.sets}, key=set_place)
        if models:
            rows = [_calibration_row(one, sets) for one in models]
            tables.append({"title": place_words(place), "sets": list(map(set_name, sets)), "rows": rows})
    return tables


def _ece_of(one: Entry) -> str:
    return f"matching/{one.sets[0]}/ece" if one.sets else ""


def _calibration_row(one: Entry, sets: Sequence[str]) -> dict[str, Any]:
    temperatures = [
        found.value for run in one.experiment.runs if (found := as_measured(run.metrics.get("temperature")))
    ]
    cells = [_change(one, name, score) for name in sets for score in CALIBRATED]
    temperature = f"{statistics.fmean(temperatures):.2f}" if temperatures else "–"
    return {"name": one.name, "words": one.words, "temperature": temperature, "cells": cells}


def _change(one: Entry, name: str, score: str) -> dict[str, str]:
    before, after = one.measure(f"matching/{name}/{score}"), one.measure(f"matching/{name}/calibrated_{score}")
    digits = 1 if score == "ece" else 3
    scale = 100 if score == "ece" else 1
    shown = ["–" if value is None else f"{scale * value.value:.{digits}f}" for value in (before, after)]
    return {"before": shown[0], "after": shown[1]}


def verdict_tables(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """Return, for every model with verdicts, the shares of each test set: confirmed, rejected, open, and right."""
    tables = []
    for one in entries:
        sets = [name for name in one.sets if one.measure(f"verdicts/{name}/coverage")]
        if sets and one.control is None and not one.only_cell:
            rows = [_verdict_row(one, name) for name in sets]
            columns = [*VERDICTS.values(), "right among the decided", *COVERAGES.values()]
            tables.append({"name": one.unique, "words": one.words, "columns": columns, "rows": rows})
    return tables


def _verdict_row(one: Entry, name: str) -> dict[str, Any]:
    def share(word: str) -> float | None:
        found = one.measure(f"verdicts/{name}/{word}")
        return None if found is None else found.value

    kept, undecided = share("coverage"), share("undecided")
    decided = None if kept is None or undecided is None or undecided >= 1 else (kept - undecided) / (1 - undecided)
    values = [*map(share, VERDICTS), decided, *map(share, COVERAGES)]
    return {"name": set_name(name), "texts": list(map(percent, values))}
