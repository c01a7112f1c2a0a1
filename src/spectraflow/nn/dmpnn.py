"""Directed message passing over bonds (D-MPNN; Yang et al. 2019), from chemprop's blocks.

chemprop sums messages with scatter_reduce_, which is slow on CPUs; here they are summed with index_add, to the same
result.
"""

from typing import Literal

import torch
from chemprop.featurizers.atom import MultiHotAtomFeaturizer
from chemprop.featurizers.bond import MultiHotBondFeaturizer
from chemprop.featurizers.molgraph.molecule import BatchCuikMolGraph
from chemprop.nn import BondMessagePassing
from torch import Tensor, nn

ATOM_WIDTH = {"v1": len(MultiHotAtomFeaturizer.v1()), "v2": len(MultiHotAtomFeaturizer.v2())}
BOND_WIDTH = len(MultiHotBondFeaturizer())


def initialise_xavier(module: nn.Module) -> None:
    """Draw every matrix from Xavier's normal distribution and set every vector to 0, as chemprop 1 does."""
    for parameter in module.parameters():
        if parameter.dim() == 1:
            nn.init.zeros_(parameter)
        else:
            nn.init.xavier_normal_(parameter)


class AddedBondMessages(BondMessagePassing):
    """chemprop's block; its weights, names and results are unchanged."""

    def message(self, H: Tensor, bmg: BatchCuikMolGraph) -> Tensor:
        """Return for every bond the sum of the states (E, d) that arrive at its source, but for its reverse's."""
        return _arriving(H, bmg).index_select(0, bmg.edge_index[0]) - H.index_select(0, bmg.rev_edge_index)

    def forward(self, bmg: BatchCuikMolGraph, V_d: Tensor | None = None) -> Tensor:
        """Return the states of the atoms, (N, d)."""
        start = self.initialize(bmg)
        h = self.tau(start)
        for _ in range(1, self.depth):
            h = self.update(self.message(h, bmg), start)
        return self.finalize(_arriving(h, bmg), bmg.V, V_d)


def _arriving(h: Tensor, graph: BatchCuikMolGraph) -> Tensor:
    """Return the sum of the bond states (E, d) that end at each atom, (N, d)."""
    return h.new_zeros(graph.V.shape[0], h.shape[1]).index_add(0, graph.edge_index[1], h)


class Dmpnn(nn.Module):
    """Encoder of molecules: bond messages, atom states, their mean.

    Args:
        hidden: width d.
        depth: steps of message passing; the first reads the features alone.
        dropout: dropout after every step.
        featuriser: chemprop's atom features, v1 (133) or v2 (72).
        initialisation: PyTorch's `default`, or `xavier` as chemprop 1.
    """

    def __init__(
        self,
        hidden: int = 300,
        depth: int = 3,
        dropout: float = 0.0,
        featuriser: Literal["v1", "v2"] = "v1",
        initialisation: Literal["default", "xavier"] = "default",
    ) -> None:
        super().__init__()
        self.messages = AddedBondMessages(
            d_v=ATOM_WIDTH[featuriser], d_e=BOND_WIDTH, d_h=hidden, depth=depth, dropout=dropout
        )
        if initialisation == "xavier":
            initialise_xavier(self)

    @property
    def width(self) -> int:
        """Width d of the states."""
        return int(self.messages.output_dim)

    def atoms(self, graph: BatchCuikMolGraph) -> Tensor:
        """Return the state of every atom, (N, d)."""
        return self.messages(graph)

    def forward(self, graph: BatchCuikMolGraph) -> Tensor:
        """Return the mean of the atoms' states of every molecule, (B, d)."""
        return mean_of_atoms(self.atoms(graph), graph)


def mean_of_atoms(h: Tensor, graph: BatchCuikMolGraph) -> Tensor:
    """Return the mean over the atoms (N, d) of each molecule, (B, d)."""
    sums = h.new_zeros(len(graph), h.shape[1]).index_add(0, graph.batch, h)
    counts = torch.bincount(graph.batch, minlength=len(graph))
    return sums / counts[:, None]
