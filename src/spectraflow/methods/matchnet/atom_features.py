"""Atom features of the matching network."""

import torch
from torch import Tensor

ELEMENTS = 4
COUNTS = 11
"""Degree, hydrogens and implicit valence run from 0 to 10; more counts as 10."""
WIDTH = ELEMENTS + 3 * COUNTS + 1


def atom_features(atoms: Tensor) -> Tensor:
    """Return (N, 38) float32: element, degree, hydrogens, implicit valence, each one-hot, and aromatic, over their sum.

    `atoms` (N, 5) int64 are those of MatchGraph. The features are those of the code of the parent method, MatCS.
    """
    numbers = torch.arange(COUNTS, device=atoms.device)
    element = atoms[:, :1].clamp(max=ELEMENTS - 1) == numbers[:ELEMENTS]
    counts = atoms[:, 1:4, None].clamp(max=COUNTS - 1) == numbers
    features = torch.cat([element, counts.flatten(1), atoms[:, 4:] > 0], 1).float()
    return features / features.sum(1, keepdim=True)
