"""Random folds of constitutions."""

import numpy as np

from spectraflow.splits.molecules import SplitMolecules


def random_parts(molecules: SplitMolecules, *, folds: int, fold: int, seed: int, val_fraction: float) -> list[str]:
    """Return the part of each molecule: fold `fold` of the InChIKey first blocks is test.

    The distinct first blocks, sorted, are permuted by `seed` and cut into `folds` slices of nearly equal size, so the
    test parts of all folds partition the molecules. Of the other blocks, `val_fraction` (drawn by `seed` and
    `fold`) is val and the rest train.
    """
    blocks = np.array(sorted(set(molecules.first_blocks)))
    slices = np.array_split(np.random.default_rng(seed).permutation(blocks), folds)
    test = set(slices[fold].tolist())
    others = np.array([block for block in blocks.tolist() if block not in test])
    count = validation_size(len(others), val_fraction)
    val = set(np.random.default_rng([seed, fold]).permutation(others)[:count].tolist())
    return ["test" if block in test else "val" if block in val else "train" for block in molecules.first_blocks]


def validation_size(available: int, fraction: float) -> int:
    """Return how many of `available` items make the val part: at least one if a fraction is asked for at all."""
    return max(1, round(fraction * available)) if fraction > 0 else 0
