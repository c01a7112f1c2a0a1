"""Models against each other on the same splits: against the reference and against fingerprints, task by task."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from spectraflow.methods.mmfrl.comparisons import TaskComparison, compare_runs
from spectraflow.reporting.properties.entries import (
    FINGERPRINT_KINDS,
    Entry,
    Family,
    by_family,
    family_words,
    labels_of,
)
from spectraflow.reporting.property_labels import IN_PERCENT, UNITS, signed, task_name, task_place
from spectraflow.reporting.published_mmfrl import fit_budget
from spectraflow.reporting.score_cells import p_text

DRAWS = 2_000
"""Bootstrap samples of test molecules where the split is one."""
WHOLE, REDUCED = "whole", "reduced fits"


@dataclass(frozen=True)
class Contrast:
    """One model against another on the tasks of a split protocol and cleaning that both were tested on.

    reduced: the tasks on which a fit cost less than the paper's.
    """

    one: Entry
    other: str
    family: Family
    tasks: list[TaskComparison]
    skipped: list[str]
    reduced: frozenset[str] = frozenset()

    def verdicts(self, verdict: str) -> list[TaskComparison]:
        """Return the tasks with this verdict: win, tie or loss."""
        return _with_verdict(self.tasks, verdict)

    def by_extent(self) -> dict[str, list[TaskComparison]]:
        """Return the tasks run whole and those with reduced fits, without an empty one: who is ahead may differ."""
        whole = [task for task in self.tasks if task.task not in self.reduced]
        reduced = [task for task in self.tasks if task.task in self.reduced]
        return {extent: tasks for extent, tasks in ((WHOLE, whole), (REDUCED, reduced)) if tasks}


def _with_verdict(tasks: Sequence[TaskComparison], verdict: str) -> list[TaskComparison]:
    return [task for task in tasks if task.verdict == verdict]


def ahead_words(tasks: Sequence[TaskComparison]) -> tuple[str, str]:
    """Return in words on how many tasks the mean is better, and on how many the difference is significant."""
    better = sum(task.difference.gain > 0 for task in tasks)
    won, lost = len(_with_verdict(tasks, "win")), len(_with_verdict(tasks, "loss"))
    return f"{better} of {len(tasks)}", f"{won} better, {lost} worse"


def fingerprint_labels(entries: Sequence[Entry]) -> list[str]:
    """Return the labels of the baselines on fingerprints."""
    return list(dict.fromkeys(one.label for one in entries if one.kind in FINGERPRINT_KINDS))


def contrasts(entries: Sequence[Entry], others: Sequence[str], draws: int = DRAWS) -> list[Contrast]:
    """Compare every model with each of `others` (labels), within each split protocol and cleaning.

    Averages over modalities have no predictions of their own and are left out. Raises InputError if two models of one
    task were tested on different molecules.
    """
    found = []
    for family, members in by_family(entries).items():
        models = [one for one in members if not one.is_average]
        for other in others:
            others_own = [one for one in models if one.label == other]
            beside = [run.folder for one in others_own for run in one.runs]
            for label in labels_of(models):
                alike = [one for one in models if one.label == label]
                if label == other or not beside:
                    continue
                tasks, skipped = compare_runs([run.folder for one in alike for run in one.runs], beside, draws=draws)
                reduced = frozenset(one.task for one in alike + others_own if fit_budget(one.settings))
                found.append(Contrast(alike[0], other, family, tasks, skipped, reduced))
    return found


def contrast_tables(found: Sequence[Contrast]) -> list[dict[str, Any]]:
    """Return a table of gains for each split protocol, cleaning and model compared with."""
    tables = []
    for family, other in dict.fromkeys((one.family, one.other) for one in found):
        members = [one for one in found if (one.family, one.other) == (family, other) and one.tasks]
        tasks = tasks_in(members)
        if not members:
            continue
        tables.append(
            {
                "title": f"against {other}",
                "family": family_words(family),
                "tasks": [f"{task_name(task)}{_unit(task)}" for task in tasks],
                "rows": [_row(one, tasks) for one in members],
                "skipped": list(dict.fromkeys(f"{one.one.label}: {text}" for one in members for text in one.skipped)),
            }
        )
    return tables


def tasks_in(found: Sequence[Contrast]) -> list[str]:
    """Return the tasks of contrasts in the order of tables."""
    tasks = {task.task for one in found for task in one.tasks}
    return sorted(tasks, key=lambda task: (task_place(task), task))


def _unit(task: str) -> str:
    return f", {UNITS[task]}" if task in UNITS else ", points"


def _of(one: Contrast, task: str) -> TaskComparison | None:
    return next((found for found in one.tasks if found.task == task), None)


def _row(one: Contrast, tasks: Sequence[str]) -> dict[str, Any]:
    return {
        "name": one.one.label,
        "cells": [_cell(_of(one, task)) for task in tasks],
        "record": " / ".join(str(len(one.verdicts(verdict))) for verdict in ("win", "tie", "loss")),
    }


def _cell(found: TaskComparison | None) -> dict[str, Any]:
    if found is None:
        return {"value": "–", "interval": "", "tests": [], "splits": "", "strong": False}
    gain = found.difference
    known = math.isfinite(gain.low)
    p = [f"p {p_text(gain.p)}, Holm {p_text(found.p_holm)}"] if math.isfinite(gain.p) else []
    wilcoxon = [f"Wilcoxon {p_text(gain.wilcoxon_p)}"] if math.isfinite(gain.wilcoxon_p) else []
    return {
        "value": signed(gain.gain, found.score),
        "interval": f"{signed(gain.low, found.score)} to {signed(gain.high, found.score)}" if known else "",
        "tests": p + wilcoxon,
        "splits": f"{found.wins}–{found.ties}–{found.losses}",
        "strong": found.verdict != "tie",
    }


def claims(found: Sequence[Contrast]) -> list[dict[str, Any]]:
    """Return in words whether each fusion beats what it is compared with on a majority of the tasks.

    Tasks run whole come first, those with reduced fits have rows of their own.
    """
    fused = [(one, one.by_extent()) for one in found if one.one.is_fusion]
    return [_claim(one, extent, of[extent]) for extent in (WHOLE, REDUCED) for one, of in fused if extent in of]


def _claim(one: Contrast, extent: str, tasks: Sequence[TaskComparison]) -> dict[str, Any]:
    behind = [f"{task_name(task.task)} {_gain(task)}" for task in tasks if task.difference.gain <= 0]
    ahead, significant = ahead_words(tasks)
    majority = 2 * sum(task.difference.gain > 0 for task in tasks) > len(tasks)
    return {
        "fusion": one.one.label,
        "other": one.other,
        "family": family_words(one.family),
        "extent": extent,
        "better": ahead,
        "majority": majority,
        "verdict": "a majority" if majority else "no majority",
        "significant": significant,
        "median": _medians(tasks),
        "behind": ", ".join(behind),
    }


def _gain(task: TaskComparison) -> str:
    unit = UNITS.get(task.task, "points")
    return f"{signed(task.difference.gain, task.score)} {unit}"


def _medians(tasks: Sequence[TaskComparison]) -> str:
    """Return the median gain of classification in points, and that of regression as a share of the other's error."""
    points = [task.difference.gain for task in tasks if task.score in IN_PERCENT]
    shares = [task.difference.gain / task.other for task in tasks if task.score not in IN_PERCENT and task.other]
    words = [f"{100 * float(np.median(points)):+.1f} points of AUC"] if points else []
    words += [f"{100 * float(np.median(shares)):+.0f} % of the error"] if shares else []
    return ", ".join(words)
