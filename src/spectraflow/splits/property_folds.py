"""The two scaffold splits of MoleculeNet tasks, 80/10/10, that published numbers stand on.

Both keep every scaffold on one side, and all acyclic molecules share the empty one; unlike `scaffold_folds` they let
stereoisomers and tautomers that differ in scaffold cross the parts, as published. Numbers of the two are not
comparable with each other.
"""

import json
from collections import defaultdict
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from random import Random
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from spectraflow.errors import AccountingError, ConfigError, InputError
from spectraflow.files import write_json
from spectraflow.molecules.identity import first_block
from spectraflow.sources.property_targets import FACTS, read_facts, target_matrix
from spectraflow.splits.audit import PARTS
from spectraflow.tables import PROPERTIES, SPLITS, TableWriter, read_table

Protocol = Literal["scaffold_balanced", "scaffold_deterministic"]
PROTOCOLS: tuple[Protocol, ...] = ("scaffold_balanced", "scaffold_deterministic")
TRAIN, HELD_OUT = 0.8, 0.1
"""Shares of train, and of val and test each; the sizes they stand for are not rounded."""


def make_property_split(properties: Path, out: Path, audit: Path, protocol: str, seed: int) -> dict[str, Any]:
    """Assign the molecules of a properties table; write a splits table and its audit (JSON), and return the audit.

    `seed` shuffles scaffold_balanced and has no effect on scaffold_deterministic. The order of the rows counts, as in
    both sources. Raises ConfigError for an unknown protocol and InputError if a part stays empty or a molecule occurs
    twice.
    """
    if protocol not in PROTOCOLS:
        raise ConfigError(f"'{protocol}' is no split of properties; there are {', '.join(PROTOCOLS)}")
    facts = read_facts(properties)
    table = read_table(properties, PROPERTIES)
    scaffolds = table["scaffold"].to_pylist()
    parts = balanced_parts(scaffolds, seed) if protocol == "scaffold_balanced" else deterministic_parts(scaffolds)
    settings = {"kind": protocol, "seed": seed}
    found = {"settings": settings, "data": facts, **audit_property_split(table, parts, facts["targets"], facts["kind"])}
    _check(properties, found, table["molecule_id"].to_pylist())
    with TableWriter(out, SPLITS, {"spectraflow.split": json.dumps(settings), FACTS: json.dumps(facts)}) as writer:
        writer.write({"molecule_id": table["molecule_id"].to_pylist(), "part": parts})
        write_json(audit, found)
    return found


def scaffold_groups(scaffolds: Sequence[str]) -> list[list[int]]:
    """Return the places of the molecules of each scaffold, in order of each scaffold's first molecule."""
    groups: defaultdict[str, list[int]] = defaultdict(list)
    for place, scaffold in enumerate(scaffolds):
        groups[scaffold].append(place)
    return list(groups.values())


def balanced_parts(scaffolds: Sequence[str], seed: int) -> list[str]:
    """Return the parts of chemprop 1's `scaffold_balanced` (protocol A).

    Scaffolds of more than half a held-out part come first, the others follow, both shuffled by `seed`; each goes to
    train if it still fits there, else to val if it fits, else to test. chemprop 2 fills test first and shuffles by
    another size limit: the same seed is another split there.
    """
    total = len(scaffolds)
    groups = scaffold_groups(scaffolds)
    large = [group for group in groups if len(group) > HELD_OUT * total / 2]
    small = [group for group in groups if len(group) <= HELD_OUT * total / 2]
    generator = Random(seed)
    generator.shuffle(large)
    generator.shuffle(small)
    parts = ["test"] * total
    taken = dict.fromkeys(PARTS, 0)
    for group in large + small:
        size = len(group)
        if taken["train"] + size <= TRAIN * total:
            part = "train"
        else:
            part = "val" if taken["val"] + size <= HELD_OUT * total else "test"
        _give(group, part, parts, taken)
    return parts


def deterministic_parts(scaffolds: Sequence[str]) -> list[str]:
    """Return the parts of DeepChem's scaffold split (protocol B).

    Scaffolds descend in size, then in their first molecule: with ascending molecules the parts of BBBP and BACE have a
    single class. Each goes to train if it fits there, else to val if train and val together have room, else to test.
    """
    total = len(scaffolds)
    parts = ["test"] * total
    taken = dict.fromkeys(PARTS, 0)
    for group in sorted(scaffold_groups(scaffolds), key=lambda group: (len(group), group[0]), reverse=True):
        size = len(group)
        if taken["train"] + size <= TRAIN * total:
            part = "train"
        else:
            part = "val" if taken["train"] + taken["val"] + size <= (TRAIN + HELD_OUT) * total else "test"
        _give(group, part, parts, taken)
    return parts


def _give(group: Sequence[int], part: str, parts: list[str], taken: dict[str, int]) -> None:
    taken[part] += len(group)
    for place in group:
        parts[place] = part


def audit_property_split(table: pa.Table, parts: Sequence[str], targets: Sequence[str], kind: str) -> dict[str, Any]:
    """Return what the parts of a properties table hold and share.

    ``sizes``: molecules, first blocks, scaffolds, evaluable targets, and targets of one class (or, for regression,
    without any number) of each part. ``labels``: how many labels, and how many positive ones, a target has in each
    part. ``overlap``: first blocks and scaffolds, the empty one too, that two parts share.
    """
    members = {part: np.flatnonzero(np.array(parts) == part) for part in PARTS}
    keys = {part: _keys(table.take(rows)) for part, rows in members.items()}
    values = target_matrix(table, len(targets))
    labels: dict[str, dict[str, dict[str, int]]] = {name: {} for name in targets}
    sizes = {}
    for part, rows in members.items():
        known = np.isfinite(values[rows]).sum(axis=0).tolist()
        positive = (values[rows] == 1).sum(axis=0).tolist() if kind == "classification" else None
        single = []
        for place, name in enumerate(targets):
            labels[name][part] = {"known": known[place]} | ({"positive": positive[place]} if positive else {})
            if known[place] == 0 or (positive and positive[place] in (0, known[place])):
                single.append(name)
        sizes[part] = {
            "molecules": len(rows),
            **{name: len(found) for name, found in keys[part].items()},
            "evaluable_targets": len(targets) - len(single),
            "one_class_targets": single,
        }
    overlap = {
        f"{one}-{two}": {name: len(keys[one][name] & keys[two][name]) for name in keys[one]}
        for one, two in combinations(PARTS, 2)
    }
    return {"sizes": sizes, "labels": labels, "overlap": overlap}


def _keys(table: pa.Table) -> dict[str, set[str]]:
    names = zip(table["inchikey"].to_pylist(), table["molecule_id"].to_pylist(), strict=True)
    return {
        "first_blocks": {first_block(key, name) for key, name in names},
        "scaffolds": set(table["scaffold"].to_pylist()),
    }


def _check(properties: Path, found: dict[str, Any], names: list[str]) -> None:
    if len(set(names)) < len(names):
        raise InputError(f"{properties}: {len(names) - len(set(names))} molecule(s) occur more than once")
    empty = [part for part in PARTS if not found["sizes"][part]["molecules"]]
    if empty:
        raise InputError(f"{properties}: no molecules are left for {' and '.join(empty)} ({len(names)} in all)")
    shared = sum(pair["scaffolds"] for pair in found["overlap"].values())
    if shared:
        raise AccountingError(f"{properties}: {shared} scaffolds cross the parts")
