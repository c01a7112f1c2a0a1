"""Encoders of the candidate molecule: SpecMol-MatchNet's, those of its ablations and those of its baselines."""

import torch
from torch import Tensor, nn
from torch_geometric.nn import GATConv, GCNConv, SAGEConv, TransformerConv, global_max_pool, global_mean_pool

from spectraflow.methods.matchnet import atom_features
from spectraflow.methods.matchnet.batch import MatchGraph
from spectraflow.methods.matchnet.settings import NetworkSettings

PARENT_GAT_HEADS = 10
PARENT_GCN_HIDDEN = 1024


class Layer(nn.Module):
    """A convolution, batch normalisation and ReLU, the last two as wanted."""

    def __init__(self, convolution: nn.Module, width: int, *, norm: bool = True, activation: bool = True) -> None:
        super().__init__()
        self.convolution = convolution
        self.norm = nn.BatchNorm1d(width) if norm else nn.Identity()
        self.activation = activation

    def forward(self, x: Tensor, edge_index: Tensor) -> Tensor:
        """Map atoms (N, d) to (N, width)."""
        x = self.norm(self.convolution(x, edge_index))
        return x.relu() if self.activation else x


class Chain(nn.ModuleList):
    """Layers one after the other."""

    def forward(self, x: Tensor, edge_index: Tensor) -> Tensor:
        """Map atoms (N, d) to (N, width of the last layer)."""
        for layer in self:
            x = layer(x, edge_index)
        return x


class Branches(nn.Module):
    """Batch normalisation, three parallel branches and a linear fusion of what they give.

    short: one GCN; mid: two GCN, twice as wide between; long: three GraphSAGE with mean aggregation. All start from
    the same atoms: the text has the mid branch build on the short one, its formula, followed here, does not. Widths and
    normalisation are not printed: these give the printed totals of weights.
    """

    def __init__(self, width: int, fused: int, sage_activation: bool) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(width)
        self.short = Layer(GCNConv(width, width), width)
        self.mid = Chain([Layer(GCNConv(width, 2 * width), 2 * width), Layer(GCNConv(2 * width, width), width)])
        self.long = Chain(Layer(SAGEConv(width, width), width, activation=sage_activation) for _ in range(3))
        self.fuse = nn.Linear(3 * width, fused)

    def forward(self, x: Tensor, edge_index: Tensor) -> Tensor:
        """Map atoms (N, width) to (N, fused)."""
        x = self.norm(x)
        return self.fuse(torch.cat([branch(x, edge_index) for branch in (self.short, self.mid, self.long)], 1))


def _transformer(settings: NetworkSettings) -> TransformerConv:
    convolution = TransformerConv(
        atom_features.WIDTH, settings.head_dim, heads=settings.heads, root_weight=settings.root
    )
    if not settings.root:
        convolution.lin_skip = None  # the library keeps the weights it then leaves unused
    return convolution


def _gcn(inputs: int, outputs: int, *, norm: bool = False) -> Layer:
    return Layer(GCNConv(inputs, outputs), outputs, norm=norm)


def _atom_layers(settings: NetworkSettings) -> tuple[Chain, int]:
    """Return the layers on atoms, and the width behind them."""
    d, width = atom_features.WIDTH, settings.heads * settings.head_dim
    match settings.graph:
        case "hybrid":
            branches = Branches(width, settings.fused, settings.sage_activation)
            return Chain([_transformer(settings), branches]), settings.fused
        case "multi_scale":
            return Chain([Branches(d, settings.fused, settings.sage_activation)]), settings.fused
        case "transformer":
            return Chain([_transformer(settings), _gcn(width, width, norm=True)]), width
        case "gcn":
            return Chain([_gcn(d, d, norm=True)]), d
        case "parent_gcn":
            return Chain([_gcn(d, d), _gcn(d, 2 * d), _gcn(2 * d, 4 * d)]), 4 * d
        case "parent_gat":
            attended = PARENT_GAT_HEADS * d
            attention = Layer(GATConv(d, d, heads=PARENT_GAT_HEADS), attended, norm=False)
            return Chain([attention, _gcn(attended, attended)]), attended


class GraphEncoder(nn.Module):
    """Molecules to (B, molecule_dim): layers on atoms, pooling, and two dense layers (paper, section 3.3).

    Pooled are maximum and mean side by side, of the baseline GCN+ResNet-101 the maximum alone. A molecule without bonds
    is as good as any.
    """

    def __init__(self, settings: NetworkSettings) -> None:
        super().__init__()
        parent_gcn = settings.graph == "parent_gcn"
        self.atom_layers, width = _atom_layers(settings)
        self.pools = (global_max_pool,) if parent_gcn else (global_max_pool, global_mean_pool)
        hidden = PARENT_GCN_HIDDEN if parent_gcn else settings.hidden
        self.dense = nn.Sequential(
            nn.Linear(len(self.pools) * width, hidden),
            nn.ReLU(),
            nn.Dropout(settings.dropout),
            nn.Linear(hidden, settings.molecule_dim),
        )

    def forward(self, graph: MatchGraph) -> Tensor:
        """Return (B, molecule_dim)."""
        atoms = self.atom_layers(atom_features.atom_features(graph.atoms), graph.edge_index)
        molecules = len(graph.atom_counts)
        return self.dense(torch.cat([pool(atoms, graph.segment, molecules) for pool in self.pools], 1))
