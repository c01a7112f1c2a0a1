"""Controls of matching against 0.5: what knows nothing of a pair must not tell right ones from wrong ones."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from spectraflow.evaluation.matching import null_sd
from spectraflow.reporting.matching.entries import CONTROLS, Entry, all_sets, auc, by_place, place_words
from spectraflow.reporting.matching_labels import set_name
from spectraflow.reporting.runs import Measured

LIMIT = 2.0
"""Standard deviations of a score that tells nothing, within which a control must lie."""

_EXACT = 1e-9
_OF_MODELS = {"permuted_auc": "spectra swapped between owners", "membership_auc": "candidate in train or val?"}


class Judged(NamedTuple):
    """A control on a test set: its AUC, the sd of one that tells nothing, and how many of these it is from 0.5."""

    value: float
    sd: float
    deviations: float

    @property
    def within(self) -> bool:
        """Whether it lies within the limit."""
        return abs(self.deviations) <= LIMIT


def judge(measured: Measured, pairs: int) -> Judged | None:
    """Return how far an AUC over `pairs`, half of them true, lies from 0.5; None without pairs."""
    if pairs < 2:
        return None
    sd = null_sd(pairs // 2, pairs - pairs // 2)
    return Judged(measured.value, sd, (measured.value - 0.5) / sd)


def control_tables(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """Return, for each data set and split, every control by test set with its verdict; empty where there is none."""
    tables = []
    for place, members in by_place(entries).items():
        sets = all_sets(members)
        rows = [row for row in _rows(members, sets) if any(cell["text"] != "–" for cell in row["cells"])]
        if rows:
            tables.append(
                {
                    "title": place_words(place),
                    "sets": list(map(set_name, sets)),
                    "bounds": [_bounds(members, name) for name in sets],
                    "rows": rows,
                    "sentences": _sentences(rows),
                }
            )
    return tables


def missing_controls(entries: Sequence[Entry]) -> list[str]:
    """Return the trained controls that none of the runs is."""
    held = {one.control for one in entries}
    return [words for name, words in CONTROLS.items() if name not in held]


def _rows(entries: Sequence[Entry], sets: Sequence[str]) -> list[dict[str, Any]]:
    trained = [_row(one, one.name, one.words, sets, "auc") for one in entries if one.control is not None]
    networks = [one for one in entries if one.control is None and not one.only_cell]
    swapped = [_row(one, one.name, _OF_MODELS["permuted_auc"], sets, "permuted_auc") for one in networks]
    member = [_row(one, "Membership", _OF_MODELS["membership_auc"], sets, "membership_auc") for one in networks[:1]]
    return [*trained, *swapped, *member]


def _row(one: Entry, name: str, words: str, sets: Sequence[str], score: str) -> dict[str, Any]:
    found = {place: _judged(one, place, score) for place in sets}
    known = {place: judged for place, judged in found.items() if judged is not None}
    return {"name": name, "words": words, "cells": [_cell(found[place]) for place in sets], "judged": known}


def _sentences(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return which controls lie within the limit on all their test sets, then each that does not, in words."""
    titled = [(f"{row['name']} ({row['words']})", row["judged"]) for row in rows]
    good = [title for title, judged in titled if all(one.within for one in judged.values())]
    found = [f"Within 50 ± {LIMIT:g} sd on every test set: {'; '.join(good)}."] if good else []
    return found + [f"{title}: {verdict_sentence(judged)}" for title, judged in titled if title not in good]


def verdict_sentence(found: Mapping[str, Judged]) -> str:
    """Return in words on which test sets a control lies outside the limit and by how much, and on which within."""
    outside = [
        f"{set_name(name)} ({100 * one.value:.1f}, {one.deviations:+.1f} sd)"
        for name, one in found.items()
        if not one.within
    ]
    inside = [set_name(name) for name, one in found.items() if one.within]
    parts = [f"outside 50 ± {LIMIT:g} sd on {', '.join(outside)}"] if outside else []
    parts += [f"within on {', '.join(inside)}"] if inside else []
    return f"{'; '.join(parts)}."


def _judged(one: Entry, name: str, score: str) -> Judged | None:
    measured = one.measure(f"matching/{name}/{score}")
    pairs = next((v.n for run in one.experiment.runs if (v := run.measured.get(auc(name))) is not None), None)
    return None if measured is None else judge(measured, pairs or 0)


def _bounds(entries: Sequence[Entry], name: str) -> str:
    judged = [found for one in entries if (found := _judged(one, name, "auc")) is not None]
    return f"± {100 * LIMIT * judged[0].sd:.1f}" if judged and math.isfinite(judged[0].sd) else "–"


def _cell(judged: Judged | None) -> dict[str, str]:
    if judged is None:
        return {"text": "–", "verdict": ""}
    exact = abs(judged.value - 0.5) < _EXACT
    text = "50 exactly" if exact else f"{100 * judged.value:.1f}"
    return {"text": text, "verdict": "within" if judged.within else "outside"}
