"""The matching network: does this molecule have these spectra?"""

from typing import Protocol

import torch
from torch import Tensor, nn

from spectraflow.methods.matchnet.batch import MatchBatch, MatchGraph, PeakSets
from spectraflow.methods.matchnet.fusion import Fusion
from spectraflow.methods.matchnet.graph_encoder import GraphEncoder
from spectraflow.methods.matchnet.image_head import PARENT_WIDTHS, image_head
from spectraflow.methods.matchnet.peak_encoder import PeakEncoder
from spectraflow.methods.matchnet.settings import BACKBONE_CHANNELS, NetworkSettings
from spectraflow.methods.matchnet.vector_encoder import VectorEncoder
from spectraflow.nn.parameters import count_parameters

BACKBONE_PARAMETERS = {
    "resnet101": 42_500_160,
    "resnet50": 23_508_032,
    "densenet121": 6_953_856,
    "efficientnet_b0": 4_007_548,
    "efficientnet_lite0": 3_371_008,
}
"""Weights of the published backbones without their classifiers."""


class Spectra(Protocol):
    """The part of a MatchBatch that holds the spectra of its B rows."""

    @property
    def features(self) -> dict[str, Tensor] | None:
        """Maps of the backbone."""

    @property
    def columns(self) -> dict[str, Tensor] | None:
        """Columns."""

    @property
    def peaks(self) -> dict[str, PeakSets] | None:
        """Line lists."""

    @property
    def labels(self) -> Tensor:
        """One label a row."""


class Constant(nn.Module):
    """A learned vector in the place of an encoder: what it stands for cannot be seen."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width
        self.vector = nn.Parameter(torch.randn(width))

    def forward(self, rows: int) -> Tensor:
        """Return the vector as (rows, width)."""
        return self.vector.expand(rows, -1)


def spectra_width(settings: NetworkSettings) -> int:
    """Return the width of the embedding of all spectra of a molecule."""
    pooled = PARENT_WIDTHS[-1] if settings.attention == "parent" else settings.channels
    return len(settings.nuclei) * (pooled if settings.spectra == "images" else settings.spectrum_dim)


def _spectra_encoder(settings: NetworkSettings, feature_channels: int | None, columns: int) -> nn.Module:
    if settings.blind == "spectra":
        return Constant(spectra_width(settings))
    if settings.spectra == "vectors":
        return VectorEncoder(settings, columns)
    if settings.spectra == "peaks":
        return PeakEncoder(settings)
    if feature_channels is None:
        raise ValueError("a network of images needs the number of channels of its features")
    return image_head(settings, feature_channels)


class MatchNetwork(nn.Module):
    """SpecMol-MatchNet, its ablations, its baselines, and networks that read columns or lines instead of images.

    Args:
        settings: what it reads, and its parts.
        feature_channels: channels of the cached maps (images), else None.
        columns: columns of a rendered spectrum (vectors).
    """

    def __init__(self, settings: NetworkSettings, feature_channels: int | None, columns: int) -> None:
        super().__init__()
        self.settings = settings
        blind = settings.blind == "molecule"
        self.molecule_encoder = Constant(settings.molecule_dim) if blind else GraphEncoder(settings)
        self.spectra_encoder = _spectra_encoder(settings, feature_channels, columns)
        width = spectra_width(settings)
        self.spectra_norm = nn.BatchNorm1d(width, affine=False) if settings.spectra_norm else nn.Identity()
        self.fusion = Fusion(settings.molecule_dim, width)

    def embed_molecules(self, graph: MatchGraph) -> Tensor:
        """Return (B, molecule_dim)."""
        encoder = self.molecule_encoder
        return encoder(len(graph.atom_counts) if isinstance(encoder, Constant) else graph)

    def embed_spectra(self, batch: Spectra) -> Tensor:
        """Return (B, spectra_width); raises ValueError if the batch lacks what the network reads."""
        if isinstance(self.spectra_encoder, Constant):
            return self.spectra_encoder(len(batch.labels))
        kind = self.settings.spectra
        seen = {"images": batch.features, "vectors": batch.columns, "peaks": batch.peaks}[kind]
        if seen is None:
            raise ValueError(f"a network of {kind} needs a batch with them")
        return self.spectra_norm(self.spectra_encoder(seen))

    def last_layer_input(self, batch: MatchBatch) -> Tensor:
        """Return (B, 48), what the last layer sees of each pair."""
        return self.fusion.last_layer_input(self.embed_molecules(batch.graph), self.embed_spectra(batch))

    def forward(self, batch: MatchBatch) -> Tensor:
        """Return logits (B,): positive where the spectra belong to the molecule."""
        return self.fusion(self.embed_molecules(batch.graph), self.embed_spectra(batch))

    def score_all(self, molecules: Tensor, spectra: Tensor) -> Tensor:
        """Return logits (q, m) of every molecule (m, molecule_dim) beside every spectrum (q, spectra_width).

        Both are embeddings; the network must be in eval mode (ValueError).
        """
        return self.fusion.score_all(molecules, spectra)


def parameter_totals(
    settings: NetworkSettings, feature_channels: int | None = None, columns: int = 256, backbone: int | None = None
) -> dict[str, int]:
    """Return the number of weights: trainable, and total with those of the frozen backbone (paper, Table 3).

    `feature_channels` and `backbone` are those of the published backbones unless they are given: the number of channels
    of the features (fewer after reduction to components) and of weights. A tiny backbone counts as none.
    """
    images = settings.spectra == "images" and settings.blind != "spectra"
    if images and feature_channels is None:
        feature_channels = settings.backbone.components or BACKBONE_CHANNELS[settings.backbone.name]
    if backbone is None:
        backbone = BACKBONE_PARAMETERS.get(settings.backbone.name, 0)
    with torch.device("meta"):
        trainable = count_parameters(MatchNetwork(settings, feature_channels, columns))
    return {"trainable": trainable, "total": trainable + (backbone if images else 0)}
