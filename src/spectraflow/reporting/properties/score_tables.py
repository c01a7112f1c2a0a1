"""Tables of scores of MoleculeNet tasks: a row a model, a column a task, published values below."""

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

import polars as pl

from spectraflow.methods.mmfrl.property_metrics import SCORES as SCORES_OF
from spectraflow.methods.mmfrl.property_metrics import TaskKind
from spectraflow.reporting.modality_averages import ModalityAverage
from spectraflow.reporting.properties.entries import Entry, by_family, family_words, labels_of, tasks_of
from spectraflow.reporting.property_labels import SCORES, UNITS, number, task_name
from spectraflow.reporting.published_mmfrl import fit_budget, pretraining_budget
from spectraflow.reporting.runs import Measured

TITLES: Mapping[TaskKind, str] = {
    "classification": "Classification: ROC-AUC, percent, mean over the targets that have both classes",
    "regression": "Regression: RMSE in the unit of the task",
}

Published = tuple[float, float | None]


class PublishedScores:
    """Published scores (in percent, or in the unit of the task) beside experiments, from comparison.csv."""

    def __init__(self, comparison: pl.DataFrame) -> None:
        rows = comparison.filter(pl.col("metric").is_in(["property/auc", "property/rmse"])).sort("table")
        self._found: dict[frozenset[str], Published] = {}
        for row in rows.iter_rows(named=True):
            runs = frozenset((row["run_ids"] or "").split())
            self._found.setdefault(runs, (row["published"], row["published_sd"]))

    def of(self, one: Entry) -> Published | None:
        """Return mean and standard deviation; of an average the mean of what is published for its members."""
        if isinstance(one.experiment, ModalityAverage):
            members = [self._of_runs(each.runs, one.main) for each in one.experiment.members]
            known = [value for value, _ in filter(None, members)]
            return (fmean(known), None) if len(known) == len(members) else None
        return self._of_runs(one.runs, one.main)

    def _of_runs(self, runs: Sequence[Any], score: str) -> Published | None:
        measuring = frozenset(run.run_id for run in runs if f"property/{score}" in run.measured)
        return self._found.get(measuring)


def score_tables(entries: Sequence[Entry], comparison: pl.DataFrame) -> list[dict[str, Any]]:
    """Return, for each split protocol and cleaning, a table for classes and one for numbers, other scores below."""
    published = PublishedScores(comparison)
    found = []
    for family, members in by_family(entries).items():
        tables = [
            _table(kind, chosen, published)
            for kind in TITLES
            if (chosen := [one for one in members if one.task_kind == kind])
        ]
        found.append({"title": family_words(family), "repeated": _repeated(family[0]), "tables": tables})
    return found


def _repeated(protocol: str) -> str:
    if protocol == "scaffold_balanced":
        return "± is the standard deviation over splits, each with a seed of its own for the model"
    return "the split is one; ± is the standard deviation over seeds of the model"


def _table(kind: TaskKind, entries: Sequence[Entry], published: PublishedScores) -> dict[str, Any]:
    tasks, labels = tasks_of(entries), labels_of(entries)
    by_place = {(one.label, one.task): one for one in entries}
    main, *others = SCORES_OF[kind]
    rows = [_row(label, [by_place.get((label, task)) for task in tasks], published) for label in labels]
    more = []
    for score in others:
        cells = [[_cell(by_place.get((label, task)), score) for task in tasks] for label in labels]
        if any(cell["text"] != "–" for row in cells for cell in row):
            more.append({"title": SCORES[score], "rows": list(zip(labels, cells, strict=True))})
    return {
        "title": TITLES[kind],
        "tasks": [_column(task, [one for one in entries if one.task == task]) for task in tasks],
        "rows": rows,
        "more": more,
        "score": SCORES[main],
    }


def _column(task: str, entries: Sequence[Entry]) -> dict[str, str]:
    budget = dict.fromkeys(words for one in entries for words in fit_budget(one.settings))
    return {
        "name": task_name(task),
        "unit": UNITS.get(task, ""),
        "targets": _targets(entries),
        "budget": "; ".join(budget),
    }


def _targets(entries: Sequence[Entry]) -> str:
    """Return how many targets of a test part could be scored, where some could not."""
    counts = [(run.metrics.get("targets") or {}).get("test") or {} for one in entries for run in one.runs]
    known = [(one["evaluable"], one["targets"]) for one in counts if {"evaluable", "targets"} <= one.keys()]
    if not known or all(evaluable == whole for evaluable, whole in known):
        return ""
    fewest, most = min(known)[0], max(known)[0]
    return f"{fewest if fewest == most else f'{fewest} to {most}'} of {known[0][1]} targets scored"


def _row(label: str, found: Sequence[Entry | None], published: PublishedScores) -> dict[str, Any]:
    one = next(entry for entry in found if entry is not None)
    return {
        "name": label,
        "words": "; ".join([one.words, *pretraining_budget(one.settings)]),
        "floor": one.is_floor,
        "average": one.is_average,
        "cells": [_cell(entry, None, published) for entry in found],
    }


def _cell(one: Entry | None, score: str | None, published: PublishedScores | None = None) -> dict[str, str]:
    empty = {"text": "–", "interval": "", "runs": "", "published": ""}
    if one is None:
        return empty
    measured = one.measure(score)
    if measured is None:
        return {**empty, "text": "undefined"}
    repetitions = one.repetitions
    printed = published.of(one) if published is not None else None
    return {
        "text": score_text(measured, score or one.main, repetitions),
        "interval": _interval(measured, score or one.main) if repetitions == 1 else "",
        "runs": f"n = {repetitions}",
        "published": "" if printed is None else f"published {published_text(printed, one.main)}",
    }


def score_text(measured: Measured, score: str, repetitions: int) -> str:
    """Return a score, with its standard deviation if it was repeated."""
    value = number(measured.value, score)
    if repetitions < 2 or measured.high is None:
        return value
    return f"{value} ± {number(measured.high - measured.value, score)}"


def _interval(measured: Measured, score: str) -> str:
    if measured.low is None or measured.high is None:
        return ""
    return f"{number(measured.low, score)} to {number(measured.high, score)}"


def published_text(published: Published, score: str) -> str:
    """Return a published score as it is printed."""
    digits = 1 if score == "auc" else 3
    value, sd = published
    return f"{value:.{digits}f}" + ("" if sd is None else f" ± {sd:.{digits}f}")
