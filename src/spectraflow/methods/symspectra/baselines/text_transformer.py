"""A sequence-to-sequence transformer that reads spectra as text and writes groups (OpenNMT, Klein et al. 2018)."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from spectraflow.methods.symspectra.baselines.sequences import attention_padding, kept_tokens, sinusoids
from spectraflow.methods.symspectra.baselines.tokens import modality_of_markers
from spectraflow.methods.symspectra.batch import ElementLoss, GroupModel, SpectraBatch
from spectraflow.methods.symspectra.settings import BaselineSettings
from spectraflow.training.distributed import gathered, own_share

_PADDING, _START, _END, _GROUPS = 0, 1, 2, 3


def target_tokens(labels: Tensor, order: Tensor) -> Tensor:
    """Return the groups of molecules as sequences (B, longest + 1) int64 that end with END, padded with PADDING.

    Args:
        labels: (B, K), 0 or 1.
        order: (K,) int64, the label that is written first, second, ...; label k is the token 3 + k.
    """
    count = labels.shape[1]
    places = torch.arange(count, device=labels.device)
    ranks = torch.where(labels[:, order] > 0.5, places, count).sort(1).values
    tokens = F.pad(F.pad(order + _GROUPS, (0, 1), value=_PADDING)[ranks], (0, 1), value=_PADDING)
    lengths = (ranks < count).sum(1)
    tokens.scatter_(1, lengths[:, None], _END)
    return tokens[:, : int(lengths.max()) + 1]


class TextTransformer(GroupModel):
    """Encoder and decoder of `settings.layers` layers each, over the text of peak lists and the sequence of groups.

    The loss is the cross entropy of the written tokens with label smoothing; element losses, and with them the
    strategies for rare groups that change them, do not apply. Probabilities are 0 or 1: the groups of the greedily
    written sequence. Layers normalise first, as in OpenNMT.
    """

    order: Tensor
    markers: Tensor

    def __init__(
        self, modalities: Sequence[str], order: Sequence[int], settings: BaselineSettings, vocabulary: Sequence[str]
    ) -> None:
        super().__init__()
        dim, sizes = settings.dim, (settings.dim, settings.heads, settings.feedforward, settings.dropout)
        self.smoothing = settings.label_smoothing
        self.register_buffer("order", torch.tensor(list(order), dtype=torch.int64), persistent=False)
        markers = modality_of_markers(vocabulary, list(modalities))
        self.register_buffer("markers", torch.tensor(markers, dtype=torch.int64), persistent=False)
        self.words = self._embedding(len(vocabulary), dim)
        self.groups = self._embedding(len(order) + _GROUPS, dim)
        self.dropout = nn.Dropout(settings.dropout)
        encoder = nn.TransformerEncoderLayer(*sizes, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(encoder, settings.layers, nn.LayerNorm(dim), enable_nested_tensor=False)
        decoder = nn.TransformerDecoderLayer(*sizes, batch_first=True, norm_first=True)
        self.decoder = nn.TransformerDecoder(decoder, settings.layers, nn.LayerNorm(dim))
        self.head = nn.Linear(dim, len(order) + _GROUPS)

    @staticmethod
    def _embedding(count: int, dim: int) -> nn.Embedding:
        embedding = nn.Embedding(count, dim, padding_idx=_PADDING)
        nn.init.normal_(embedding.weight, std=dim**-0.5)
        return embedding

    def _placed(self, embedding: nn.Embedding, tokens: Tensor) -> Tensor:
        dim = embedding.embedding_dim
        states: Tensor = self.dropout(
            embedding(tokens) * math.sqrt(dim) + sinusoids(tokens.shape[1], dim, tokens.device)
        )
        return states

    def _read(self, batch: SpectraBatch) -> tuple[Tensor, Tensor]:
        """Return the encoded text (B, T, d) and what of it is padding (B, T)."""
        if batch.tokens is None:
            raise ValueError("this model reads tokens, the batch has none")
        kept = kept_tokens(batch.tokens, batch.present, self.markers)
        padding = attention_padding(kept)
        words = batch.tokens.where(kept, _PADDING)
        return self.encoder(self._placed(self.words, words), src_key_padding_mask=padding), padding

    def _write(self, written: Tensor, memory: Tensor, padding: Tensor) -> Tensor:
        """Return logits (B, L, K + 3) of the tokens that follow each of `written` (B, L)."""
        length = written.shape[1]
        later = torch.ones(length, length, dtype=torch.bool, device=written.device).triu(1)
        states = self.decoder(
            self._placed(self.groups, written), memory, tgt_mask=later, memory_key_padding_mask=padding
        )
        logits: Tensor = self.head(states)
        return logits

    def loss(self, batch: SpectraBatch, element_loss: ElementLoss) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the mean cross entropy of a token; `element_loss` is not used."""
        memory, padding = self._read(batch)
        targets = target_tokens(gathered(batch.labels), self.order)
        told = F.pad(own_share(targets)[:, :-1], (1, 0), value=_START)
        logits = gathered(self._write(told, memory, padding))
        loss = F.cross_entropy(
            logits.flatten(0, 1), targets.flatten(), ignore_index=_PADDING, label_smoothing=self.smoothing
        )
        return loss, {}

    def probabilities(self, batch: SpectraBatch) -> Tensor:
        """Return (B, K), 1 for every group that is written before the end, else 0."""
        memory, padding = self._read(batch)
        written = torch.full((len(memory), 1), _START, dtype=torch.int64, device=memory.device)
        ended = torch.zeros(len(memory), dtype=torch.bool, device=memory.device)
        for _ in range(len(self.order) + 1):
            logits = self._write(written, memory, padding)[:, -1]
            logits[:, [_PADDING, _START]] = -torch.inf
            following = logits.argmax(1).where(~ended, _PADDING)
            written = torch.cat([written, following[:, None]], 1)
            ended = ended | (following == _END)
            if ended.all():
                break
        groups = torch.zeros(len(memory), len(self.order) + _GROUPS, device=memory.device)
        return groups.scatter(1, written, 1.0)[:, _GROUPS:]
