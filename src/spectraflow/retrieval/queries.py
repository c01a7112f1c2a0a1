"""Held-out spectra as queries against a library."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Queries:
    """q held-out molecules with a spectrum each: ids, first blocks and carbon counts, all (q,)."""

    molecule_ids: list[str]
    first_blocks: list[str]
    carbons: np.ndarray

    def __len__(self) -> int:
        return len(self.molecule_ids)


def choose_queries(rows: Tensor, identity: list[str], limit: int, seed: int) -> Tensor:
    """Return up to `limit` of the rows, one an identity key, drawn by `seed`, in ascending order."""
    order = np.random.default_rng(seed).permutation(len(rows))
    seen: set[str] = set()
    chosen = []
    for row in rows[torch.from_numpy(order)].tolist():
        if identity[row] not in seen:
            seen.add(identity[row])
            chosen.append(row)
    return torch.tensor(sorted(chosen[:limit]))
