"""Rings as numbers a network can use: non-backtracking walks that close."""

from typing import NamedTuple

import torch
from torch import Tensor

from spectraflow.store.graphs import GraphBatch

SHORTEST, LONGEST = 3, 8
LENGTHS = LONGEST - SHORTEST + 1


class ClosedWalks(NamedTuple):
    """Numbers of non-backtracking walks that close after 3 to 8 bonds: at atoms (N, 6), over bonds (2E, 6) float32.

    A walk never goes straight back over the bond it came by. A count above zero means a ring of that size or, from
    length 5 on, perhaps a smaller ring some bonds away or walked twice.
    """

    atoms: Tensor
    bonds: Tensor


def closed_walks(graph: GraphBatch) -> ClosedWalks:
    """Count closed non-backtracking walks by the matrix recurrence p_k+1 = p_k A - p_k-1 (D - I)."""
    largest = int(graph.atom_counts.max()) if len(graph.atom_counts) else 0
    molecule = graph.segment
    place = torch.arange(len(molecule), device=molecule.device) - graph.first_atom[molecule]
    source, target = graph.edge_index
    adjacency = torch.zeros(len(graph.atom_counts), largest, largest, device=molecule.device)
    adjacency[molecule[source], place[source], place[target]] = 1
    degree = adjacency.sum(2)
    returns = (degree - 1).clamp(min=0)[:, None, :]
    before, walks = adjacency, adjacency @ adjacency - torch.diag_embed(degree)
    atoms, bonds = [], []
    for _ in range(SHORTEST, LONGEST + 1):
        bonds.append(walks[molecule[source], place[source], place[target]])
        before, walks = walks, walks @ adjacency - before * returns
        atoms.append(walks[molecule, place, place])
    return ClosedWalks(torch.stack(atoms, 1), torch.stack(bonds, 1))
