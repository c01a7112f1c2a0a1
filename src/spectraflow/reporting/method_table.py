"""All methods on one table: a row an experiment, scoring and reading, the best of every column marked."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from spectraflow.reporting.experiments import Experiment
from spectraflow.reporting.labels import READINGS
from spectraflow.reporting.runs import Measured, as_measured, read_object

_LEADING = {
    "atom/published": "atoms, published metric",
    "atom/hungarian": "atoms, one-to-one",
    "exact/published/<=10": "every peak right, ≤ 10 C",
    "exact/published/11-20": "every peak right, 11–20 C",
    "exact/published/>20": "every peak right, > 20 C",
    "in_batch/spectrum_to_molecule": "in a batch of 128",
}
_CLOSING = {
    "isomers/listed/rank1": "isomers, rank 1",
    "isomers/listed/one_to_one": "isomers, one-to-one",
    "shift/mae_13C": "MAE ¹³C, ppm",
    "shift/mae_1H": "MAE ¹H, ppm",
}
_PUBLISHED_MODEL = ("K-M3AID", "K-ID", "Knowledge Guide")
QUERIES = {"external": "external queries", "protons": "queries with ¹H shifts"}
_HIT = re.compile(r"(retrieval|external|protons)(?:_(.+))?/(\d+)/1")


@dataclass(frozen=True)
class Column:
    """A column: its metric (that of the main scoring), title, and how numbers are shown and compared."""

    metric: str
    title: str
    scale: float = 100
    digits: int = 1
    larger_is_better: bool = True


@dataclass(frozen=True)
class Reference:
    """Figures of something that is no model, with its name and what it is in words."""

    name: str
    detail: str
    measured: Mapping[str, Measured]


def load_references(paths: Sequence[Path]) -> list[Reference]:
    """Return what second measured spectra reach, from the files of `spectraflow shifts remeasured`."""
    found = []
    for path in paths:
        content = read_object(path)
        converted = {name: as_measured(value) for name, value in (content.get("metrics") or {}).items()}
        measured = {name: value for name, value in converted.items() if value is not None}
        detail = f"{content.get('molecules', 0):,} molecules with two measured spectra, not the test part"
        found.append(Reference("a second measured spectrum", detail, measured))
    return found


def _reference_row(reference: Reference, columns: Sequence[Column]) -> dict[str, Any]:
    values = [reference.measured.get(column.metric) for column in columns]
    return {"protocol": reference.detail, "name": reference.name, "detail": "", "values": values}


def _columns(experiments: Sequence[Experiment]) -> list[Column]:
    found = {name for one in experiments for run in one.runs for name in run.measured}
    sizes = sorted({int(match[3]) for match in map(_HIT.fullmatch, found) if match})
    columns = [Column(metric, title) for metric, title in _LEADING.items()]
    columns += [Column(f"retrieval/{size}/1", f"hit@1 of {size:,}") for size in sizes]
    columns.append(Column("whole_retrieval/1", "hit@1 of all"))
    for metric, title in _CLOSING.items():
        shift = metric.startswith("shift/")
        columns.append(Column(metric, title, 1 if shift else 100, 2 if shift else 1, not shift))
    return [one for one in columns if one.metric in found or one.metric.startswith("retrieval/")]


def _families(experiment: Experiment, queries: str) -> list[str]:
    """Return the families of hit rates with these queries: the main scoring's first, then such as `external_sorted`."""
    names = {name for run in experiment.runs for name in run.measured}
    families = {match[0].split("/")[0] for match in map(_HIT.fullmatch, names) if match and match[1] == queries}
    return sorted(families)


def _reading_rows(experiment: Experiment, base: Mapping[str, Any], columns: Sequence[Column]) -> list[dict[str, Any]]:
    """Return a row for every other reading of the assignment, such as that by predicted shifts."""
    rows = []
    for reading, words in READINGS.items():
        families = {"atom": f"atom_{reading}", "exact": f"exact_{reading}"}
        parts = [column.metric.partition("/") for column in columns]
        names = [f"{families[family]}/{rest}" if family in families else None for family, _, rest in parts]
        values = [None if name is None else experiment.measure(name) for name in names]
        if any(values):
            rows.append({**base, "detail": f"assigned {words}", "values": values})
    return rows


def _family_name(family: str) -> str:
    scoring = family.partition("_")[2]
    return f"scored by {scoring.replace('_', ' ')}" if scoring else ""


def _protocol(experiment: Experiment) -> str:
    split, selection = (experiment.settings.get(key) for key in ("split", "selection"))
    words = [experiment.method, f"{len(experiment.runs)} runs" if len(experiment.runs) > 1 else ""]
    words += [f"split {split}" if split else "", f"epoch chosen on {selection}" if selection else ""]
    return ", ".join(word for word in words if word)


