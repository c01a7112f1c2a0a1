"""Molecules to pre-train on: one 13C shift for every carbon, and none of them in a MoleculeNet task.

The paper says that the two do not overlap; with the molecules it describes they do, so all molecules of all tasks are
left out before anything is trained, the encoders of the targets included.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from rdkit import Chem

from spectraflow.errors import AccountingError, InputError
from spectraflow.files import write_json
from spectraflow.molecules.identity import first_block
from spectraflow.molecules.standardise import atomic_numbers
from spectraflow.sources.property_targets import read_facts
from spectraflow.tables import MOLECULES, PEAKS, PRETRAINING, PROPERTIES, TableWriter, read_table, scan_table

LOWEST_PPM, HIGHEST_PPM = 0.0, 250.0
CARBON = 6


def select_pretraining(
    molecules: Path,
    peaks: Path,
    properties: Sequence[Path],
    out: Path,
    overlap: Path,
    *,
    dedupe: Literal["union", "none"] = "union",
) -> dict[str, Any]:
    """Write the pretraining table and its overlap with the tasks (JSON), and return the latter.

    `molecules` and `peaks` are tables of nmrshiftdb2, `properties` the tables of the tasks. A molecule is usable if
    one of its 13C spectra, measured ones first, has shifts of 0 to 250 ppm alone and gives each carbon one of them.
    With dedupe `union` molecules that share the first block of the InChIKey with a molecule of any task are left out;
    with `none` they stay (leaky). Tasks are counted in distinct first blocks, see the keys of the result:
    ``candidates`` (molecules with a 13C spectrum), ``usable``, ``unusable`` by reason, ``overlapping``, ``removed``,
    ``molecules``, ``first_blocks``, ``from_predicted`` (spectra that a program computed), and for each of ``tasks``
    its ``molecules``, how many are ``seen`` before removal, their ``share``, ``pretraining_molecules`` behind them
    and ``left`` after it.

    Raises InputError if a table cannot be used, two have one task or no molecule is left, AccountingError if numbers
    do not add up.
    """
    task_blocks = read_task_blocks(properties)
    spectra, candidates = complete_spectra(peaks)
    unusable: Counter[str] = Counter({"no_complete_spectrum": candidates - len(spectra)})
    usable = list(_usable(molecules, spectra, unusable))
    if candidates != len(usable) + unusable.total():
        raise AccountingError(f"{out}: {candidates} molecules with 13C spectra, {len(usable)} usable, {dict(unusable)}")
    union = set().union(*task_blocks.values())
    overlapping = sum(row["first_block"] in union for row in usable)
    rows = [row for row in usable if dedupe == "none" or row["first_block"] not in union]
    if not rows:
        raise InputError(f"{molecules}: no molecule to pre-train on is left of {len(usable)} usable ones")
    before, after = (Counter(row["first_block"] for row in some) for some in (usable, rows))
    summary = {
        "dedupe": dedupe,
        "candidates": candidates,
        "usable": len(usable),
        "unusable": {reason: count for reason, count in sorted(unusable.items()) if count},
        "overlapping": overlapping,
        "removed": len(usable) - len(rows),
        "molecules": len(rows),
        "first_blocks": len(after),
        "carbons": sum(len(row["carbon_atom"]) for row in rows),
        "from_predicted": sum(row["predicted"] for row in rows),
        "tasks": {task: _task_overlap(blocks, before, after) for task, blocks in task_blocks.items()},
    }
    with TableWriter(out, PRETRAINING, {"spectraflow.dedupe": dedupe}) as writer:
        writer.write_rows(rows)
        write_json(overlap, summary)
    return summary


def read_task_blocks(properties: Sequence[Path]) -> dict[str, set[str]]:
    """Return the first blocks of each task's molecules; raises InputError if two tables have one task."""
    blocks: dict[str, set[str]] = {}
    for path in properties:
        task = str(read_facts(path)["task"])
        if task in blocks:
            raise InputError(f"{path}: task '{task}' has another table, too")
        table = read_table(path, PROPERTIES, ["molecule_id", "inchikey"])
        keys = zip(table["inchikey"].to_pylist(), table["molecule_id"].to_pylist(), strict=True)
        blocks[task] = {first_block(key, name) for key, name in keys}
    return blocks


