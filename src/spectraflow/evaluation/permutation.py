"""Permutations for controls."""

import numpy as np


def derangement(count: int, seed: int) -> np.ndarray:
    """Return a seeded permutation (count,) that leaves no index in its place: one random cycle through all."""
    cycle = np.random.default_rng(seed).permutation(count)
    other = np.empty(count, np.int64)
    other[cycle] = np.roll(cycle, 1)
    return other
