"""The spectra of one nmrshiftdb2 record: peak lists, conditions and origin.

A peak list reads `shift;intensity+multiplicity;atom|shift;...|` with 0-based atoms of the mol block; a condition
reads `number:value number:value`, where number is that of the spectrum.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from spectraflow.sources.sd_graphs import HeavyGraph
from spectraflow.tables import RejectReason

SPECTRUM_NAME = re.compile(r"Spectrum\s+(\S.*?)\s+([0-9]{1,9})")
NUCLEI = ("13C", "1H")
PREDICTION_MARKS = ("Program", "NMRMethod", "NMRProgram", "GeomMethod")
_CONDITION = re.compile(r"(?:^|\s)([0-9]{1,9}):")
_INTENSITY = re.compile(r"\s*([-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)(.*)", re.DOTALL)
_NUMBER = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|[-+]?(?:nan|inf|infinity)", re.IGNORECASE)
_INDEX = re.compile(r"[-+]?[0-9]{1,9}")


class Reject(NamedTuple):
    """A row of the rejects table."""

    native_id: str
    stage: str
    reason: RejectReason
    message: str


@dataclass(slots=True)
class PeakList:
    """The usable peaks of one spectrum as equally long lists, and what was rejected."""

    position: list[float] = field(default_factory=list)
    intensity: list[float] = field(default_factory=list)
    multiplicity: list[str | None] = field(default_factory=list)
    atoms: list[list[int]] = field(default_factory=list)
    found: int = 0
    rejects: list[tuple[str, RejectReason, str]] = field(default_factory=list)


def parse_conditions(text: str) -> dict[int, str]:
    """Return the values of `number:value number:value`; values may hold spaces, and may be empty."""
    parts = _CONDITION.split(text)
    return {int(number): value.strip() for number, value in zip(parts[1::2], parts[2::2], strict=True)}


def reported(text: str | None) -> str | None:
    """Return a condition's text, or None if the source says that it is not known."""
    return None if not text or text.lower() in ("unreported", "unknown") else text


def reported_number(text: str | None) -> float | None:
    """Return a condition's number, or None if it is not reported or not a finite number."""
    text = reported(text)
    if text is None or not _NUMBER.fullmatch(text):
        return None
    number = float(text)
    return number if math.isfinite(number) else None


def predicted_spectra(properties: dict[str, str]) -> set[int]:
    """Return the numbers of the spectra that a program computed: those it lists, even without a value."""
    return {number for mark in PREDICTION_MARKS if mark in properties for number in parse_conditions(properties[mark])}


@lru_cache(maxsize=4096)
def _intensity(text: str, carbon: bool) -> tuple[float, str | None] | None:
    match = _INTENSITY.fullmatch(text)
    if match is None or not math.isfinite(float(match[1])):
        return None
    letter = match[2].strip()
    if carbon and letter.upper() in ("S", "D", "T", "Q"):
        letter = letter.upper()
    return float(match[1]), letter or None


def _shift(text: str) -> float | None:
    try:
        return float(text) if "_" not in text else None
    except ValueError:
        return None


def parse_peaks(text: str, nucleus: str, graph: HeavyGraph) -> PeakList:
    """Return the peaks of a 13C or 1H list, with atoms in the order of the graph's SMILES.

    A peak that cannot be read or has no finite shift is rejected at stage `peak`. A peak whose atom is out of range,
    or is no carbon (13C), is kept without atoms and recorded at stage `assignment`. An explicit hydrogen stands
    for the heavy atom that bears it (1H).
    """
    peaks = PeakList()
    carbon = nucleus == "13C"
    body = text.replace("\n", "").strip().removesuffix("|")
    for number, entry in enumerate(body.split("|") if body else ()):
        peaks.found += 1
        parts = entry.split(";")
        shift = _shift(parts[0])
        strength = _intensity(parts[1], carbon) if len(parts) == 3 else None
        index = parts[2].strip() if len(parts) == 3 else ""
        if shift is None or strength is None or (index and not _INDEX.fullmatch(index)):
            peaks.rejects.append(("peak", RejectReason.MALFORMED_PEAK, f"peak {number}: {entry[:80]!r}"))
            continue
        if not math.isfinite(shift):
            peaks.rejects.append(("peak", RejectReason.SHIFT_NOT_FINITE, f"peak {number}: {entry[:80]!r}"))
            continue
        atoms, fault = _assigned_atoms(index, carbon, graph)
        if fault is not None:
            peaks.rejects.append(("assignment", fault[0], f"peak {number} ({shift} ppm): {fault[1]}"))
        peaks.position.append(shift)
        peaks.intensity.append(strength[0])
        peaks.multiplicity.append(strength[1])
        peaks.atoms.append(atoms)
    return peaks


def _assigned_atoms(index: str, carbon: bool, graph: HeavyGraph) -> tuple[list[int], tuple[RejectReason, str] | None]:
    if not index:
        return [], None
    atom = int(index)
    count = len(graph.position)
    if not 0 <= atom < count:
        return [], (RejectReason.ATOM_OUT_OF_RANGE, f"atom {atom} of a mol block with {count} atoms")
    if carbon and graph.atomic_number[atom] != 6:
        return [], (RejectReason.WRONG_ELEMENT, f"atom {atom} has atomic number {graph.atomic_number[atom]}")
    return [graph.position[atom]], None


def first_values(properties: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Return the data items as a mapping; the first of equally named items counts."""
    values: dict[str, str] = {}
    for name, value in properties:
        values.setdefault(name, value)
    return values
