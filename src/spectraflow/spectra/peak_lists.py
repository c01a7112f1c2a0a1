"""A user's own 13C peak lists: CSV or JSON lines with query_id, shifts and perhaps formula and mass."""

import csv
import io
import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spectraflow.errors import InputError
from spectraflow.molecules.formula import UnreadableFormula, parse_formula
from spectraflow.spectra.binning import BINS, BINS_PER_PPM, LOWEST_PPM
from spectraflow.tables import RejectReason

HIGHEST_PPM = LOWEST_PPM + BINS / BINS_PER_PPM


@dataclass(frozen=True)
class PeakList:
    """A 13C spectrum as a user has it: shifts in ppm; Hill formula and molecular weight in g/mol if known."""

    query_id: str
    shifts_ppm: list[float]
    formula: str | None
    mol_weight: float | None


class UnusablePeakList(ValueError):
    """A record that cannot be searched with."""

    def __init__(self, reason: RejectReason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def read_peak_lists(path: Path) -> tuple[list[PeakList], list[dict[str, str]]]:
    """Return the usable records of a file, and a reject for every other one.

    Columns or keys: `query_id`; `shifts`, numbers in ppm, in a CSV separated by spaces, semicolons or commas inside
    quotes; and, optionally, `formula` and `mass` (average, g/mol; taken from the formula if left out). Raises
    InputError if the file cannot be read as a whole.
    """
    records = _json_lines(path) if path.suffix == ".jsonl" else _csv_rows(path)
    good: list[PeakList] = []
    rejects: list[dict[str, str]] = []
    seen: set[str] = set()
    for place, record in records:
        name = place
        try:
            if isinstance(record, UnusablePeakList):
                raise record
            name = str(record.get("query_id") or "").strip() or place
            peaks = _peak_list(record)
            if peaks.query_id in seen:
                raise UnusablePeakList(RejectReason.DUPLICATE_ID, f"{place}: the id occurs more than once")
        except UnusablePeakList as error:
            message = str(error) if str(error).startswith(place) else f"{place}: {error}"
            rejects.append({"native_id": name, "stage": "record", "reason": str(error.reason), "message": message})
            continue
        seen.add(peaks.query_id)
        good.append(peaks)
    if not good and not rejects:
        raise InputError(f"{path}: holds no record")
    return good, rejects


def _csv_rows(path: Path) -> Iterator[tuple[str, Mapping[str, Any] | UnusablePeakList]]:
    with _opened(path) as handle:
        reader = csv.DictReader(handle)
        missing = {"query_id", "shifts"} - set(reader.fieldnames or ())
        if missing:
            raise InputError(f"{path}: lacks the column(s) {', '.join(sorted(missing))}")
        for row in _rows(reader, path):
            place = f"line {reader.line_num}"
            if None in row:
                text = "more fields than columns; put shifts that are separated by commas in quotes"
                yield place, UnusablePeakList(RejectReason.MALFORMED_LINE, text)
            else:
                yield place, row


def _rows(reader: "csv.DictReader[str]", path: Path) -> Iterator[dict[str, Any]]:
    try:
        yield from reader
    except csv.Error as error:
        raise InputError(f"{path}: line {reader.line_num} is not CSV ({error})") from None


def _json_lines(path: Path) -> Iterator[tuple[str, Mapping[str, Any] | UnusablePeakList]]:
    with _opened(path) as handle:
        for number, line in enumerate(handle, 1):
            if not line.strip():
                continue
            try:
                record = json.loads(line)
            except ValueError as error:
                record = UnusablePeakList(RejectReason.MALFORMED_LINE, f"not JSON ({error})")
            if not isinstance(record, Mapping | UnusablePeakList):
                record = UnusablePeakList(RejectReason.MALFORMED_LINE, "not an object")
            yield f"line {number}", record


def _opened(path: Path) -> io.StringIO:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as UTF-8 text ({error})") from None
    return io.StringIO(text, newline="")


def _peak_list(record: Mapping[str, Any]) -> PeakList:
    name = str(record.get("query_id") or "").strip()
    if not name:
        raise UnusablePeakList(RejectReason.MISSING_ID, "no query_id")
    shifts = _shifts(record.get("shifts"))
    formula, weight = _formula(record.get("formula"))
    return PeakList(name, shifts, formula, _mass(record.get("mass"), weight))


def _shifts(value: Any) -> list[float]:
    texts = value if isinstance(value, list) else [text for text in re.split(r"[\s;,]+", str(value or "")) if text]
    if not texts:
        raise UnusablePeakList(RejectReason.EMPTY_PEAK_LIST, "no peaks")
    shifts = [_number(text, RejectReason.MALFORMED_PEAK, "shift") for text in texts]
    for shift in shifts:
        if not math.isfinite(shift):
            raise UnusablePeakList(RejectReason.SHIFT_NOT_FINITE, f"shift {shift} is no finite number")
        if not LOWEST_PPM <= shift <= HIGHEST_PPM:
            text = f"shift {shift} ppm is outside {LOWEST_PPM:g} to {HIGHEST_PPM:g} ppm, the range of 13C"
            raise UnusablePeakList(RejectReason.SHIFT_OUT_OF_RANGE, text)
    return shifts


def _number(value: Any, reason: RejectReason, what: str) -> float:
    try:
        if isinstance(value, bool):
            raise TypeError
        return float(value)
    except (TypeError, ValueError):
        raise UnusablePeakList(reason, f"{what} {value!r} is no number") from None


def _formula(value: Any) -> tuple[str | None, float | None]:
    text = str(value or "").strip()
    if not text:
        return None, None
    try:
        return parse_formula(text)
    except UnreadableFormula as error:
        raise UnusablePeakList(RejectReason.UNREADABLE_FORMULA, str(error)) from None


def _mass(value: Any, weight: float | None) -> float | None:
    if value is None or not str(value).strip():
        return weight
    mass = _number(value, RejectReason.OTHER, "mass")
    if not (math.isfinite(mass) and mass > 0):
        raise UnusablePeakList(RejectReason.OTHER, f"mass {value!r} is no positive number")
    return mass
