"""A batch of pairs: candidate molecules beside the spectra they are compared with."""

from dataclasses import dataclass
from typing import NamedTuple, Self

import torch
from torch import Tensor


class MatchGraph(NamedTuple):
    """B graphs as one disjoint graph of N atoms and E bonds.

    atoms (N, 5) int64: element (0 C, 1 N, 2 O, 3 other), degree, hydrogens, implicit valence, aromatic; edge_index
    (2, 2E) int64, each bond in both directions; segment (N,) int64 graph of each atom; atom_counts (B,) int64.
    """

    atoms: Tensor
    edge_index: Tensor
    segment: Tensor
    atom_counts: Tensor

    def to(self, device: torch.device | str) -> Self:
        """Return the graphs on `device`."""
        return type(self)(*(part.to(device) for part in self))


class PeakSets(NamedTuple):
    """Line lists of one nucleus of B spectra with M lines together.

    values (M, 2) float32: ppm, area; segment (M,) int64 spectrum of each line; counts (B,) int64, 0 is legal.
    """

    values: Tensor
    segment: Tensor
    counts: Tensor

    def to(self, device: torch.device | str) -> Self:
        """Return the line lists on `device`."""
        return type(self)(*(part.to(device) for part in self))


@dataclass(frozen=True)
class MatchBatch:
    """B pairs; of `features`, `columns` and `peaks` those are given that the network reads.

    `graph` of the candidates; of the owners, for each nucleus, `features` (B, C, h, w) float16 or float32, maps of the
    frozen backbone; `columns` (B, 2, W) float32, highest and lowest point of each column; `peaks`, line lists;
    `labels` (B,) float32, 1 where the candidate is the owner.
    """

    graph: MatchGraph
    features: dict[str, Tensor] | None
    columns: dict[str, Tensor] | None
    peaks: dict[str, PeakSets] | None
    labels: Tensor

    def to(self, device: torch.device | str) -> Self:
        """Return the batch on `device`."""
        return type(self)(
            graph=self.graph.to(device),
            features=None if self.features is None else {key: one.to(device) for key, one in self.features.items()},
            columns=None if self.columns is None else {key: one.to(device) for key, one in self.columns.items()},
            peaks=None if self.peaks is None else {key: one.to(device) for key, one in self.peaks.items()},
            labels=self.labels.to(device),
        )
