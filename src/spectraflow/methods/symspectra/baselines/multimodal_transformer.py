"""The multimodal transformer of Alberts et al. (2025): patches of spectra beside the text of NMR peak lists."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from spectraflow.errors import InputError
from spectraflow.methods.symspectra.baselines.sequences import (
    attention_padding,
    kept_mean,
    kept_tokens,
    patch_count,
    patches,
)
from spectraflow.methods.symspectra.baselines.tokens import modality_of_markers
from spectraflow.methods.symspectra.batch import LogitModel, SpectraBatch
from spectraflow.methods.symspectra.settings import BaselineSettings
from spectraflow.spectra.modalities import VECTOR_POINTS
from spectraflow.training.distributed import in_any_process

LONGEST_TEXT = 1024


class GatedLayer(nn.Module):
    """Encoder layer that normalises behind each block and gates its feed-forward block."""

    def __init__(self, dim: int, heads: int, feedforward: int, dropout: float) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(dim, heads, dropout, batch_first=True)
        self.inward, self.gate = nn.Linear(dim, feedforward), nn.Linear(dim, feedforward)
        self.outward = nn.Linear(feedforward, dim)
        self.attention_norm, self.feedforward_norm = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.dropout = nn.Dropout(dropout)

    def forward(self, states: Tensor, padding: Tensor) -> Tensor:
        """Return states (B, L, dim); `padding` (B, L) bool is left out of attention."""
        attended, _ = self.attention(states, states, states, key_padding_mask=padding, need_weights=False)
        states = self.attention_norm(states + self.dropout(attended))
        gated = self.dropout(F.gelu(self.inward(states)) * self.gate(states))
        normed: Tensor = self.feedforward_norm(states + self.dropout(self.outward(gated)))
        return normed


class SpectrumPatches(nn.Module):
    """A standardised spectrum as patches, each mapped to a vector, with learned positions.

    The mean and spread that standardise are running statistics of the training spectra; published are those of a
    sample drawn before training.
    """

    def __init__(self, size: int, dim: int) -> None:
        super().__init__()
        self.size = size
        self.standardise = nn.BatchNorm1d(1, affine=False)
        self.embed = nn.Linear(size, dim)
        self.positions = nn.Parameter(torch.randn(patch_count(VECTOR_POINTS, size), dim) * 0.02)

    def forward(self, vectors: Tensor, present: Tensor) -> Tensor:
        """Return states (B, patches, dim) of spectra (B, 600), zero where `present` (B,) is not set."""
        states = vectors.new_zeros(len(vectors), *self.positions.shape)
        if not in_any_process(present.any()):
            return states
        seen = self.embed(patches(self.standardise(vectors[present][:, None])[:, 0], self.size)) + self.positions
        return states.to(seen.dtype).index_put((present,), seen)


class MultimodalTransformer(LogitModel):
    """An encoder over all modalities at once (Alberts et al. 2025, 6 + 6 layers of BART's kind).

    Modalities named in `text` are read from the batch's tokens, the others from patches of their vectors. The
    published model writes SMILES; groups need no decoder, and only logits can be trained with the losses for rare
    groups, so that the head reads the mean of the `settings.layers` encoder layers' states. Layers normalise behind
    their blocks, as the paper says; the released code passes its switch for that to torch's `norm_first`.
    """

    markers: Tensor

    def __init__(
        self,
        modalities: Sequence[str],
        labels: int,
        settings: BaselineSettings,
        vocabulary: Sequence[str] = (),
        text: Sequence[str] = (),
    ) -> None:
        super().__init__()
        if text and not vocabulary:
            raise InputError(f"the text of {', '.join(text)} needs a vocabulary")
        dim = settings.dim
        self.drawn = [place for place, name in enumerate(modalities) if name not in text]
        self.spectra = nn.ModuleList(SpectrumPatches(settings.patch, dim) for _ in self.drawn)
        self.words = nn.Embedding(len(vocabulary), dim, padding_idx=0) if text else None
        self.word_positions = nn.Parameter(torch.randn(LONGEST_TEXT, dim) * 0.02) if text else None
        markers = modality_of_markers(vocabulary, [name if name in text else None for name in modalities])
        self.register_buffer("markers", torch.tensor(markers, dtype=torch.int64), persistent=False)
        self.norm, self.dropout = nn.LayerNorm(dim), nn.Dropout(settings.dropout)
        sizes = (dim, settings.heads, settings.feedforward, settings.dropout)
        self.layers = nn.ModuleList(GatedLayer(*sizes) for _ in range(settings.layers))
        self.head = nn.Linear(dim, labels)

    def forward(self, batch: SpectraBatch) -> Tensor:
        """Return logits (B, K); raises ValueError if the batch lacks the tokens the model reads."""
        parts = [self._patches(batch, place, model) for place, model in zip(self.drawn, self.spectra, strict=True)]
        if self.words is not None:
            parts.append(self._text(batch, self.words))
        states, kept = (torch.cat(part, 1) for part in zip(*parts, strict=True))
        states, padding = self.dropout(self.norm(states)), attention_padding(kept)
        for layer in self.layers:
            states = layer(states, padding)
        logits: Tensor = self.head(kept_mean(states, kept))
        return logits

    def _patches(self, batch: SpectraBatch, place: int, model: nn.Module) -> tuple[Tensor, Tensor]:
        present = batch.present[:, place]
        states = model(batch.vectors[:, place], present)
        return states, present[:, None].expand(states.shape[:2])

    def _text(self, batch: SpectraBatch, words: nn.Embedding) -> tuple[Tensor, Tensor]:
        if batch.tokens is None or self.word_positions is None:
            raise ValueError("this model reads tokens, the batch has none")
        places = torch.arange(batch.tokens.shape[1], device=batch.tokens.device).clamp(max=LONGEST_TEXT - 1)
        states = words(batch.tokens) + self.word_positions[places]
        return states, kept_tokens(batch.tokens, batch.present, self.markers)
