"""A user's own questions: does this molecule have these lines? CSV with a SMILES and the shifts of each spectrum."""

import csv
import io
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rdkit import rdBase

from spectraflow.errors import InputError
from spectraflow.methods.matchnet.line_lists import LEAST_PPM, MOST_PPM, Lines, merged_lines
from spectraflow.methods.matchnet.molecule_columns import UnsuitableMolecule, molecule_columns
from spectraflow.methods.matchnet.settings import Nucleus, RenderingSettings
from spectraflow.spectra.rendering import lines_inside

SHIFT_COLUMNS: dict[Nucleus, str] = {"1H": "proton_ppm", "13C": "carbon_ppm"}
_SEPARATOR = re.compile(r"(?:[;\s]|,\s)+")
_ENTRY = re.compile(r"(?P<shift>[^x×*]+)(?:[x×*](?P<count>.+))?")


class UnusableQuery(ValueError):
    """A question that cannot be answered, and why."""


@dataclass(frozen=True)
class MatchQuery:
    """A row of the file: what it says and, unless there is a `problem`, the molecule's columns and its lines."""

    query_id: str
    smiles: str
    molecule: dict[str, Any]
    lines: dict[Nucleus, Lines]
    problem: str | None = None


def read_match_queries(path: Path, nuclei: Sequence[Nucleus], rendering: RenderingSettings) -> list[MatchQuery]:
    """Return every row of a CSV, in its order; those that cannot be used say why.

    Columns: `query_id`, `smiles` and, of the `nuclei` that a model reads, `proton_ppm` and `carbon_ppm`: shifts
    separated by spaces, semicolons or commas with a space. `7.26x2` stands for two nuclei at 7.26 ppm; a shift alone
    for one. Raises InputError if the file is missing, no CSV, lacks a column or holds no row.
    """
    rows = list(_rows(path, ["query_id", "smiles", *(SHIFT_COLUMNS[nucleus] for nucleus in nuclei)]))
    if not rows:
        raise InputError(f"{path}: holds no query")
    return [_query(row, nuclei, rendering) for row in rows]


def _rows(path: Path, columns: Sequence[str]) -> Iterator[Mapping[Any, Any]]:
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as UTF-8 text ({error})") from None
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        if missing := [name for name in columns if name not in (reader.fieldnames or ())]:
            raise InputError(f"{path}: lacks the column(s) {', '.join(missing)}")
        yield from reader
    except csv.Error as error:
        raise InputError(f"{path}: line {reader.line_num} is not CSV ({error})") from None


def _query(row: Mapping[Any, Any], nuclei: Sequence[Nucleus], rendering: RenderingSettings) -> MatchQuery:
    query_id, smiles = ((row[name] or "").strip() for name in ("query_id", "smiles"))
    try:
        if None in row:
            raise UnusableQuery("more fields than columns: put shifts that are separated by commas in quotes")
        lines = {nucleus: _lines(row[SHIFT_COLUMNS[nucleus]], nucleus, rendering) for nucleus in nuclei}
        return MatchQuery(query_id, smiles, _molecule(smiles), lines)
    except UnusableQuery as error:
        return MatchQuery(query_id, smiles, {}, {}, str(error))


def _molecule(smiles: str) -> dict[str, Any]:
    if not smiles:
        raise UnusableQuery("no SMILES")
    try:
        with rdBase.BlockLogs():
            return molecule_columns(smiles)
    except UnsuitableMolecule as error:
        raise UnusableQuery(error.message) from None


def _lines(text: str | None, nucleus: Nucleus, rendering: RenderingSettings) -> Lines:
    entries = [_entry(one, nucleus) for one in _SEPARATOR.split(text or "") if one]
    if not entries:
        raise UnusableQuery(f"no {nucleus} shifts")
    ppm, area = (np.array(values, np.float64) for values in zip(*entries, strict=True))
    lines = merged_lines(ppm, area)
    if not lines_inside(lines.ppm, nucleus, rendering):
        left, right = rendering.proton_window if nucleus == "1H" else rendering.carbon_window
        raise UnusableQuery(f"no {nucleus} shift lies between {right:g} and {left:g} ppm")
    return lines


def _entry(text: str, nucleus: Nucleus) -> tuple[float, float]:
    """Return shift and number of nuclei of one entry."""
    found = _ENTRY.fullmatch(text)
    try:
        shift, count = float(found["shift"]), float(found["count"] or 1)  # type: ignore[index]
    except (TypeError, ValueError):
        raise UnusableQuery(f"{nucleus}: '{text}' is no shift, such as 7.26 or 7.26x2") from None
    if not (LEAST_PPM < shift < MOST_PPM and 0 < count < math.inf):
        raise UnusableQuery(f"{nucleus}: '{text}' is an impossible shift or number of nuclei")
    return shift, count
