"""The files of a local SDBS export: `records.jsonl`, or `molecules.csv` with a CSV file a technique."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from spectraflow.errors import InputError
from spectraflow.sources.sdbs_records import SPECTRA
from spectraflow.sources.structures import UnusableRecord
from spectraflow.tables import RejectReason

_MOLECULES = {"record_id", "smiles", "inchi", "inchikey"}
_PEAKS = {
    "ms": {"record_id", "mz", "intensity"},
    "c13": {"record_id", "ppm", "intensity"},
    "h1": {"record_id", "ppm", "intensity", "nH", "mult"},
}
_REQUIRED = {"ms": {"record_id", "mz", "intensity"}, "c13": {"record_id", "ppm"}, "h1": {"record_id", "ppm"}}


@dataclass(frozen=True, slots=True)
class ExportedRecord:
    """The values of a record as the file gives them (None: unreadable, see `fault`), and its place there.

    `spectrum_only`: peaks of a record that molecules.csv does not list.
    """

    place: str
    values: Any
    fault: UnusableRecord | None = None
    spectrum_only: str | None = None


def read_export(folder: Path) -> Iterator[ExportedRecord]:
    """Yield the records of an export in the order of its files.

    Raises InputError if the folder holds neither `records.jsonl` nor `molecules.csv`, or both, if a file cannot be
    read, or if a CSV file has unknown columns or lacks one.
    """
    folder = Path(folder)
    lines, molecules = folder / "records.jsonl", folder / "molecules.csv"
    if lines.is_file() == molecules.is_file():
        found = "both records.jsonl and" if lines.is_file() else "neither records.jsonl nor"
        raise InputError(f"{folder}: {found} molecules.csv; an SDBS export holds one of them, see docs/sdbs.md")
    return _json_lines(lines) if lines.is_file() else _csv_records(folder)


def _json_lines(path: Path) -> Iterator[ExportedRecord]:
    number = 0
    try:
        with path.open(encoding="utf-8", errors="replace") as handle:
            for number, line in enumerate(handle, start=1):
                if line.strip():
                    yield _json_record(f"line {number}", line)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    if number == 0:
        raise InputError(f"{path}: the file is empty")


def _json_record(place: str, line: str) -> ExportedRecord:
    try:
        values = json.loads(line)
    except (ValueError, RecursionError) as error:
        return ExportedRecord(place, None, UnusableRecord(RejectReason.MALFORMED_LINE, f"not JSON ({error})"[:200]))
    if not isinstance(values, Mapping):
        return ExportedRecord(place, None, UnusableRecord(RejectReason.MALFORMED_LINE, "not a JSON object"))
    return ExportedRecord(place, values)


def _csv_records(folder: Path) -> Iterator[ExportedRecord]:
    molecules = _read_csv(folder / "molecules.csv", _MOLECULES, {"record_id"})
    peaks = {key: _peak_lists(folder / f"{key}.csv", key) for key in SPECTRA if (folder / f"{key}.csv").is_file()}
    listed = set(molecules["record_id"])
    for number, row in enumerate(molecules.iter_rows(named=True), start=2):
        name = row["record_id"]
        spectra = {key: lists[name] for key, lists in peaks.items() if name in lists}
        files = {key: file for key in SPECTRA if name and (folder / (file := f"jcamp/{name}_{key}.jdx")).is_file()}
        yield ExportedRecord(f"molecules.csv line {number}", {**row, **spectra, "jcamp": files})
    for key, lists in peaks.items():
        for name in lists:
            if name not in listed:
                yield ExportedRecord(str(name), None, spectrum_only=key)


def _read_csv(path: Path, allowed: set[str], required: set[str]) -> pl.DataFrame:
    """Return a CSV file with all values as text, null where empty."""
    try:
        frame = pl.read_csv(path, infer_schema=False)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InputError(f"{path}: not a readable CSV file ({error})") from error
    if unknown := sorted(set(frame.columns) - allowed):
        raise InputError(f"{path}: unknown column {', '.join(unknown)}; known: {', '.join(sorted(allowed))}")
    if missing := sorted(required - set(frame.columns)):
        raise InputError(f"{path}: no column {', '.join(missing)}")
    return frame


def _peak_lists(path: Path, key: str) -> dict[str, list[Any]]:
    """Return the peak lists of a CSV file by record, as records.jsonl has them."""
    frame = _read_csv(path, _PEAKS[key], _REQUIRED[key])
    columns = ["mz", "intensity"] if key == "ms" else [name for name in frame.columns if name != "record_id"]
    groups = frame.group_by("record_id", maintain_order=True).agg(columns)
    lists: dict[str, list[Any]] = {}
    for name, *values in groups.select("record_id", *columns).iter_rows():
        rows = zip(*values, strict=True)
        lists[name] = [list(row) if key == "ms" else dict(zip(columns, row, strict=True)) for row in rows]
    return lists