def complete_spectra(peaks: Path) -> tuple[dict[str, list[dict[str, Any]]], int]:
    """Return the 13C spectra of each molecule that `atom_shifts` reads, and how many molecules have a 13C spectrum.

    A spectrum is a mapping of ``shifts`` (atom to ppm) and ``predicted``; those of a molecule are measured first, then
    in file order.
    """
    spectra: dict[str, list[dict[str, Any]]] = {}
    seen: set[str] = set()
    for batch in scan_table(peaks, PEAKS, ["molecule_id", "technique", "position", "atoms", "origin"]):
        for row in batch.to_pylist():
            if row["technique"] != "13C":
                continue
            seen.add(row["molecule_id"])
            shifts = atom_shifts(row["position"] or [], row["atoms"] or [])
            if shifts:
                found = {"shifts": shifts, "predicted": row["origin"] == "predicted"}
                spectra.setdefault(row["molecule_id"], []).append(found)
    for found_spectra in spectra.values():
        found_spectra.sort(key=lambda spectrum: bool(spectrum["predicted"]))
    return spectra, len(seen)


def atom_shifts(position: Sequence[float], atoms: Sequence[Sequence[int] | None]) -> dict[int, float] | None:
    """Return the shift (ppm) of each assigned atom; None if an atom has two, or a shift is not within 0 to 250 ppm."""
    shifts: dict[int, float] = {}
    for ppm, assigned in zip(position, atoms, strict=True):
        if not LOWEST_PPM <= ppm <= HIGHEST_PPM:
            return None
        for atom in assigned or ():
            if atom in shifts:
                return None
            shifts[atom] = ppm
    return shifts


def _usable(
    molecules: Path, spectra: Mapping[str, list[dict[str, Any]]], unusable: Counter[str]
) -> Iterator[dict[str, Any]]:
    """Yield the rows of molecules one of whose spectra assigns exactly their carbons; count the others by reason."""
    missing = set(spectra)
    for batch in scan_table(molecules, MOLECULES, ["molecule_id", "smiles", "inchikey"]):
        for row in batch.to_pylist():
            name = row["molecule_id"]
            if name not in spectra:
                continue
            missing.discard(name)
            carbons = _carbons(row["smiles"])
            spectrum = next((each for each in spectra[name] if each["shifts"].keys() == set(carbons)), None)
            if spectrum is None:
                unusable["carbons_not_all_assigned"] += 1
                continue
            yield {
                "molecule_id": name,
                "smiles": row["smiles"],
                "first_block": first_block(row["inchikey"], name),
                "carbon_atom": carbons,
                "shift_ppm": [spectrum["shifts"][atom] for atom in carbons],
                "predicted": spectrum["predicted"],
            }
    if missing:
        raise InputError(f"{molecules}: lacks {len(missing)} molecule(s) of the peaks table, such as {min(missing)}")


def _carbons(smiles: str) -> list[int]:
    """Return the carbons in the order of the SMILES, which is that of the graph the encoder sees."""
    mol = Chem.MolFromSmiles(smiles)
    if mol is None:
        raise InputError(f"'{smiles}' of the molecules table cannot be read")
    return [atom for atom, number in enumerate(atomic_numbers(mol)) if number == CARBON]


def _task_overlap(blocks: set[str], before: Counter[str], after: Counter[str]) -> dict[str, Any]:
    seen = blocks & before.keys()
    return {
        "molecules": len(blocks),
        "seen": len(seen),
        "share": len(seen) / len(blocks) if blocks else 0.0,
        "pretraining_molecules": sum(before[block] for block in seen),
        "left": len(blocks & after.keys()),
    }
