"""Molecules with a 1H and a 13C line list, one a first block: the data sets that matching is trained and tested on."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from spectraflow.errors import InputError
from spectraflow.files import write_json
from spectraflow.methods.matchnet.line_lists import LineLists
from spectraflow.methods.matchnet.molecule_columns import UnsuitableMolecule, molecule_columns
from spectraflow.methods.matchnet.settings import NUCLEI, MoleculeSettings, RenderingSettings
from spectraflow.molecules.identity import first_block
from spectraflow.sources.accounting import require_equal
from spectraflow.spectra.rendering import lines_inside
from spectraflow.tables import MATCHING_SPECTRA, MOLECULES, REJECTS, RejectReason, TableWriter, read_table

_COLUMNS = ("molecule_id", "smiles", "inchikey", "formula", "heavy_atoms")
WRITTEN_AT_ONCE = 4096
Row = dict[str, Any]


def select(
    settings: MoleculeSettings | None,
    molecules: Path,
    lines: LineLists,
    out: Path,
    rejects: Path,
    counts: Path,
    *,
    limit: int | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Write the molecules that can be matched with two spectra, the rejects, and the accounting, which is returned.

    A molecule is kept if it is one neutral fragment of the allowed elements and size with at least one bond, if both
    line lists hold a line inside the windows of the rendering specification, and if no molecule with its first block
    was kept before; molecules are taken in the order of their ids. Everything else is a reject with its reason. Without
    `settings` any element and size is allowed, charged molecules too. `limit`: molecules kept at most, taken in an
    order drawn by `seed`; the rest are not looked at and counted as `beyond_limit`. Raises InputError if none is left.
    """
    read, seen = Counter[str](), set[str]()
    with TableWriter(out, MATCHING_SPECTRA) as writer, TableWriter(rejects, REJECTS) as rejected:
        for rows in _molecules(molecules, None if limit is None else seed):
            good: list[Row] = []
            bad: list[Row] = []
            for row in rows:
                read["molecules"] += 1
                if limit is not None and writer.rows + len(good) >= limit:
                    read["beyond_limit"] += 1
                    continue
                try:
                    good.append(_matched(row, settings, lines, seen))
                except UnsuitableMolecule as error:
                    read[f"rejects {error.reason}"] += 1
                    bad.append(_reject(row, error))
            writer.write_rows(good)
            rejected.write_rows(bad)
        if not writer.rows:
            raise InputError(f"{molecules}: none of {read['molecules']} molecules can be matched with two spectra")
        require_equal("matching", "molecules", read["molecules"] - read["beyond_limit"], writer.rows, rejected.rows)
        summary = _summary(read, writer.rows, rejected.rows, lines)
        write_json(counts, summary)
    return summary


def _molecules(path: Path, seed: int | None) -> Iterator[list[Row]]:
    """Yield molecules, some at a time, in the order of their ids, numbers by value, or in one drawn by a seed."""
    table = read_table(path, MOLECULES, list(_COLUMNS))
    ids = table["molecule_id"].to_pylist()
    order = sorted(range(len(ids)), key=lambda row: _by_number(ids[row]))
    if seed is not None:
        order = [order[place] for place in np.random.default_rng(seed).permutation(len(order)).tolist()]
    for start in range(0, len(order), WRITTEN_AT_ONCE):
        yield table.take(pa.array(order[start : start + WRITTEN_AT_ONCE])).to_pylist()


def _by_number(molecule_id: str) -> tuple[int, str]:
    native = molecule_id.rpartition(":")[2]
    return (int(native) if native.isdecimal() else -1, molecule_id)


def _matched(row: Mapping[str, Any], settings: MoleculeSettings | None, lines: LineLists, seen: set[str]) -> Row:
    """Return the row of a molecule, whose first block joins `seen`; raises UnsuitableMolecule."""
    block = first_block(row["inchikey"], row["molecule_id"])
    if block in seen:
        raise UnsuitableMolecule(RejectReason.DUPLICATE_MOLECULE, f"another molecule with first block {block} was kept")
    spectra = lines.of(row["molecule_id"])
    for nucleus in NUCLEI:
        if nucleus not in spectra:
            raise UnsuitableMolecule(RejectReason.MISSING_SPECTRUM, f"no {nucleus} lines")
        if not lines_inside(spectra[nucleus].ppm, nucleus, RenderingSettings()):
            raise UnsuitableMolecule(RejectReason.SHIFT_OUT_OF_RANGE, f"no {nucleus} line lies inside the window")
    columns = molecule_columns(row["smiles"], settings)
    seen.add(block)
    return {
        **{name: row[name] for name in ("molecule_id", "smiles", "formula", "heavy_atoms")},
        "first_block": block,
        **columns,
        "proton_ppm": spectra["1H"].ppm,
        "proton_area": spectra["1H"].area,
        "carbon_ppm": spectra["13C"].ppm,
        "carbon_area": spectra["13C"].area,
        "origin": lines.origin,
    }


def _reject(row: Mapping[str, Any], error: UnsuitableMolecule) -> Row:
    return {
        "native_id": row["molecule_id"].partition(":")[2],
        "stage": "record",
        "reason": str(error.reason),
        "message": error.message,
    }


def _summary(read: Mapping[str, int], kept: int, rejected: int, lines: LineLists) -> dict[str, Any]:
    reasons: Iterable[tuple[str, int]] = sorted(read.items())
    return {
        "molecules": read["molecules"],
        "kept": kept,
        "rejected": rejected,
        "beyond_limit": read["beyond_limit"],
        "rejects": {name.removeprefix("rejects "): n for name, n in reasons if name.startswith("rejects ")},
        **lines.figures,
    }
