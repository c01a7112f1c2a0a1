"""Measured 13C and 1H shifts of all records as labels of atoms: all spectra of a molecule, partly assigned ones too."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from spectraflow.errors import InputError
from spectraflow.files import write_json
from spectraflow.methods.shifts.solvents import solvent_code
from spectraflow.molecules.identity import first_block
from spectraflow.tables import GRAPHS, MOLECULES, PEAKS, SHIFT_LABELS, TableWriter, read_table, scan_table

NUCLEI = {"13C": 0, "1H": 1}
RANGES_MPPM = ((-50_000, 250_000), (-5_000, 20_000))
"""Shifts of each nucleus outside these bounds are left out and counted."""

Label = tuple[int, int, int, int]


def _bearers(graphs: Path) -> dict[str, tuple[set[int], set[int]]]:
    """Return, by molecule, its carbons and the heavy atoms that bear hydrogens."""
    columns = ["molecule_id", "atomic_number", "hydrogens"]
    return {
        row["molecule_id"]: (
            {atom for atom, number in enumerate(row["atomic_number"]) if number == 6},
            {atom for atom, hydrogens in enumerate(row["hydrogens"]) if hydrogens > 0},
        )
        for batch in scan_table(graphs, GRAPHS, columns)
        for row in batch.to_pylist()
    }


def _labels(row: dict[str, Any], bearers: tuple[set[int], set[int]], reasons: Counter[str]) -> Iterator[Label]:
    nucleus = NUCLEI[row["technique"]]
    solvent, (lowest, highest) = solvent_code(row["solvent"]), RANGES_MPPM[nucleus]
    for shift, atoms in zip(row["position"], row["atoms"], strict=True):
        mppm = round(shift * 1000)
        if not atoms:
            reasons["peak_without_atom"] += 1
        for atom in atoms or ():
            if not lowest <= mppm <= highest:
                reasons["shift_out_of_range"] += 1
            elif atom not in bearers[nucleus]:
                reasons["atom_without_nucleus"] += 1
            else:
                reasons["used"] += 1
                yield atom, nucleus, solvent, mppm


def select(molecules: Path, peaks: Path, graphs: Path, out: Path, counts: Path) -> dict[str, Any]:
    """Write the shift labels of every molecule with measured 13C or 1H shifts, and count what was not used."""
    table = read_table(molecules, MOLECULES, ["molecule_id", "inchikey"])
    names, keys = table.column("molecule_id").to_pylist(), table.column("inchikey").to_pylist()
    bearers = _bearers(graphs)
    found: dict[str, list[Label]] = {name: [] for name in names}
    reasons: Counter[str] = Counter()
    spectra: Counter[str] = Counter()
    columns = ["molecule_id", "technique", "position", "atoms", "solvent", "origin"]
    for batch in scan_table(peaks, PEAKS, columns):
        for row in batch.to_pylist():
            kind = "predicted" if row["origin"] == "predicted" else row["technique"]
            spectra[kind if row["molecule_id"] in bearers else "without_graph"] += 1
            if kind in NUCLEI and row["molecule_id"] in bearers:
                found[row["molecule_id"]] += _labels(row, bearers[row["molecule_id"]], reasons)
    rows = [
        {
            "molecule_id": name,
            "first_block": first_block(key, name),
            **dict(
                zip(
                    ("atom", "nucleus", "solvent", "shift_mppm"),
                    map(list, zip(*sorted(labels), strict=True)),
                    strict=True,
                )
            ),
        }
        for (name, labels), key in zip(found.items(), keys, strict=True)
        if labels
    ]
    if not rows:
        raise InputError(f"{peaks}: no measured 13C or 1H shift belongs to an atom ({dict(spectra)}, {dict(reasons)})")
    with TableWriter(out, SHIFT_LABELS) as writer:
        writer.write_rows(rows)
    summary = {
        "molecules": len(names),
        "with_labels": len(rows),
        "spectra": dict(sorted(spectra.items())),
        "labels": dict(sorted(reasons.items())),
    }
    write_json(counts, summary)
    return summary
