"""What a split did: sizes, what its parts share, and how often each label occurs in them."""

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq

from spectraflow.splits.molecules import SplitMolecules
from spectraflow.tables import labels_schema, named_faults, scan_table

PARTS = ("train", "val", "test")


def audit_split(molecules: SplitMolecules, parts: Sequence[str]) -> dict[str, Any]:
    """Return ``sizes`` of each part and ``overlap`` of each pair of parts.

    Sizes count molecules, InChIKey first blocks, identity keys and scaffolds (acyclic molecules have none). An
    overlap counts the distinct keys that both parts hold, and the molecules of the second part whose first block the
    first part holds.
    """
    members = {part: molecules.take([i for i, p in enumerate(parts) if p == part]) for part in PARTS}
    keys = {part: _key_sets(members[part]) for part in PARTS}
    overlap: dict[str, dict[str, int]] = {}
    for one, two in combinations(PARTS, 2):
        shared = {kind: len(keys[one][kind] & keys[two][kind]) for kind in keys[one]}
        blocks = keys[one]["first_blocks"]
        shared["molecules"] = sum(block in blocks for block in members[two].first_blocks)
        overlap[f"{one}-{two}"] = shared
    sizes = {
        part: {"molecules": len(members[part]), **{kind: len(found) for kind, found in keys[part].items()}}
        for part in PARTS
    }
    return {"sizes": sizes, "overlap": overlap}


def _key_sets(molecules: SplitMolecules) -> dict[str, set[str]]:
    return {
        "first_blocks": set(molecules.first_blocks),
        "identity_keys": set(molecules.identity_keys),
        "scaffolds": set(molecules.scaffolds) - {""},
    }


def label_prevalence(labels: Path, ids: Sequence[str], parts: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return, for each label and part, how many molecules are ``known`` and ``positive``, and the ``prevalence``.

    `labels` is a labels table (`tables.labels_schema`); a molecule without a row is unknown. Prevalence is positive /
    known, None where nothing is known.
    """
    names = _label_names(labels)
    batches = list(scan_table(labels, labels_schema(names)))
    frame = pl.concat([pl.DataFrame(batch) for batch in batches]) if batches else None
    split = pl.DataFrame({"molecule_id": list(ids), "part": list(parts)})
    if frame is None:
        return {name: {part: _rate(0, 0) for part in PARTS} for name in names}
    joined = split.join(frame.unique("molecule_id"), on="molecule_id", how="left")
    result: dict[str, dict[str, Any]] = {name: {} for name in names}
    for part in PARTS:
        rows = joined.filter(pl.col("part") == part)
        for name in names:
            column = rows[name]
            result[name][part] = _rate(int(column.sum() or 0), len(column) - column.null_count())
    return result


def _rate(positive: int, known: int) -> dict[str, Any]:
    return {"known": known, "positive": positive, "prevalence": positive / known if known else None}


def _label_names(labels: Path) -> list[str]:
    with named_faults(labels, "labels table"):
        return [name for name in pq.read_schema(labels).names if name != "molecule_id"]
