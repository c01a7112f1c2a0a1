"""Small made-up pairs and small networks."""

import torch
from torch import Tensor, nn

from spectraflow.methods.matchnet.batch import MatchBatch, MatchGraph, PeakSets
from spectraflow.methods.matchnet.network import MatchNetwork
from spectraflow.methods.matchnet.settings import NUCLEI, NetworkSettings

CHANNELS, SIDE, COLUMNS = 6, 4, 24
SMALL = {
    "heads": 2,
    "head_dim": 3,
    "fused": 8,
    "hidden": 16,
    "molecule_dim": 8,
    "channels": 4,
    "spectrum_dim": 8,
    "dropout": 0.0,
}
SIZES = (6, 1, 9, 4, 2)


def small(**changes) -> NetworkSettings:
    return NetworkSettings(**{**SMALL, **changes})


def make_network(**changes) -> MatchNetwork:
    torch.manual_seed(0)
    return MatchNetwork(small(**changes), CHANNELS, COLUMNS)


def settled(network: nn.Module, batch: MatchBatch) -> nn.Module:
    """The network in eval mode, its norms with moments of the batch and scales and shifts of their own.

    Variances are kept from being tiny, which they are in networks without training: rounding would be magnified.
    """
    generator = torch.Generator().manual_seed(5)
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm1d)]
    for norm in norms:
        norm.momentum = 1.0
        for parameter in norm.parameters():
            parameter.data += 0.3 * torch.randn(len(parameter), generator=generator)
    network.train()(batch)
    for norm in norms:
        norm.running_var.clamp_(min=0.02)
    return network.eval()


def make_atoms(count: int, generator: torch.Generator) -> Tensor:
    return torch.stack([torch.randint(0, high, (count,), generator=generator) for high in (4, 4, 4, 4, 2)], 1)


def make_graph(sizes=SIZES, seed=0) -> MatchGraph:
    """Random trees with a ring bond in the larger ones; a single atom has no bonds."""
    generator = torch.Generator().manual_seed(seed)
    bonds, first = [], 0
    for size in sizes:
        parents = [int(torch.randint(0, atom, (1,), generator=generator)) for atom in range(1, size)]
        pairs = [(atom, parent) for atom, parent in enumerate(parents, start=1)]
        bonds += [(a + first, b + first) for a, b in pairs + ([(0, size - 1)] if size > 5 else [])]
        first += size
    one_way = torch.tensor(bonds, dtype=torch.int64).reshape(-1, 2).T
    counts = torch.tensor(sizes)
    return MatchGraph(
        make_atoms(first, generator),
        torch.cat([one_way, one_way.flip(0)], 1),
        torch.arange(len(sizes)).repeat_interleave(counts),
        counts,
    )


def reordered(graph: MatchGraph, seed: int) -> MatchGraph:
    """The same molecules with their atoms, and the bonds, in another order."""
    generator = torch.Generator().manual_seed(seed)
    starts = (graph.atom_counts.cumsum(0) - graph.atom_counts).tolist()
    pieces = zip(starts, graph.atom_counts.tolist(), strict=True)
    order = torch.cat([start + torch.randperm(count, generator=generator) for start, count in pieces])
    place = order.argsort()
    bonds = torch.randperm(graph.edge_index.shape[1], generator=generator)
    return MatchGraph(graph.atoms[order], place[graph.edge_index][:, bonds], graph.segment, graph.atom_counts)


def one_graph(graph: MatchGraph, row: int) -> MatchGraph:
    inside = graph.segment == row
    first = int(graph.atom_counts[:row].sum())
    bonds = graph.edge_index[:, inside[graph.edge_index[0]]] - first
    counts = graph.atom_counts[row : row + 1]
    return MatchGraph(graph.atoms[inside], bonds, torch.zeros(int(counts), dtype=torch.int64), counts)


def make_peaks(counts, seed=0) -> PeakSets:
    generator = torch.Generator().manual_seed(seed)
    sizes = torch.tensor(counts)
    lines = torch.rand(int(sizes.sum()), 2, generator=generator) * torch.tensor([12.0, 3.0])
    return PeakSets(lines, torch.arange(len(counts)).repeat_interleave(sizes), sizes)


def one_set(peaks: PeakSets, row: int) -> PeakSets:
    inside = peaks.segment == row
    return PeakSets(peaks.values[inside], peaks.segment[inside] * 0, peaks.counts[row : row + 1])


def make_batch(sizes=SIZES, seed=0) -> MatchBatch:
    generator = torch.Generator().manual_seed(seed + 100)
    rows = len(sizes)
    maps = {nucleus: torch.randn(rows, CHANNELS, SIDE, SIDE, generator=generator) for nucleus in NUCLEI}
    return MatchBatch(
        graph=make_graph(sizes, seed),
        features={nucleus: one.half() for nucleus, one in maps.items()},
        columns={nucleus: torch.rand(rows, 2, COLUMNS, generator=generator) for nucleus in NUCLEI},
        peaks={n: make_peaks([3 + place % 3 for place in range(rows)], seed + k) for k, n in enumerate(NUCLEI)},
        labels=(torch.arange(rows) % 2).float(),
    )


def one_row(batch: MatchBatch, row: int) -> MatchBatch:
    here = slice(row, row + 1)
    return MatchBatch(
        graph=one_graph(batch.graph, row),
        features={nucleus: maps[here] for nucleus, maps in batch.features.items()},
        columns={nucleus: columns[here] for nucleus, columns in batch.columns.items()},
        peaks={nucleus: one_set(peaks, row) for nucleus, peaks in batch.peaks.items()},
        labels=batch.labels[here],
    )


def weights_of(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())
