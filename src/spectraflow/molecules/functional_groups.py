"""Functional groups: which of a list of SMARTS patterns a molecule contains."""

import csv
from collections.abc import Iterable
from functools import cache, partial
from pathlib import Path

import pyarrow as pa
from rdkit import Chem, rdBase

from spectraflow.errors import AccountingError, InputError
from spectraflow.parallel import ordered_map
from spectraflow.tables import MOLECULES, TableWriter, count_rows, labels_schema, scan_table

Definitions = tuple[tuple[str, str], ...]


def load_definitions(path: Path) -> dict[str, Chem.Mol]:
    """Return the patterns of a CSV with the columns `name` and `smarts`, by name, in file order.

    Raises InputError naming the file, and the line of a missing or repeated name or of a SMARTS that RDKit cannot
    read.
    """
    return dict(zip(*_columns(_read_definitions(path)), strict=True))


def group_matches(mol: Chem.Mol, patterns: Iterable[Chem.Mol]) -> list[bool]:
    """Return, for each pattern, whether `mol` (implicit hydrogens) contains it."""
    return [mol.HasSubstructMatch(pattern) for pattern in patterns]


def label_molecules(molecules: Path, definitions: Path, labels: Path, *, processes: int = 1) -> dict[str, int]:
    """Write one row a molecule with one boolean a functional group; all null where the SMILES cannot be read.

    Returns the counts ``molecules``, ``labelled`` and ``unreadable``.
    """
    groups = _read_definitions(definitions)
    batches = scan_table(molecules, MOLECULES, ["molecule_id", "smiles"])
    unreadable = 0
    with TableWriter(labels, labels_schema([name for name, _ in groups])) as writer:
        for table, failures in ordered_map(partial(_label_batch, groups), batches, processes):
            writer.write(table)
            unreadable += failures
        total = count_rows(molecules)
        if writer.rows != total:
            raise AccountingError(f"{molecules}: {total} molecules, but {writer.rows} rows of labels")
    return {"molecules": total, "labelled": total - unreadable, "unreadable": unreadable}


def _read_definitions(path: Path) -> Definitions:
    try:
        with Path(path).open(encoding="utf-8", newline="") as handle:
            reader = csv.DictReader(handle)
            missing = {"name", "smarts"} - set(reader.fieldnames or [])
            if missing:
                raise InputError(f"{path}: lacks the column(s) {', '.join(sorted(missing))}")
            rows = [(reader.line_num, (row["name"] or "").strip(), (row["smarts"] or "").strip()) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read as CSV ({error})") from None
    if not rows:
        raise InputError(f"{path}: defines no functional group")
    seen = {"molecule_id"}
    for line, name, smarts in rows:
        if not name or name in seen:
            raise InputError(f"{path}, line {line}: the name '{name}' is empty, reserved or repeated")
        seen.add(name)
        with rdBase.BlockLogs():
            if not smarts or Chem.MolFromSmarts(smarts) is None:
                raise InputError(f"{path}, line {line}: '{smarts}' ({name}) is not a SMARTS")
    return tuple((name, smarts) for _, name, smarts in rows)


@cache
def _columns(definitions: Definitions) -> tuple[tuple[str, ...], tuple[Chem.Mol, ...]]:
    return tuple(name for name, _ in definitions), tuple(Chem.MolFromSmarts(smarts) for _, smarts in definitions)


def _label_batch(definitions: Definitions, batch: pa.RecordBatch) -> tuple[pa.Table, int]:
    """Return the labels of one batch and the number of SMILES that could not be read."""
    names, patterns = _columns(definitions)
    rows: list[list[bool | None]] = []
    failures = 0
    with rdBase.BlockLogs():
        for smiles in batch.column("smiles").to_pylist():
            mol = Chem.MolFromSmiles(smiles)
            failures += mol is None
            rows.append([None] * len(names) if mol is None else list(group_matches(mol, patterns)))
    columns = [pa.array([row[k] for row in rows], pa.bool_()) for k in range(len(names))]
    return pa.Table.from_arrays([batch.column("molecule_id"), *columns], schema=labels_schema(names)), failures
