"""Molecules that show a run's assignments: a right and a wrong one, and cases drawn by lot from classes."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pyarrow as pa
from rdkit import Chem

from spectraflow.evaluation.assignment import CARBON_BINS, carbon_bin
from spectraflow.tables import ALIGNMENT, ASSIGNMENTS, MOLECULES, read_table

TYPICAL_CARBONS = 12
SYMMETRIC_SHARE = 0.5
_COLUMNS = ("molecule_id", "carbon_atom", "shift_ppm", "published_ppm")


@dataclass(frozen=True)
class Example:
    """One molecule with, for each carbon, its peak (ppm) and the shift (ppm) of the carbon that peak was given to."""

    molecule_id: str
    spectrum_id: str
    smiles: str
    carbon_atom: Sequence[int]
    shift_ppm: Sequence[float]
    assigned_ppm: Sequence[float]

    @property
    def right(self) -> list[bool]:
        """Return whether each peak was given to a carbon of its own shift."""
        return [_same(a, b) for a, b in zip(self.shift_ppm, self.assigned_ppm, strict=True)]


def _same(first: float, second: float) -> bool:
    return round(1000 * first) == round(1000 * second)


def _summary(assignments: pl.DataFrame) -> pl.DataFrame:
    """Return one row a molecule: its share of right peaks, how typical its size is, and how varied its shifts."""
    right = (pl.col("shift_ppm") * 1000).round() == (pl.col("published_ppm") * 1000).round()
    return assignments.group_by("molecule_id").agg(
        right.mean().alias("share"),
        (pl.len().cast(pl.Int64) - TYPICAL_CARBONS).abs().alias("distance"),
        (pl.col("shift_ppm").n_unique() / pl.len()).alias("variety"),
    )


def choose_examples(assignments_path: Path, molecules: Path, alignment: Path) -> tuple[Example | None, Example | None]:
    """Return a molecule with every peak right and one with many wrong, both of typical size; None if there is none.

    The choice depends on the data alone. Raises InputError if a table cannot be read.
    """
    assignments = _polars(assignments_path, ASSIGNMENTS, _COLUMNS).drop_nulls()
    summary = _summary(assignments)
    good = summary.filter(pl.col("share") == 1).sort("distance", -pl.col("variety"), "molecule_id")
    bad = summary.filter(pl.col("share") <= 0.7).sort("distance", "share", "molecule_id")
    if bad.is_empty():
        bad = summary.filter(pl.col("share") < 1).sort("share", "distance", "molecule_id")
    return (
        _example(assignments, good, molecules, alignment),
        _example(assignments, bad, molecules, alignment),
    )


def _polars(path: Path, schema: pa.Schema, columns: Sequence[str]) -> pl.DataFrame:
    frame = pl.from_arrow(read_table(path, schema, columns))
    assert isinstance(frame, pl.DataFrame)
    return frame


def _example(assignments: pl.DataFrame, chosen: pl.DataFrame, molecules: Path, alignment: Path) -> Example | None:
    if chosen.is_empty():
        return None
    name = chosen["molecule_id"][0]
    here = pl.col("molecule_id") == name
    smiles = _polars(molecules, MOLECULES, ("molecule_id", "smiles")).filter(here)["smiles"]
    spectrum = _polars(alignment, ALIGNMENT, ("molecule_id", "spectrum_id")).filter(here)["spectrum_id"]
    if smiles.is_empty():
        return None
    rows = assignments.filter(here).sort("carbon_atom")
    return Example(
        name,
        spectrum[0] if len(spectrum) else "unknown spectrum",
        smiles[0],
        *(rows[column].to_list() for column in _COLUMNS[1:]),
    )


@dataclass(frozen=True)
class Case:
    """A case study: the class its molecule was drawn from by lot (kind and size) and the molecule."""

    kind: str
    carbons: str
    example: Example


def has_fused_rings(smiles: str) -> bool:
    """Return whether two rings of a molecule share a bond."""
    mol = Chem.MolFromSmiles(smiles)
    rings = None if mol is None else mol.GetRingInfo()
    return rings is not None and any(rings.IsRingFused(ring) for ring in range(rings.NumRings()))


def repeats_shifts(shifts: Sequence[float]) -> bool:
    """Return whether at least half of the carbons share their shift with another, as in a symmetric molecule."""
    rounded = [round(1000 * shift) for shift in shifts]
    return sum(rounded.count(one) > 1 for one in rounded) >= SYMMETRIC_SHARE * len(rounded)


def choose_cases(assignments_path: Path, molecules: Path, alignment: Path) -> list[Case]:
    """Return a molecule with fused rings and a symmetric one of every size class that has any.

    Of each class the molecule whose id has the smallest SHA-256: a lot that looks at no result. Raises InputError if
    a table cannot be read.
    """
    assignments = _polars(assignments_path, ASSIGNMENTS, _COLUMNS).drop_nulls()
    shifts = assignments.group_by("molecule_id").agg("shift_ppm")
    known = shifts.join(_polars(molecules, MOLECULES, ("molecule_id", "smiles")), on="molecule_id")
    rows = sorted(known.iter_rows(), key=lambda row: hashlib.sha256(row[0].encode()).digest())
    kinds: dict[str, Callable[[str, list[float]], bool]] = {
        "fused rings": lambda smiles, _: has_fused_rings(smiles),
        "symmetric": lambda _, shifts: repeats_shifts(shifts),
    }
    found = []
    for carbons in CARBON_BINS["counted"]:
        here = [row for row in rows if carbon_bin(len(row[1])) == carbons]
        for kind, name in _first_of_each(kinds, here):
            one = _example(assignments, pl.DataFrame({"molecule_id": [name]}), molecules, alignment)
            if one is not None:
                found.append(Case(kind, carbons, one))
    return found


def _first_of_each(
    kinds: dict[str, Callable[[str, list[float]], bool]], rows: Sequence[tuple[str, list[float], str]]
) -> Iterator[tuple[str, str]]:
    taken: set[str] = set()
    for kind, fits in kinds.items():
        name = next((name for name, shifts, smiles in rows if name not in taken and fits(smiles, shifts)), None)
        if name is not None:
            taken.add(name)
            yield kind, name
