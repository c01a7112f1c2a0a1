"""The transformer over patches of quantised spectra of Wu et al. (2025)."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from spectraflow.methods.symspectra.baselines.sequences import (
    attention_padding,
    kept_mean,
    patch_count,
    patches,
    sinusoids,
)
from spectraflow.methods.symspectra.batch import LogitModel, SpectraBatch
from spectraflow.methods.symspectra.settings import BaselineSettings
from spectraflow.spectra.modalities import VECTOR_POINTS
from spectraflow.training.distributed import in_any_process

LEVELS = 100


def quantise(vectors: Tensor) -> Tensor:
    """Return the level 0 to 99 of every point of spectra (..., P) between the spectrum's minimum and maximum, int64."""
    low, high = vectors.amin(-1, keepdim=True), vectors.amax(-1, keepdim=True)
    share = (vectors - low) / (high - low).clamp(min=torch.finfo(vectors.dtype).tiny)
    return (share * (LEVELS - 1)).round().long()


class PatchAttention(nn.Module):
    """Embed the levels of a patch, let its points attend to each other, and map the patch to one vector.

    There are no positions inside a patch, so queries, keys and values of a point depend on its level alone: they are
    projected once for the 100 levels and looked up, and so are all products of a query and a key. The projection
    behind attention and the linear map of the patch, between which nothing stands, are applied as one. Both are exact,
    and so is that a patch of one level alone, most of a sparse spectrum, is that level's value at every point; only
    dropout of attention weights passes such patches by.
    """

    def __init__(self, size: int, dim: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.size, self.dim, self.heads = size, dim, heads
        self.levels = nn.Embedding(LEVELS, dim)
        self.projection = nn.Linear(dim, 3 * dim)
        self.behind = nn.Linear(dim, dim)
        self.patch = nn.Linear(size * dim, dim)
        self.dropout = nn.Dropout(dropout)

    def forward(self, levels: Tensor) -> Tensor:
        """Return vectors (N, dim) of patches of levels (N, size) int64."""
        projected = self.projection(self.levels.weight).unflatten(1, (3, self.heads, -1))
        query, key, value = projected.permute(1, 2, 0, 3).unbind(0)
        flat = (levels == levels[:, :1]).all(1)
        weight, bias = self._patch_map()
        flat_states = F.linear(value.transpose(0, 1).flatten(1).repeat(1, self.size), weight, bias)
        states = F.embedding(levels[:, 0], flat_states)
        if not in_any_process(~flat.all()):
            return states
        products = query @ key.transpose(1, 2) / math.sqrt(query.shape[-1])
        mixed = self._attend(levels[~flat], products, value)
        return states.index_put((~flat,), F.linear(mixed, weight, bias).to(states.dtype))

    def _attend(self, levels: Tensor, products: Tensor, value: Tensor) -> Tensor:
        """Return the attended points (N, size * dim) of levels (N, size).

        products: (heads, 100, 100), value: (heads, 100, dim / heads).
        """
        pairs = levels[:, :, None] * LEVELS + levels[:, None, :]
        shape = (self.heads, len(levels), self.size, -1)
        weights = products.flatten(1).index_select(1, pairs.flatten()).view(shape).softmax(-1)
        values = value.index_select(1, levels.flatten()).view(shape)
        return (self.dropout(weights) @ values).permute(1, 2, 0, 3).flatten(1)

    def _patch_map(self) -> tuple[Tensor, Tensor]:
        """Return weight (dim, size * dim) and bias (dim,) of the projection behind attention and the patch's map."""
        weight = self.patch.weight.unflatten(1, (self.size, self.dim))
        bias = self.patch.bias + weight.sum(1) @ self.behind.bias
        return (weight @ self.behind.weight).flatten(1), bias


class PatchTransformer(LogitModel):
    """Self-attention within patches, then among the patches of all modalities (Wu et al. 2025).

    The published model reads one infrared spectrum of 3,200 points and writes SMILES with 4 encoder and 4 decoder
    layers. Groups need no decoder: `settings.layers` encoder layers, whose states are averaged over the patches of
    present modalities for one linear head. Each modality has 600 points and a learned vector that tells it from the
    others. As published: a spectrum is scaled to its own range, layers normalise first, positions are sinusoidal.
    """

    def __init__(self, modalities: int, labels: int, settings: BaselineSettings) -> None:
        super().__init__()
        dim = settings.dim
        self.count = patch_count(VECTOR_POINTS, settings.patch)
        self.inside = PatchAttention(settings.patch, dim, settings.heads, settings.dropout)
        self.modality = nn.Parameter(torch.randn(modalities, 1, dim) * 0.02)
        self.dropout = nn.Dropout(settings.dropout)
        layer = nn.TransformerEncoderLayer(
            dim, settings.heads, settings.feedforward, settings.dropout, batch_first=True, norm_first=True
        )
        self.encoder = nn.TransformerEncoder(layer, settings.layers, nn.LayerNorm(dim), enable_nested_tensor=False)
        self.head = nn.Linear(dim, labels)
        self._initialise()

    def _initialise(self) -> None:
        """Draw all matrices from Glorot's distribution and scale embeddings, as the released code does."""
        for parameter in self.parameters():
            if parameter.dim() == 2:
                nn.init.xavier_uniform_(parameter)
        with torch.no_grad():
            self.inside.levels.weight.mul_(math.sqrt(self.inside.dim))

    def forward(self, batch: SpectraBatch) -> Tensor:
        """Return logits (B, K)."""
        cut = patches(quantise(batch.vectors), self.inside.size)
        inside = self.inside(cut.flatten(0, 2)).unflatten(0, cut.shape[:3])
        placed = inside + sinusoids(self.count, inside.shape[-1], inside.device) + self.modality
        kept = batch.present.repeat_interleave(self.count, 1)
        states = self.encoder(self.dropout(placed.flatten(1, 2)), src_key_padding_mask=attention_padding(kept))
        logits: Tensor = self.head(kept_mean(states, kept))
        return logits
