"""Seeds: every epoch has its own, so that a resumed run draws what an undisturbed one draws."""

import numpy as np
import torch

WEIGHTS_EPOCH = 2**31
"""The epoch whose seed initial weights are drawn with: a stream of its own, apart from those of the epochs."""


def epoch_seed(seed: int, epoch: int, rank: int = 0) -> int:
    """Return a 63-bit seed that depends on the run's seed and the epoch alone, and on the process's rank if not 0."""
    entropy = [seed, epoch, rank] if rank else [seed, epoch]
    return int(np.random.SeedSequence(entropy).generate_state(1, np.uint64)[0] >> 1)


def seed_torch(seed: int) -> None:
    """Seed torch on every device: weights, dropout."""
    torch.manual_seed(seed)