def _rows(experiment: Experiment, name: str, columns: Sequence[Column]) -> list[dict[str, Any]]:
    base = {"protocol": _protocol(experiment)}
    rows = [{**base, "name": name, "detail": "", "values": [experiment.measure(c.metric) for c in columns]}]
    rows += _reading_rows(experiment, {**base, "name": name}, columns)
    for family in _families(experiment, "retrieval"):
        if family == "retrieval":
            continue
        names = [c.metric.replace("retrieval/", f"{family}/") for c in columns]  # whole_retrieval/, too
        values = [
            experiment.measure(other) if other != c.metric else None for other, c in zip(names, columns, strict=True)
        ]
        rows.append({**base, "name": name, "detail": _family_name(family), "values": values})
    return rows


def _cell(value: Measured | None, column: Column, best: float | None) -> dict[str, Any]:
    if value is None:
        return {"text": "–", "interval": "", "best": False}

    def text(number: float) -> str:
        return f"{round(column.scale * number, column.digits) + 0.0:.{column.digits}f}"  # no minus before zero

    known = value.low is not None and value.high is not None and value.low != value.high
    interval = f"{text(value.low)} to {text(value.high)}" if known else ""  # type: ignore[arg-type]
    return {"text": text(value.value), "interval": interval, "best": value.value == best}


def _published(column: Column, comparison: pl.DataFrame) -> str:
    rows = comparison.filter((pl.col("metric") == column.metric) & pl.col("method").is_in(_PUBLISHED_MODEL))
    if rows.is_empty():
        return "–"
    best = rows.filter(pl.col("paper") == rows["paper"].min()).sort("published", descending=True).row(0, named=True)
    sd = best["published_sd"]
    return f"{best['published']:.1f}" + ("" if sd is None else f" ± {sd:.1f}")


def method_table(
    experiments: Sequence[Experiment],
    names: Mapping[str, str],
    comparison: pl.DataFrame,
    references: Sequence[Reference] = (),
) -> dict[str, Any] | None:
    """Return columns, the published row and a row an experiment and scoring; None where nothing was measured.

    names: of run ids. Experiments that only grids ask for are left out: their tables are those of the grids. References
    are no models: they follow last and are never the best of a column.
    """
    shown = _shown(experiments)
    columns = _columns(shown)
    rows = [row for one in shown for row in _rows(one, names[one.runs[0].run_id], columns)]
    if not columns or not rows:
        return None
    published = [_published(column, comparison) for column in columns]
    return {
        "columns": [column.title for column in columns],
        "published": published if any(text != "–" for text in published) else None,
        "rows": _with_cells(rows, columns)
        + _with_cells([_reference_row(one, columns) for one in references if one.measured], columns, marked=False),
    }


def queries_tables(experiments: Sequence[Experiment], names: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return a table of hit rates for each kind of queries besides the held-out ones, as `method_table` does."""
    return [table for queries in QUERIES if (table := _queries_table(_shown(experiments), names, queries)) is not None]


def _queries_table(experiments: Sequence[Experiment], names: Mapping[str, str], queries: str) -> dict[str, Any] | None:
    found = {name for one in experiments for run in one.runs for name in run.measured}
    sizes = sorted({int(match[3]) for match in map(_HIT.fullmatch, found) if match and match[1] == queries})
    columns = [Column("{}" + f"/{size}/1", f"hit@1 of {size:,}") for size in sizes]
    if f"whole_{queries}/1" in found:
        columns.append(Column("whole_{}/1", "hit@1 of all"))
    rows = [
        {
            "protocol": _protocol(one),
            "name": names[one.runs[0].run_id],
            "detail": _family_name(family),
            "values": [one.measure(column.metric.format(family)) for column in columns],
        }
        for one in experiments
        for family in _families(one, queries)
    ]
    if not rows:
        return None
    title = QUERIES[queries][:1].upper() + QUERIES[queries][1:]
    return {
        "title": title,
        "columns": [column.title for column in columns],
        "published": None,
        "rows": _with_cells(rows, columns),
    }


def _shown(experiments: Sequence[Experiment]) -> list[Experiment]:
    """Return the experiments that not only grids ask for."""
    return [one for one in experiments if not all(run.only_cell for run in one.runs)]


def _with_cells(
    rows: Sequence[dict[str, Any]], columns: Sequence[Column], *, marked: bool = True
) -> list[dict[str, Any]]:
    """Return the rows with a text for each value, the best of every column marked."""
    best: list[float | None] = []
    for place, column in enumerate(columns):
        values = {row["values"][place].value for row in rows if row["values"][place] is not None}
        best.append((max if column.larger_is_better else min)(values) if marked and len(values) > 1 else None)
    return [
        {**row, "cells": [_cell(v, c, b) for v, c, b in zip(row["values"], columns, best, strict=True)]} for row in rows
    ]
