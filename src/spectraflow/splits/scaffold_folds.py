"""Splits that keep every Bemis-Murcko scaffold on one side."""

from collections import defaultdict
from collections.abc import Hashable, Sequence

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from spectraflow.splits.molecules import SplitMolecules


def scaffold_groups(molecules: SplitMolecules) -> list[list[int]]:
    """Return the positions of the molecules that must stay together, in order of each group's first molecule.

    A group is a scaffold; acyclic molecules, which share the empty scaffold in chemprop, are grouped by their InChIKey
    first block instead. Tautomers share a first block but may differ in scaffold: such scaffolds become one group,
    so that neither a scaffold nor a first block is ever divided.
    """
    pairs = zip(molecules.scaffolds, molecules.first_blocks, strict=True)
    keys = [("scaffold", scaffold) if scaffold else ("block", block) for scaffold, block in pairs]
    key_numbers = _numbers(keys)
    block_numbers = _numbers(molecules.first_blocks) + key_numbers.max() + 1
    size = int(block_numbers.max()) + 1
    links = coo_matrix((np.ones(len(keys), dtype=np.int8), (key_numbers, block_numbers)), shape=(size, size))
    components = connected_components(links, directed=False)[1][key_numbers]
    groups: defaultdict[int, list[int]] = defaultdict(list)
    for position, component in enumerate(components.tolist()):
        groups[component].append(position)
    return list(groups.values())


def balanced_parts(
    molecules: SplitMolecules, *, fold: int, seed: int, val_fraction: float, test_fraction: float
) -> list[str]:
    """Return the part of each molecule by chemprop's balanced scaffold split; fractions are of all molecules.

    Groups larger than half of the val or of the test part come first, the others follow, both shuffled by `seed` +
    `fold`; each goes to train while it fits there, else to val while it fits, else to test. An empty part (fraction
    0) makes no group large.
    """
    groups = scaffold_groups(molecules)
    limits = [share * len(molecules) / 2 for share in (val_fraction, test_fraction) if share > 0]
    large = [group for group in groups if len(group) > min(limits)]
    small = [group for group in groups if len(group) <= min(limits)]
    generator = np.random.default_rng(seed + fold)
    order = [large[i] for i in generator.permutation(len(large))]
    order += [small[i] for i in generator.permutation(len(small))]
    return _fill(order, len(molecules), val_fraction, test_fraction)


def deterministic_parts(molecules: SplitMolecules, *, val_fraction: float, test_fraction: float) -> list[str]:
    """Return the part of each molecule by DeepChem's scaffold split; fractions are of all molecules.

    Groups in descending order of size, then of their first molecule (in order of id), fill train, then val, then test.
    """
    groups = sorted(scaffold_groups(molecules), key=lambda group: (len(group), group[0]), reverse=True)
    return _fill(groups, len(molecules), val_fraction, test_fraction)


def _fill(groups: list[list[int]], total: int, val_fraction: float, test_fraction: float) -> list[str]:
    """Return parts after giving each group to the first of train and val that has room, else to test."""
    room = {"train": total - round(val_fraction * total) - round(test_fraction * total)}
    room["val"] = round(val_fraction * total)
    parts = ["test"] * total
    for group in groups:
        part = next((name for name, places in room.items() if len(group) <= places), "test")
        if part != "test":
            room[part] -= len(group)
        for position in group:
            parts[position] = part
    return parts


def _numbers(values: Sequence[Hashable]) -> np.ndarray:
    order = {value: number for number, value in enumerate(dict.fromkeys(values))}
    return np.array([order[value] for value in values])
