"""Parts that molecules have already, in the split of another data set."""

from pathlib import Path

from spectraflow.errors import InputError
from spectraflow.splits.molecules import read_molecules
from spectraflow.tables import SPLITS, read_table


def given_parts(split: Path, molecules: Path) -> dict[str, str]:
    """Return the part of every first block that a splits table has; `molecules` tells the blocks of its molecules.

    Raises InputError if a molecule is unknown, or if the table puts one first block into two parts.
    """
    table = read_table(split, SPLITS)
    chosen = read_molecules(molecules, split)
    block_of = dict(zip(chosen.ids, chosen.first_blocks, strict=True))
    found: dict[str, str] = {}
    for molecule, part in zip(table["molecule_id"].to_pylist(), table["part"].to_pylist(), strict=True):
        earlier = found.setdefault(block_of[molecule], part)
        if earlier != part:
            raise InputError(f"{split}: the first block of {molecule} is in {earlier} and in {part}")
    return found
