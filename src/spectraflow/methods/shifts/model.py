"""The shift network: message passing on molecular graphs, a Laplace distribution of the shift at every atom."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from spectraflow.methods.shifts.settings import ShiftsModelSettings
from spectraflow.methods.shifts.solvents import SOLVENTS
from spectraflow.nn.gin import BOND_DIRECTIONS, BOND_TYPES, CHIRALITIES, ELEMENTS, HYBRIDISATIONS
from spectraflow.nn.shift_head import MEANS_PPM, Prediction, ShiftHead
from spectraflow.store.closed_walks import LENGTHS, ClosedWalks
from spectraflow.store.graphs import GraphBatch

HYDROGENS, DEGREES = 5, 8
LARGEST_WALK_COUNT = 2.0


class ShiftBatch(NamedTuple):
    """B molecules and M shifts: graph and closed walks; atom (M,) int64 row among the batch's atoms, nucleus (M,) int64
    0 13C or 1 1H, solvent (M,) int64, ppm (M,) float32.
    """

    graph: GraphBatch
    walks: ClosedWalks
    atom: Tensor
    nucleus: Tensor
    solvent: Tensor
    ppm: Tensor


def _table_offsets(sizes: tuple[int, ...]) -> Tensor:
    return torch.tensor([0, *sizes[:-1]]).cumsum(0)


class MessageLayer(nn.Module):
    """h_v <- h_v + MLP([y_v, sum over neighbours u of relu(W y_u + E e_uv) + MLP(mean of y)]), y = LayerNorm(h)."""

    def __init__(self, dim: int, bond_features: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.neighbour = nn.Linear(dim, dim, bias=False)
        self.bond = nn.Linear(bond_features, dim, bias=False)
        self.molecule = nn.Sequential(nn.Linear(dim, dim), nn.SiLU(), nn.Linear(dim, dim))
        self.update = nn.Sequential(nn.Linear(2 * dim, dim), nn.SiLU(), nn.Linear(dim, dim))
        self.dropout = nn.Dropout(dropout)

    def forward(self, h: Tensor, graph: GraphBatch, bonds: Tensor) -> Tensor:
        """Map (N, d) to (N, d); bonds (2E, f) are features of the directed bonds."""
        source, target = graph.edge_index
        y = self.norm(h)
        messages = torch.relu(self.neighbour(y).index_select(0, source) + self.bond(bonds))
        sizes = graph.atom_counts[:, None].to(h.dtype)
        whole = h.new_zeros(len(sizes), h.shape[1]).index_add(0, graph.segment, y) / sizes
        gathered = self.molecule(whole).index_select(0, graph.segment).index_add(0, target, messages)
        return h + self.dropout(self.update(torch.cat([y, gathered], dim=1)))


class ShiftNetwork(nn.Module):
    """Message passing from features of atoms and of bonds, closed walks among both, to the shifts of two nuclei."""

    def __init__(self, settings: ShiftsModelSettings) -> None:
        super().__init__()
        dim = settings.dim
        sizes = (ELEMENTS, CHIRALITIES, HYBRIDISATIONS, HYDROGENS, DEGREES)
        self.table_offsets: Tensor
        self.table_sizes: Tensor
        self.register_buffer("table_offsets", _table_offsets(sizes), persistent=False)
        self.register_buffer("table_sizes", torch.tensor(sizes), persistent=False)
        self.atom_table = nn.Embedding(sum(sizes), dim)
        self.atom_walks = nn.Linear(LENGTHS, dim)
        bond_features = BOND_TYPES + BOND_DIRECTIONS + LENGTHS
        self.layers = nn.ModuleList(MessageLayer(dim, bond_features, settings.dropout) for _ in range(settings.layers))
        self.solvent_table = nn.Embedding(len(SOLVENTS), dim)
        self.heads = nn.ModuleList(ShiftHead(dim) for _ in MEANS_PPM)

    def encode(self, graph: GraphBatch, walks: ClosedWalks) -> Tensor:
        """Return atom embeddings (N, d)."""
        degree = torch.bincount(graph.edge_index[1], minlength=len(graph.atoms))
        codes = torch.cat([graph.atoms[:, :4], degree[:, None]], dim=1)
        codes = torch.minimum(codes.clamp(min=0), self.table_sizes - 1) + self.table_offsets
        h = self.atom_table(codes).sum(1) + self.atom_walks(walks.atoms.clamp(max=LARGEST_WALK_COUNT))
        bonds = torch.cat(
            [
                functional.one_hot(graph.edge_type, BOND_TYPES).to(h.dtype),
                functional.one_hot(graph.edge_direction, BOND_DIRECTIONS).to(h.dtype),
                walks.bonds.clamp(-1, LARGEST_WALK_COUNT),
            ],
            dim=1,
        )
        for layer in self.layers:
            h = layer(h, graph, bonds)
        return h

    def predict(self, h: Tensor, atom: Tensor, nucleus: int, solvent: Tensor | int = 0) -> Prediction:
        """Return the shifts of one nucleus at the atoms (M,) of embeddings (N, d)."""
        known = self.solvent_table(torch.as_tensor(solvent, device=h.device))
        return self.heads[nucleus](h.index_select(0, atom) + known)

    def forward(self, batch: ShiftBatch) -> Prediction:
        """Return the shifts of a batch, in its order."""
        h = self.encode(batch.graph, batch.walks)
        both = [self.predict(h, batch.atom, nucleus, batch.solvent) for nucleus in range(len(self.heads))]
        carbon = batch.nucleus == 0
        return Prediction(*(torch.where(carbon, one, two) for one, two in zip(*both, strict=True)))
