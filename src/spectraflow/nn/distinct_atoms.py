"""A trained graph isomorphism network over many molecules at once: equal atom environments are computed once.

After l layers an atom's state depends on its environment up to l bonds alone, and molecules of a library share most of
their small environments: of 800,000 atoms in 32,768 PubChem molecules, 0.4 % differ after the first layer and 60 %
after the fifth, which spares two thirds of the multiplications. The result is that of the network but for the order of
float32 sums.
"""

from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_linear_bn_eval

from spectraflow.nn.gin import (
    BOND_DIRECTIONS,
    ELEMENTS,
    GraphIsomorphismNetwork,
    IsomorphismLayer,
    bond_counts,
    without_chirality,
)
from spectraflow.store.graphs import GraphBatch
from spectraflow.store.mixing import mixed

BLOCK = 4096  # rows of a matrix product: its hidden states stay in the cache
BOND_CODES = 64  # more than the bond types times the directions


class Neighbours(NamedTuple):
    """The bonds of N atoms, grouped by the atom they end at.

    source (2E,) int64 atom at the other end; bond (2E,) int64 code of type and direction; offsets (N + 1,) int64.
    """

    source: Tensor
    bond: Tensor
    offsets: Tensor

    @classmethod
    def of(cls, graph: GraphBatch) -> "Neighbours":
        """Group the bonds of a batch."""
        source, target = graph.edge_index
        order = target.argsort(stable=True)
        counts = torch.bincount(target, minlength=graph.atoms.shape[0])
        bond = graph.edge_type * BOND_DIRECTIONS + graph.edge_direction
        return cls(source[order], bond[order], functional.pad(counts.cumsum(0), (1, 0)))

    def around(self, atoms: Tensor) -> tuple[Tensor, Tensor]:
        """Return each of `atoms` (n,) followed by its neighbours, flat, and where each group starts (n,)."""
        begin = self.offsets[atoms]
        sizes = self.offsets[atoms + 1] - begin + 1
        ends = sizes.cumsum(0)
        starts = ends - sizes
        total = int(ends[-1]) if len(atoms) else 0
        group = torch.repeat_interleave(torch.arange(len(atoms), device=atoms.device), sizes, output_size=total)
        place = torch.arange(total, device=atoms.device) - starts[group]
        members = self.source[(begin[group] + place - 1).clamp(min=0)] if len(self.source) else atoms[group]
        return torch.where(place == 0, atoms[group], members), starts


class Level(NamedTuple):
    """Environments of one radius: `code` (N,) int64 of every atom, and one atom (n,) int64 of each of the n codes."""

    code: Tensor
    example: Tensor


def _level(value: Tensor) -> Level:
    """Number equal values; the example is an atom that has the value."""
    distinct, code = torch.unique(value, return_inverse=True)
    example = torch.empty_like(distinct)
    example[code] = torch.arange(len(value), device=value.device)
    return Level(code, example)


def environments(graph: GraphBatch, neighbours: Neighbours, radius: int) -> list[Level]:
    """Return the levels of radius 0 to `radius`.

    Radius 0 is the atom's own features; each next one adds the multiset of (neighbour, bond) as a 64-bit sum of
    mixed codes. Two environments of a batch of 10^6 atoms fall together with a probability of 1e-8 a level.
    """
    element, chirality, hybridisation = graph.atoms[:, :3].unbind(1)
    levels = [_level((element * 256 + chirality) * 256 + hybridisation)]
    target = torch.repeat_interleave(neighbours.offsets.diff(), output_size=len(neighbours.source))
    for _ in range(radius):
        code = levels[-1].code
        arriving = mixed((code[neighbours.source] + 1) * BOND_CODES + neighbours.bond)
        levels.append(_level(mixed(-code - 1).index_add(0, target, arriving)))
    return levels


class FusedLayer(NamedTuple):
    """A layer whose batch norm is part of its second linear map; `tables` (9, d) are the bond tables."""

    tables: Tensor
    first: nn.Linear
    second: nn.Linear

    @classmethod
    def of(cls, layer: IsomorphismLayer, norm: nn.BatchNorm1d) -> "FusedLayer":
        """Fuse a layer in eval mode with the norm that follows it."""
        first, second = cast(nn.Linear, layer.mlp[0]), cast(nn.Linear, layer.mlp[2])
        tables = torch.cat([layer.bond_type.weight, layer.bond_direction.weight])
        return cls(tables, first, fuse_linear_bn_eval(second, norm))


class DistinctAtomNetwork:
    """A trained network in eval mode, for molecule embeddings of large batches."""

    def __init__(self, network: GraphIsomorphismNetwork) -> None:
        if network.training:
            raise ValueError("the network is in training mode: its batch norm depends on the batch")
        self.network = network
        self.layers = [
            FusedLayer.of(cast(IsomorphismLayer, layer), cast(nn.BatchNorm1d, norm))
            for layer, norm in zip(network.layers, network.norms, strict=True)
        ]

    @torch.no_grad()
    def pooled(self, graph: GraphBatch) -> Tensor:
        """Return the sum of atom states of each molecule, (B, d): `sum_pool` of the network's output."""
        graph = graph if self.network.chirality else without_chirality(graph)
        neighbours = Neighbours.of(graph)
        levels = environments(graph, neighbours, len(self.layers))
        counts = bond_counts(graph)
        h = self._features(graph.atoms[levels[0].example])
        for depth, layer in enumerate(self.layers):
            atoms = levels[depth + 1].example
            members, starts = neighbours.around(atoms)
            h = self._apply(layer, h, levels[depth].code[members], starts, counts[atoms])
            h = h if depth == len(self.layers) - 1 else h.relu_()
        return functional.embedding_bag(levels[-1].code, h, graph.first_atom, mode="sum")

    def _features(self, atoms: Tensor) -> Tensor:
        network = self.network
        element = (atoms[:, 0] - 1).clamp(0, ELEMENTS - 1)
        return (
            network.element_table(element)
            + network.chirality_table(atoms[:, 1])
            + network.hybridisation_table(atoms[:, 2])
        )

    def _apply(self, layer: FusedLayer, h: Tensor, members: Tensor, starts: Tensor, counts: Tensor) -> Tensor:
        """Map states (m, d) of a level to those of the next (n, d); group i of `members` starts at starts[i]."""
        first, second = layer.first, layer.second
        out = h.new_empty(len(starts), h.shape[1])
        hidden = h.new_empty(min(BLOCK, len(starts)), first.out_features)
        for begin in range(0, len(starts), BLOCK):
            end = min(begin + BLOCK, len(starts))
            here = slice(int(starts[begin]), int(starts[end]) if end < len(starts) else len(members))
            summed = functional.embedding_bag(members[here], h, starts[begin:end] - here.start, mode="sum")
            summed = summed.addmm_(counts[begin:end], layer.tables)
            inner = torch.addmm(first.bias, summed, first.weight.T, out=hidden[: end - begin]).relu_()
            torch.addmm(second.bias, inner, second.weight.T, out=out[begin:end])
        return out
