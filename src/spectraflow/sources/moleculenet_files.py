"""The eleven MoleculeNet files: their targets, and their rows as text.

Source: Wu et al., Chem. Sci. 2018, 9, 513 (MoleculeNet). Copies of Tox21 and HIV with other row counts are in
circulation, so tables carry the checksum of the file they were made from.
"""

import csv
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from spectraflow.errors import ConfigError, InputError
from spectraflow.molecules.standardise import UnusableMolecule
from spectraflow.sources.demo.headers import HEADERS
from spectraflow.sources.smiles_list import Line, read_lines
from spectraflow.tables import RejectReason

Kind = Literal["classification", "regression"]
SMILES = "smiles"
_CLASSES = (0.0, 1.0)


@dataclass(frozen=True)
class TaskFile:
    """A file, what its targets are called, and whether they are classes or numbers."""

    stem: str
    kind: Kind
    targets: tuple[str, ...]


def _every_column(stem: str) -> TaskFile:
    """Return the task of a file all of whose columns are classes, but for the SMILES and the id of the molecule."""
    return TaskFile(stem, "classification", tuple(name for name in HEADERS[stem] if name not in (SMILES, "mol_id")))


TASKS = {
    "bbbp": TaskFile("BBBP", "classification", ("p_np",)),
    "bace": TaskFile("bace", "classification", ("Class",)),
    "sider": _every_column("sider"),
    "clintox": TaskFile("clintox", "classification", ("FDA_APPROVED", "CT_TOX")),
    "hiv": TaskFile("HIV", "classification", ("HIV_active",)),
    "muv": _every_column("muv"),
    "tox21": _every_column("tox21"),
    "toxcast": _every_column("toxcast_data"),
    "esol": TaskFile("delaney-processed", "regression", ("measured log solubility in mols per litre",)),
    "freesolv": TaskFile("SAMPL", "regression", ("expt",)),
    "lipo": TaskFile("Lipophilicity", "regression", ("exp",)),
}
"""Other columns, such as pIC50, activity and calc, tell the targets and are never read."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Where a file holds the SMILES and the targets, and how many cells its rows have."""

    smiles: int
    targets: tuple[int, ...]
    width: int


@dataclass(frozen=True, slots=True)
class UnusableLabel:
    """A cell that is no label of its target; the label counts as missing."""

    reason: RejectReason
    message: str


def task_file(task: str) -> TaskFile:
    """Return the file of a task; raises ConfigError naming the tasks there are."""
    if task not in TASKS:
        raise ConfigError(f"'{task}' is no MoleculeNet task; there are {', '.join(TASKS)}")
    return TASKS[task]


def open_rows(raw: Path, file: TaskFile) -> tuple[Columns, Iterator[Line]]:
    """Return where the columns are, and the lines after the header, each of which is a row.

    Columns are found by name. Raises InputError naming file and column if one is missing or occurs twice.
    """
    lines = read_lines(raw)
    header = next(lines, None)
    names = _cells(header.text.removeprefix("\ufeff")) if header else []
    for name in (SMILES, *file.targets):
        if names.count(name) != 1:
            raise InputError(f"{raw}: {names.count(name) or 'no'} column(s) '{name}' in the header, expected one")
    return Columns(names.index(SMILES), tuple(names.index(name) for name in file.targets), len(names)), lines


def row_number(line: Line) -> int:
    """Return the row of a line, counted from 0 after the header."""
    return line.number - 2


def read_cells(line: Line, columns: Columns) -> tuple[str, list[str]]:
    """Return the SMILES of a row, without blanks around it, and the text of its targets.

    Every line is read by itself, so that a stray quote costs one row. Raises UnusableMolecule for another number of
    cells than the header has.
    """
    cells = _cells(line.text)
    if len(cells) != columns.width:
        found = f"{len(cells)} cells, the header has {columns.width}"
        raise UnusableMolecule(RejectReason.MALFORMED_LINE, f"{found}: {line.text[:80]!r}")
    return cells[columns.smiles], [cells[place] for place in columns.targets]


def read_labels(cells: Sequence[str], file: TaskFile) -> tuple[list[float | None], list[UnusableLabel]]:
    """Return the targets of a row, None where the cell is empty or unusable, and the unusable cells."""
    values: list[float | None] = []
    unusable: list[UnusableLabel] = []
    for name, text in zip(file.targets, cells, strict=True):
        value = _number(text)
        reason = _fault(value, file.kind) if text else None
        if reason is not None:
            unusable.append(UnusableLabel(reason, f"{name}: {text[:80]!r} is no label of a {file.kind} target"))
        values.append(value if reason is None else None)
    return values, unusable


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _fault(value: float | None, kind: Kind) -> RejectReason | None:
    if kind == "classification":
        return None if value in _CLASSES else RejectReason.UNKNOWN_LABEL
    if value is None:
        return RejectReason.WRONG_VALUE
    return None if math.isfinite(value) else RejectReason.NUMBER_NOT_FINITE


def _cells(text: str) -> list[str]:
    try:
        return [cell.strip() for cell in next(csv.reader([text]), [])]
    except csv.Error:
        return []
