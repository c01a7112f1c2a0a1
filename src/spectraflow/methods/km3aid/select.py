"""Which molecules K-M3AID can use: every carbon carries exactly one assigned 13C shift (reference section 1)."""

import random
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spectraflow.errors import AccountingError, InputError
from spectraflow.files import write_json
from spectraflow.molecules.identity import first_block
from spectraflow.tables import ALIGNMENT, GRAPHS, MOLECULES, PEAKS, TableWriter, read_table, scan_table

MULTIPLICITY_CODES = {"S": 0, "D": 1, "T": 2, "Q": 3}
LOWEST_MPPM, HIGHEST_MPPM = -50_000, 250_000
SPECTRUM = "/13C/0"


@dataclass(frozen=True)
class Unusable(Exception):
    """Why a molecule cannot be used."""

    reason: str


def assign_carbons(carbons: list[int], peaks: Mapping[str, Any]) -> tuple[list[int], list[int]]:
    """Return shift (milli-ppm) and multiplicity code of each carbon, in the order of `carbons`.

    Args:
        carbons: indices of the molecule's carbons.
        peaks: one row of the peaks table.

    Raises:
        Unusable: a carbon without or with several shifts, a peak without a carbon, an unknown letter, or a
            shift outside -50 to 250 ppm.
    """
    found: dict[int, tuple[int, int]] = {}
    for shift, letter, atoms in zip(peaks["position"], peaks["multiplicity"], peaks["atoms"], strict=True):
        if not atoms:
            raise Unusable("peak_without_carbon")
        code = MULTIPLICITY_CODES.get(letter or "")
        if code is None:
            raise Unusable("multiplicity_unknown")
        mppm = round(shift * 1000)
        if not LOWEST_MPPM <= mppm <= HIGHEST_MPPM:
            raise Unusable("shift_out_of_range")
        for atom in atoms:
            if atom in found:
                raise Unusable("carbon_with_several_shifts")
            found[atom] = (mppm, code)
    if set(found) - set(carbons):
        raise Unusable("peak_without_carbon")
    if len(found) < len(carbons):
        raise Unusable("carbon_without_shift")
    return [found[atom][0] for atom in carbons], [found[atom][1] for atom in carbons]


def read_ids(path: Path) -> list[str]:
    """Return the ids of a list, one a line; raises InputError if there are none."""
    ids = [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    if not ids:
        raise InputError(f"{path}: the id list is empty")
    return ids


def _spectra(peaks: Path) -> dict[str, dict[str, Any]]:
    columns = ["molecule_id", "spectrum_id", "position", "multiplicity", "atoms", "origin"]
    return {
        row["molecule_id"]: row
        for batch in scan_table(peaks, PEAKS, columns)
        for row in batch.to_pylist()
        if row["spectrum_id"].endswith(SPECTRUM)
    }


def _carbons(graphs: Path) -> dict[str, list[int]]:
    return {
        row["molecule_id"]: [atom for atom, number in enumerate(row["atomic_number"]) if number == 6]
        for batch in scan_table(graphs, GRAPHS, ["molecule_id", "atomic_number"])
        for row in batch.to_pylist()
    }


def _usable(
    molecule: str, spectra: Mapping[str, Any], carbons: Mapping[str, list[int]], computed: bool
) -> dict[str, Any]:
    if molecule not in carbons:
        raise Unusable("no_graph")
    spectrum = spectra.get(molecule)
    if spectrum is None:
        raise Unusable("no_spectrum_13C_0")
    if spectrum["origin"] == "predicted" and not computed:
        raise Unusable("predicted_spectrum")
    if not carbons[molecule]:
        raise Unusable("no_carbon")
    shifts, codes = assign_carbons(carbons[molecule], spectrum)
    return {
        "spectrum_id": spectrum["spectrum_id"],
        "carbon_atom": carbons[molecule],
        "shift_mppm": shifts,
        "multiplicity": codes,
    }


def _wanted(molecules: Path, ids: Path | None, external: bool, reasons: Counter[str]) -> Iterator[tuple[str, str]]:
    """Yield (molecule id, first block) in file order; count the ids that the source does not hold.

    With `external`, those whose first block no listed molecule has.
    """
    table = read_table(molecules, MOLECULES, ["molecule_id", "inchikey"])
    names, keys = table.column("molecule_id").to_pylist(), table.column("inchikey").to_pylist()
    listed = None
    if ids is not None:
        listed = {f"nmrshiftdb2:{native}" for native in read_ids(ids)}
    blocks = [first_block(key, name) for name, key in zip(names, keys, strict=True)]
    if external:
        known = {block for name, block in zip(names, blocks, strict=True) if name in (listed or ())}
        yield from ((name, block) for name, block in zip(names, blocks, strict=True) if block not in known)
        return
    reasons["absent_from_source"] += len((listed or set()) - set(names))
    for name, block in zip(names, blocks, strict=True):
        if listed is None or name in listed:
            yield name, block


def _drawn(rows: list[dict[str, Any]], count: int, seed: int) -> list[dict[str, Any]]:
    """Return up to `count` rows, one a first block, in their order."""
    first = {row["first_block"]: row["molecule_id"] for row in reversed(rows)}
    chosen = set(random.Random(seed).sample(sorted(first.values()), min(count, len(first))))
    return [row for row in rows if row["molecule_id"] in chosen]


def select(
    molecules: Path,
    peaks: Path,
    graphs: Path,
    out: Path,
    counts: Path,
    *,
    ids: Path | None = None,
    computed_spectra: bool = False,
    external: int | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Write the alignment table of the usable molecules and count why others are not usable.

    Spectrum 0 is used, as published; other spectra of a record are mostly predictions. `ids` limits the molecules to a
    list; with `external`, they are up to so many molecules, one a first block and drawn by `seed`, outside the list:
    none of its molecules shares a first block with them.
    """
    spectra, carbons = _spectra(peaks), _carbons(graphs)
    reasons: Counter[str] = Counter()
    rows: list[dict[str, Any]] = []
    considered = 0
    for molecule, block in _wanted(molecules, ids, external is not None, reasons):
        considered += 1
        try:
            usable = _usable(molecule, spectra, carbons, computed_spectra)
        except Unusable as unusable:
            reasons[unusable.reason] += 1
        else:
            rows.append({"molecule_id": molecule, "first_block": block, **usable})
    if considered + reasons["absent_from_source"] != len(rows) + sum(reasons.values()):
        raise AccountingError(f"{out}: {considered} molecules considered, {len(rows)} usable, {dict(reasons)}")
    if not rows:
        raise InputError(f"{molecules}: no molecule has all its carbons assigned ({dict(reasons)})")
    if external is not None:
        drawable = len(rows)
        rows = _drawn(rows, external, seed)
        reasons["not_drawn"] += drawable - len(rows)
    with TableWriter(out, ALIGNMENT) as writer:
        writer.write_rows(rows)
    summary = {
        "listed": considered + reasons["absent_from_source"],
        "usable": len(rows),
        "carbons": sum(len(row["carbon_atom"]) for row in rows),
        "unusable": {reason: count for reason, count in sorted(reasons.items()) if count},
    }
    write_json(counts, summary)
    return summary
