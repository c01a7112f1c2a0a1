"""What examined models lose when spectra are drawn otherwise, and how they rank lists of candidates."""

from collections.abc import Mapping, Sequence
from typing import Any

from spectraflow.reporting.labels import percent, plain
from spectraflow.reporting.matching.entries import Entry
from spectraflow.reporting.matching.score_tables import MAIN_SET
from spectraflow.reporting.matching_labels import set_name
from spectraflow.reporting.runs import Measured, as_measured
from spectraflow.reporting.score_cells import score_cell

UNCHANGED = "none"
LISTS = {"random": "random molecules", "formula": "molecules of its formula", "near": "near molecules"}


def changed_names(entries: Sequence[Entry]) -> list[str]:
    """Return the changes of the rendering that any model was examined with, in their order."""
    found = [one.examination.get("changes") or {} for one in entries]
    return list(dict.fromkeys(name for changes in found for name in changes if name != UNCHANGED))


def change_of(one: Entry, change: str) -> tuple[Measured, float] | None:
    """Return the AUC of a model on spectra drawn otherwise, and what it gains or loses; None if it was not asked.

    The change is told against the same spectra as they are.
    """
    changed, unchanged = one.measure(_changed_auc(change)), unchanged_auc(one)
    return None if changed is None or unchanged is None else (changed, changed.value - unchanged.value)


def unchanged_auc(one: Entry) -> Measured | None:
    """Return the AUC of a model on the spectra that were drawn otherwise, as they are."""
    return one.measure(_changed_auc(UNCHANGED))


def _changed_auc(change: str) -> str:
    return f"changes/{change}/{MAIN_SET}/auc"


def robustness(entries: Sequence[Entry]) -> dict[str, Any] | None:
    """Return AUC and its change by change of the rendering and model, on near negatives; None without any."""
    changes = changed_names(entries)
    models = [one for one in entries if any(change_of(one, change) for change in changes)]
    if not models:
        return None
    rows = [{"name": change, "cells": [_change_cell(one, change) for one in models]} for change in changes]
    columns = [
        {"name": one.unique, "words": one.words, "plain": score_cell(unchanged_auc(one))["text"]} for one in models
    ]
    return {"set": set_name(MAIN_SET), "columns": columns, "rows": rows}


def _change_cell(one: Entry, change: str) -> dict[str, str]:
    found = change_of(one, change)
    if found is None:
        return {**score_cell(None), "change": ""}
    return {**score_cell(found[0]), "change": f"{100 * found[1]:+.1f}"}


def retrieval_rows(entries: Sequence[Entry]) -> dict[str, Any] | None:
    """Return hit rates and mean reciprocal ranks by list of candidates and model; None without any."""
    rows = []
    examined = [(one, one.examination.get("retrieval") or {}) for one in entries]
    ks = sorted({int(k) for _, found in examined for lists in found.values() for k in lists.get("hits") or {}})
    asked = list(dict.fromkeys(name for _, found in examined for name in found))
    for name in asked:
        number, kind = name.split("/", 1)
        members = [(one, found[name]) for one, found in examined if name in found]
        rows.append(_list_row(int(number), kind, ks, members[0][1]))
        rows += [_model_row(one, name, ks) for one, _ in members]
    return {"ks": ks, "rows": rows} if rows else None


def _list_row(number: int, kind: str, ks: Sequence[int], found: Mapping[str, Any]) -> dict[str, Any]:
    chance = [score_cell(as_measured((found.get("chance") or {}).get(str(k), min(1.0, k / number)))) for k in ks]
    title = f"{number:,} {LISTS.get(kind, kind)}, {plain(found.get('queries'))} query spectra"
    if isinstance(found.get("size"), float) and round(found["size"], 1) < number:
        title += f"; {found['size']:.1f} on average, where there are fewer"
    if isinstance(found.get("trained"), float):
        title += f"; {percent(found['trained'], 0)} % of the candidates trained on"
    return {"title": title, "name": "by chance", "words": "", "cells": chance, "mrr": "–", "swapped": "–"}


def _model_row(one: Entry, name: str, ks: Sequence[int]) -> dict[str, Any]:
    mrr = one.measure(f"candidates/{name}/mrr")
    return {
        "title": "",
        "name": one.unique,
        "words": one.words,
        "cells": [score_cell(one.measure(f"candidates/{name}/{k}")) for k in ks],
        "mrr": "–" if mrr is None else f"{mrr.value:.3f}",
        "swapped": score_cell(one.measure(f"candidates/{name}/permuted/1"))["text"],
    }
