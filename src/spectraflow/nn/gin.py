"""Graph isomorphism network with learned bond tables (Hu et al. 2020 variant, K-M3AID reference section 3)."""

import torch
from torch import Tensor, nn

from spectraflow.store.graphs import GraphBatch

ELEMENTS = 120
CHIRALITIES = 3
HYBRIDISATIONS = 6
BOND_TYPES = 6
BOND_DIRECTIONS = 3
SELF_LOOP_TYPE = 4


def bond_counts(graph: GraphBatch) -> Tensor:
    """Return (N, 9) float32: how many bonds of each type and direction end at each atom, self-loop included.

    Sums of bond embeddings are this matrix times the stacked tables, which spares one gather an edge.
    """
    atoms = graph.atoms.shape[0]
    counts = torch.zeros(atoms, BOND_TYPES + BOND_DIRECTIONS, device=graph.atoms.device)
    ones = torch.ones(graph.edge_type.shape[0], device=counts.device)
    target = graph.edge_index[1]
    counts.index_put_((target, graph.edge_type), ones, accumulate=True)
    counts.index_put_((target, BOND_TYPES + graph.edge_direction), ones, accumulate=True)
    counts[:, SELF_LOOP_TYPE] += 1
    counts[:, BOND_TYPES] += 1
    return counts


class IsomorphismLayer(nn.Module):
    """h_v <- MLP(sum over u in N(v) and v of h_u + T[type] + D[direction]); each layer owns its tables."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.bond_type = nn.Embedding(BOND_TYPES, dim)
        self.bond_direction = nn.Embedding(BOND_DIRECTIONS, dim)
        nn.init.xavier_uniform_(self.bond_type.weight)
        nn.init.xavier_uniform_(self.bond_direction.weight)
        self.mlp = nn.Sequential(nn.Linear(dim, 2 * dim), nn.ReLU(), nn.Linear(2 * dim, dim))

    def forward(self, h: Tensor, edge_index: Tensor, counts: Tensor) -> Tensor:
        """Map (N, d) to (N, d); `counts` are those of bond_counts."""
        source, target = edge_index
        neighbours = h.index_add(0, target, h.index_select(0, source))
        tables = torch.cat([self.bond_type.weight, self.bond_direction.weight])
        return self.mlp(neighbours + counts.to(h.dtype) @ tables)


class GraphIsomorphismNetwork(nn.Module):
    """Node encoder: `layers` isomorphism layers with batch norm, ReLU (not after the last) and dropout.

    Args:
        layers: number of layers.
        dim: width d.
        dropout: dropout after each layer.
        chirality: use RDKit's chiral tags as a node feature.
    """

    def __init__(self, layers: int = 5, dim: int = 128, dropout: float = 0.2, chirality: bool = True) -> None:
        super().__init__()
        self.chirality = chirality
        self.element_table = nn.Embedding(ELEMENTS, dim)
        self.chirality_table = nn.Embedding(CHIRALITIES, dim)
        self.hybridisation_table = nn.Embedding(HYBRIDISATIONS, dim)
        nn.init.xavier_uniform_(self.element_table.weight)
        nn.init.xavier_uniform_(self.chirality_table.weight)
        self.layers = nn.ModuleList(IsomorphismLayer(dim) for _ in range(layers))
        self.norms = nn.ModuleList(nn.BatchNorm1d(dim) for _ in range(layers))
        self.dropout = nn.Dropout(dropout)

    def forward(self, graph: GraphBatch) -> Tensor:
        """Return atom embeddings (N, d)."""
        if not self.chirality:
            graph = without_chirality(graph)
        atoms = graph.atoms
        element = (atoms[:, 0] - 1).clamp(0, ELEMENTS - 1)
        h = self.element_table(element) + self.chirality_table(atoms[:, 1]) + self.hybridisation_table(atoms[:, 2])
        counts = bond_counts(graph)
        last = len(self.layers) - 1
        for depth, (layer, norm) in enumerate(zip(self.layers, self.norms, strict=True)):
            h = norm(layer(h, graph.edge_index, counts))
            h = self.dropout(h if depth == last else torch.relu(h))
        return h


def without_chirality(graph: GraphBatch) -> GraphBatch:
    """Return the graph with chiral tags and bond directions set to none."""
    atoms = graph.atoms.clone()
    atoms[:, 1] = 0
    return graph._replace(atoms=atoms, edge_direction=torch.zeros_like(graph.edge_direction))


def sum_pool(h: Tensor, graph: GraphBatch) -> Tensor:
    """Return the sum of atom embeddings of each graph, (B, d)."""
    pooled = h.new_zeros(graph.atom_counts.shape[0], h.shape[1])
    return pooled.index_add(0, graph.segment, h)
