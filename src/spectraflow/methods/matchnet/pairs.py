"""Pairs of spectra and molecules: one that matches and one of each kind that does not, for every molecule of a part."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from spectraflow.errors import InputError
from spectraflow.files import write_json
from spectraflow.methods.matchnet.assignment import (
    Rows,
    diff_assignment,
    near_assignment,
    nearest,
    nearest_isomer,
    paired_tanimoto,
    uniform_assignment,
)
from spectraflow.methods.matchnet.listed_pairs import listed_sets
from spectraflow.methods.matchnet.pair_molecules import PARTS, Chosen, PairMolecules
from spectraflow.methods.matchnet.settings import PairSettings
from spectraflow.tables import PAIRS, TableWriter

OWN_SETS = ("true", "near", "uniform", "diff", "sim", "isomer")


def make_pairs(
    settings: PairSettings,
    spectra: Path,
    rendered: Path,
    split: Path,
    out: Path,
    counts: Path,
    listed: Path | None = None,
) -> dict[str, Any]:
    """Write the pairs table and what it holds; return the latter.

    Every part has the sets true, near and uniform, the test part also diff, sim and isomer, and the negatives of each
    set of `listed` whose owner is a test molecule; the candidates of these may come from any part. All other pairs stay
    inside a part. The order of rows of the inputs changes nothing.

    Args:
        settings: seed, and molecules matched at once.
        spectra: MATCHING_SPECTRA.
        rendered: RENDERED of the same molecules.
        split: SPLITS of the same molecules.
        out: PAIRS.
        counts: JSON of what is returned: for each part its molecules, those with another's spectra, and of each set
            the pairs, similarities, share of isomers, largest use of a candidate, pairs with identical spectra, and
            whether owners and candidates are the same molecules (only then a blind model must score 0.5).
        listed: LISTED_PAIRS.

    Raises InputError if a molecule lacks a fingerprint, a rendering or a part, if an id is unknown or repeated, and for
    a part of fewer than two molecules or of more than half with identical spectra.
    """
    molecules = PairMolecules.read(spectra, rendered, split)
    summary: dict[str, Any] = {"parts": {}}
    with TableWriter(out, PAIRS) as writer:
        for part in PARTS:
            rows = np.flatnonzero(molecules.parts == part)
            if len(rows) < 2:
                raise InputError(f"{split}: part {part} has {len(rows)} molecules with spectra; pairs need two")
            try:
                sets = _own_sets(molecules, rows, part, settings)
            except ValueError as error:
                raise InputError(f"{rendered}: part {part}: {error}") from None
            if part == "test" and listed is not None:
                found, rejected = listed_sets(listed, molecules)
                sets |= found
                summary |= rejected
            for name, chosen in sets.items():
                writer.write(_columns(molecules, part, name, chosen))
            summary["parts"][part] = _described(molecules, rows, sets)
    write_json(counts, summary)
    return summary


def _own_sets(molecules: PairMolecules, rows: Rows, part: str, settings: PairSettings) -> dict[str, Chosen]:
    bits, codes = molecules.fingerprints[rows], molecules.codes[rows]

    def seed(name: str) -> list[int]:
        return [settings.seed, PARTS.index(part), OWN_SETS.index(name)]

    partners = {
        "true": np.arange(len(rows)),
        "near": near_assignment(bits, codes, settings.block, seed("near")),
        "uniform": uniform_assignment(codes, seed("uniform")),
    }
    if part == "test":
        partners["diff"] = diff_assignment(bits, codes, settings.block, seed("diff"))
        partners["sim"] = nearest(bits, codes)
        partners["isomer"] = nearest_isomer(bits, molecules.formulas.take(pa.array(rows)).to_pylist(), codes)
    return {name: (rows[found >= 0], rows[found[found >= 0]]) for name, found in partners.items()}


def _columns(molecules: PairMolecules, part: str, name: str, chosen: Chosen) -> pa.Table:
    owners, candidates = chosen
    owner_ids, candidate_ids = (molecules.ids.take(pa.array(rows)) for rows in chosen)
    count, formulas = len(owners), molecules.formulas
    columns = {
        "pair_id": pc.binary_join_element_wise(pa.repeat(name, count), owner_ids, candidate_ids, ":"),
        "part": pa.repeat(part, count),
        "test_set": pa.repeat(name, count),
        "owner_id": owner_ids,
        "candidate_id": candidate_ids,
        "label": pa.array(owners == candidates),
        "tanimoto": pa.array(paired_tanimoto(molecules.fingerprints, owners, candidates)),
        "same_formula": pc.equal(formulas.take(pa.array(owners)), formulas.take(pa.array(candidates))),
    }
    return pa.Table.from_pydict(columns, schema=PAIRS)


def _described(molecules: PairMolecules, rows: Rows, sets: Mapping[str, Chosen]) -> dict[str, Any]:
    _, uses = np.unique(molecules.codes[rows], return_counts=True)
    return {
        "molecules": len(rows),
        "identical_spectra": int(uses[uses > 1].sum()),
        "sets": {name: _set_counts(molecules, name, *chosen) for name, chosen in sets.items()},
    }


def _set_counts(molecules: PairMolecules, name: str, owners: Rows, candidates: Rows) -> dict[str, Any]:
    if not len(owners):
        return {"pairs": 0}
    similarity = paired_tanimoto(molecules.fingerprints, owners, candidates)
    low, median, high = np.percentile(similarity, [5, 50, 95]).tolist()
    formulas = (molecules.formulas.take(pa.array(one)) for one in (owners, candidates))
    once = len(np.unique(owners)) == len(owners)
    identical = 0 if name == "true" else int((molecules.codes[owners] == molecules.codes[candidates]).sum())
    return {
        "pairs": len(owners),
        "tanimoto": {"mean": float(similarity.mean(dtype=np.float64)), "p5": low, "p50": median, "p95": high},
        "same_formula": pc.mean(pc.equal(*formulas)).as_py(),
        "most_used_candidate": int(np.unique(candidates, return_counts=True)[1].max()),
        "balanced": once and np.array_equal(np.sort(owners), np.sort(candidates)),
        "identical_spectra": identical,
    }
