"""Fewer positives of one functional group in the training part (SymSpectra, Fig. 4)."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from spectraflow.errors import InputError
from spectraflow.methods.symspectra.settings import SubsampleSettings


def kept_molecules(
    ids: Sequence[str], labels: NDArray[np.bool_], names: Sequence[str], settings: SubsampleSettings, seed: int = 0
) -> NDArray[np.bool_]:
    """Return which training molecules stay, (N,) bool: all without the group, and a share of those with it.

    The positives, by ascending id, are permuted by `seed` and the first of them kept (rounded up), so smaller shares
    are nested in larger ones whatever the order of rows.

    Args:
        ids: of the N molecules, unique.
        labels: (N, K) bool.
        names: of the K labels.
        settings: group and share.
        seed: of the permutation.

    Raises InputError for a group that is not among `names`.
    """
    kept = np.ones(len(ids), dtype=bool)
    if settings.group is None:
        return kept
    if settings.group not in names:
        raise InputError(f"no functional group '{settings.group}'; known: {', '.join(names)}")
    positives = np.flatnonzero(labels[:, list(names).index(settings.group)])
    ordered = np.array(sorted(positives.tolist(), key=lambda row: ids[row]), dtype=np.int64)
    permuted = np.random.default_rng(seed).permutation(ordered)
    kept[permuted[math.ceil(settings.kept * len(permuted)) :]] = False
    return kept
