"""Which pre-training molecules are trained on, and which select the epoch."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from spectraflow.errors import InputError
from spectraflow.methods.mmfrl.settings import PretrainingRun

SMALLEST_PART = 2


class PretrainingParts(NamedTuple):
    """Rows of the pre-training table, int64: those trained on (R,) and those held out (H,)."""

    train: Tensor
    held_out: Tensor


def pretraining_parts(first_blocks: Sequence[str], settings: PretrainingRun) -> PretrainingParts:
    """Draw the parts by the seed of the training; molecules of one first block are never in both.

    The same molecules are drawn for the encoders of the targets and for the encoder of graphs.

    Args:
        first_blocks: first block of the InChIKey of each molecule.
        settings: `molecules`, `held_out` and the seed of `training`.

    Raises:
        InputError: fewer than two molecules are left to train on.
    """
    blocks, block_of = np.unique(np.array(first_blocks), return_inverse=True)
    place = np.random.default_rng(settings.training.seed).permutation(len(blocks))[block_of]
    order = np.argsort(place, kind="stable")
    wanted = min(settings.molecules or len(order), len(order))
    held = max(SMALLEST_PART, round(settings.held_out * wanted))
    while held < len(order) and place[order[held]] == place[order[held - 1]]:
        held += 1
    train = order[held : held + wanted]
    if len(train) < SMALLEST_PART:
        raise InputError(f"{len(order)} pre-training molecules are too few: {held} are held out, {len(train)} are left")
    return PretrainingParts(*(torch.from_numpy(np.sort(rows)) for rows in (train, order[:held])))


def even_batches(rows: Tensor, size: int) -> tuple[Tensor, ...]:
    """Split rows into consecutive batches of at most `size` whose sizes differ by one at most."""
    return rows.tensor_split(-(-len(rows) // size))
