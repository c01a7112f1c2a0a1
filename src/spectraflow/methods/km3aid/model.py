"""The K-M3AID network (reference section 3)."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from spectraflow.methods.km3aid.objective import Projected
from spectraflow.methods.km3aid.settings import Km3aidModelSettings
from spectraflow.nn.gin import GraphIsomorphismNetwork, sum_pool
from spectraflow.nn.projection import Projection
from spectraflow.nn.shift_head import CARBON, ShiftHead, standardised
from spectraflow.nn.spectrum_encoder import WIDTH, SpectrumEncoder
from spectraflow.store.graphs import GraphBatch

MULTIPLICITIES = 4


class AlignmentBatch(NamedTuple):
    """B molecules with their spectra, and their M assigned carbons in molecule order.

    graph: the molecules; spectrum (B, 4000) float32 binary, or (B, 768) float32 outputs of a frozen encoder;
    carbon (M,) int64 row of each carbon among the batch's atoms; mppm (M,) int64; multiplicity (M,) int64;
    molecule (M,) int64 batch row of each carbon; carbon_counts (B,) int64.
    """

    graph: GraphBatch
    spectrum: Tensor
    carbon: Tensor
    mppm: Tensor
    multiplicity: Tensor
    molecule: Tensor
    carbon_counts: Tensor


def two_layers(inputs: int, width: int) -> nn.Sequential:
    """Return Linear-ReLU-Linear of constant output width."""
    return nn.Sequential(nn.Linear(inputs, width), nn.ReLU(), nn.Linear(width, width))


class PeakEncoder(nn.Module):
    """Shift and multiplicity of a peak -> (M, d)."""

    def __init__(self, dim: int, ppm_scale: str) -> None:
        super().__init__()
        self.standardise = ppm_scale == "standard"
        self.shift = nn.Linear(1, dim)
        self.multiplicity = nn.Embedding(MULTIPLICITIES, dim)
        self.mlp = two_layers(2 * dim, dim)

    def forward(self, ppm: Tensor, multiplicity: Tensor) -> Tensor:
        """Map shifts (M,) float32 in ppm and multiplicities (M,) int64 to (M, d)."""
        ppm = standardised(ppm, CARBON) if self.standardise else ppm
        return self.mlp(torch.cat([self.shift(ppm[:, None]), self.multiplicity(multiplicity)], dim=1))


class Km3aid(nn.Module):
    """Dual alignment of spectra with graphs and of peaks with carbons.

    Graph and node branch share one node encoder (the communication channel) unless settings.communication is
    off. A frozen spectrum encoder lives outside (its outputs are cached); `joint` puts it inside. The shift head,
    if there is one, sees the node branch's embeddings alone, never the spectrum.
    """

    def __init__(self, settings: Km3aidModelSettings, joint: bool = False) -> None:
        super().__init__()
        dim, width, dropout = settings.dim, settings.projection, settings.projection_dropout
        self.settings = settings
        self.spectrum_encoder = SpectrumEncoder() if joint else None
        self.node_encoder = self._node_encoder()
        self.graph_encoder = None if settings.communication else self._node_encoder()
        self.readout = two_layers(dim, dim)
        self.peak_encoder = PeakEncoder(dim, settings.ppm_scale)
        self.project_spectrum = Projection(WIDTH, width, dropout)
        self.project_graph = Projection(dim, width, dropout)
        self.project_peak = Projection(dim, width, dropout)
        self.project_carbon = Projection(dim, width, dropout)
        self.shift_head = ShiftHead(dim) if settings.shift_head else None  # last: the others' weights stay as without

    def _node_encoder(self) -> GraphIsomorphismNetwork:
        s = self.settings
        return GraphIsomorphismNetwork(s.layers, s.dim, s.dropout, chirality=s.chirality == "tag")

    def embed_spectra(self, spectrum: Tensor) -> Tensor:
        """Map (B, 4000), or cached (B, 768), to (B, p)."""
        if self.spectrum_encoder is not None:
            spectrum = self.spectrum_encoder(spectrum)
        return self.project_spectrum(spectrum)

    def embed_graphs(self, graph: GraphBatch, nodes: Tensor | None = None) -> Tensor:
        """Map graphs to (B, p); `nodes` spares the node encoder where it is shared."""
        if self.graph_encoder is not None:
            nodes = self.graph_encoder(graph)
        elif nodes is None:
            nodes = self.node_encoder(graph)
        return self.project_graph(self.readout(sum_pool(nodes, graph)))

    def forward(self, batch: AlignmentBatch) -> Projected:
        """Project a batch into both joint spaces."""
        nodes = self.node_encoder(batch.graph)
        carbons = nodes.index_select(0, batch.carbon)
        peaks = self.peak_encoder(batch.mppm.float() / 1000, batch.multiplicity)
        return Projected(
            spectra=self.embed_spectra(batch.spectrum),
            graphs=self.embed_graphs(batch.graph, nodes),
            peaks=self.project_peak(peaks),
            carbons=self.project_carbon(carbons),
            shifts=None if self.shift_head is None else self.shift_head(carbons),
        )
