"""How well a second measured spectrum of the same molecule assigns the first: what the labels themselves allow.

No model that predicts from structure can be expected to assign better than another laboratory's own assignment does.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from spectraflow.evaluation.molecule_assignment import Assigned, evaluate_assignments
from spectraflow.evaluation.uncertainty import Interval, ratio_interval
from spectraflow.files import write_json
from spectraflow.methods.shifts.alignment import Alignment, Carbons
from spectraflow.methods.shifts.matching import peak_scores
from spectraflow.tables import ALIGNMENT, PEAKS, read_table, scan_table

SAME_MPPM = 5
"""Spectra that differ by less everywhere are copies."""


def other_spectra(peaks: Path, used: dict[str, str]) -> Iterator[tuple[str, dict[int, float]]]:
    """Yield molecule and shift of each atom, in ppm, of every 13C spectrum that is neither predicted nor in `used`.

    An atom with several peaks, as where a source leaves an assignment open, makes the spectrum none.
    """
    columns = ["molecule_id", "spectrum_id", "technique", "position", "atoms", "origin"]
    for batch in scan_table(peaks, PEAKS, columns):
        for row in batch.to_pylist():
            name = row["molecule_id"]
            wanted = row["technique"] == "13C" and row["origin"] != "predicted" and name in used
            if wanted and row["spectrum_id"] != used[name]:
                pairs = [
                    (atom, shift)
                    for shift, atoms in zip(row["position"], row["atoms"], strict=True)
                    for atom in atoms or ()
                ]
                if len(dict(pairs)) == len(pairs):
                    yield name, dict(pairs)


def _second(carbons: Carbons, shifts: dict[int, float]) -> np.ndarray | None:
    """Return the shifts (n,) in ppm of the same carbons in the other spectrum, if it has them all and is no copy."""
    atoms = carbons.atom.tolist()
    if set(atoms) - set(shifts):
        return None
    ppm = np.array([shifts[atom] for atom in atoms])
    return None if (np.abs(ppm * 1000 - carbons.mppm) < SAME_MPPM).all() else ppm


def assign_by_second_spectra(alignment: Path, graphs: Path, peaks: Path, metrics: Path) -> dict[str, Any]:
    """Write how well the first other measured spectrum of each molecule assigns the one of the alignment table.

    Figures are those of a shift model whose predictions are that spectrum's shifts; there are none if no molecule has
    two spectra that differ.
    """
    table = read_table(alignment, ALIGNMENT, ["molecule_id", "spectrum_id"])
    used = dict(zip(table.column(0).to_pylist(), table.column(1).to_pylist(), strict=True))
    known = Alignment.read(alignment, graphs)
    row_of = {name: row for row, name in enumerate(known.molecule_ids)}
    found: dict[str, Assigned] = {}
    errors: list[tuple[float, int]] = []
    for name, shifts in other_spectra(peaks, used):
        carbons = known.carbons_of(row_of[name])
        ppm = None if name in found else _second(carbons, shifts)
        if ppm is not None:
            scores = peak_scores(carbons.mppm / 1000, carbons.multiplicity, ppm, np.ones(len(ppm)), carbons.hydrogens)
            found[name] = Assigned(name, scores, carbons.atom, carbons.mppm, carbons.multiplicity)
            errors.append((float(np.abs(ppm - carbons.mppm / 1000).sum()), len(ppm)))
    figures: dict[str, Interval] = {}
    if found:
        figures, _ = evaluate_assignments(found.values())
        figures["shift/mae_13C"] = ratio_interval(*np.array(errors).T)
    summary = {"molecules": len(found), "metrics": {name: one.as_dict() for name, one in figures.items()}}
    write_json(metrics, summary)
    return summary
