"""SymSpectra: encoders, cross-modal attention, noise gates, fusion, auxiliary predictors and the group decoder.

Reference section 4. B molecules, n modalities, L = 150 tokens a modality, C channels, K groups.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from spectraflow.methods.symspectra.batch import SpectraBatch
from spectraflow.methods.symspectra.decoders import build_decoder
from spectraflow.methods.symspectra.noise_gate import NoiseGate
from spectraflow.methods.symspectra.settings import NetworkSettings
from spectraflow.spectra.modalities import VECTOR_POINTS
from spectraflow.training.distributed import in_any_process

_KERNEL, _FUSION_KERNEL, _POOL = 11, 3, 2
TOKENS = VECTOR_POINTS // _POOL**2


@dataclass(frozen=True)
class Gated:
    """One modality of a batch: tokens H (B, L, C), shares kept lambda (B, L), compressed tokens T (B, L, C).

    `moments` are mean and spread (C,) of the noise.
    """

    tokens: Tensor
    kept: Tensor
    compressed: Tensor
    moments: tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Forward:
    """What a pass leaves: modalities, all their tokens (B, nL, C) as keys, fused feature (B, F), main logits (B, K)."""

    gated: list[Gated]
    keys: Tensor
    feature: Tensor
    main: Tensor


def _hidden(visible: Tensor) -> Tensor:
    """Return which keys (B, nL) attention leaves out, all but those of modalities `visible` (B, n).

    A molecule without any attends to everything, since attention to nothing is no number: all it keeps is masked out.
    """
    return ~(visible | ~visible.any(1, keepdim=True)).repeat_interleave(TOKENS, 1)


def _block(inputs: int, outputs: int, kernel: int) -> list[nn.Module]:
    convolution = nn.Conv1d(inputs, outputs, kernel, padding=kernel // 2)
    return [convolution, nn.BatchNorm1d(outputs), nn.ReLU(), nn.MaxPool1d(_POOL)]


class Branch(nn.Module):
    """What each modality has for itself: encoder, attention over all modalities, gate, queries for a masked pass."""

    def __init__(self, settings: NetworkSettings, masked_pass: bool) -> None:
        super().__init__()
        first, last = settings.channels
        self.encoder = nn.Sequential(*_block(1, first, _KERNEL), *_block(first, last, _KERNEL))
        self.attention = nn.MultiheadAttention(last, settings.heads, batch_first=True)
        self.gate = NoiseGate(last, settings)
        self.queries = nn.Parameter(torch.randn(TOKENS, last) * last**-0.5) if masked_pass else None
        self.channels = last

    def encode(self, spectrum: Tensor, present: Tensor | None = None) -> Tensor:
        """Return tokens (B, L, C) of spectra (B, 600), zero where they are not `present` (B,); None = all are.

        Missing spectra stay out of the encoder: its batch moments are those of spectra.
        """
        if present is None:
            return self.encoder(spectrum[:, None]).transpose(1, 2)
        tokens = spectrum.new_zeros(len(spectrum), TOKENS, self.channels)
        if in_any_process(present.any()):
            found = self.encode(spectrum[present])
            tokens = tokens.to(found.dtype).index_put((present,), found)
        return tokens

    def attend(self, queries: Tensor, keys: Tensor, hidden: Tensor | None) -> Tensor:
        """Return what queries (B, L, C) find in keys (B, nL, C), those set in `hidden` (B, nL), if any, left out."""
        found: Tensor = self.attention(queries, keys, keys, key_padding_mask=hidden, need_weights=False)[0]
        return found


class Predictor(nn.Module):
    """Convolutions over tokens, two dense layers (the fused feature), and logits."""

    def __init__(self, channels: int, groups: int, settings: NetworkSettings) -> None:
        super().__init__()
        first, last = settings.hidden
        fusion = settings.fusion
        flat = fusion * (TOKENS // _POOL**2)
        self.trunk = nn.Sequential(
            *_block(channels, fusion, _FUSION_KERNEL),
            *_block(fusion, fusion, _FUSION_KERNEL),
            nn.Flatten(),
            nn.Linear(flat, first),
            nn.ReLU(),
            nn.Dropout(settings.dropout),
            nn.Linear(first, last),
            nn.ReLU(),
        )
        self.head = nn.Linear(last, groups)

    def forward(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Return feature (B, F) and logits (B, K) of tokens (B, L, channels)."""
        feature = self.trunk(tokens.transpose(1, 2))
        return feature, self.head(feature)


class SymSpectraNetwork(nn.Module):
    """The network; `base_rates` (K,) are the shares of molecules that have each group, for a single modality."""

    base_logits: Tensor

    def __init__(
        self,
        modalities: Sequence[str],
        order: Sequence[int],
        base_rates: Tensor,
        settings: NetworkSettings,
        *,
        masked_pass: bool = False,
    ) -> None:
        super().__init__()
        self.settings, groups = settings, len(order)
        channels, count = settings.channels[1], len(modalities)
        self.branches = nn.ModuleDict({name: Branch(settings, masked_pass) for name in modalities})
        self.joint = nn.Linear(channels, channels)
        self.main = Predictor(channels * count, groups, settings)
        self.auxiliary = nn.ModuleList(self._auxiliary(count, channels, groups))
        self.decoder = build_decoder(settings.hidden[1], order, settings)
        rates = base_rates.float().clamp(1e-4, 1 - 1e-4)
        self.register_buffer("base_logits", rates.log() - (1 - rates).log())

    def _auxiliary(self, count: int, channels: int, groups: int) -> list[Predictor]:
        if count == 1 or self.settings.auxiliary == "none":
            return []
        if self.settings.auxiliary == "shared_masked":
            return [Predictor(channels * count + count, groups, self.settings)]
        return [Predictor(channels * (count - 1), groups, self.settings) for _ in range(count)]

    def forward(self, batch: SpectraBatch) -> Forward:
        """Return modalities, feature and main logits of a batch."""
        branches = self._branches()
        complete = not in_any_process(~batch.present.all())
        here = [None if complete else batch.present[:, i] for i in range(len(branches))]
        tokens = [branch.encode(batch.vectors[:, i], here[i]) for i, branch in enumerate(branches)]
        keys = self.joint(torch.cat(tokens, 1))
        hidden = None if complete else _hidden(batch.present)
        gated = [self._gate(branch, tokens[i], keys, hidden, batch.present[:, i]) for i, branch in enumerate(branches)]
        feature, main = self.main(torch.cat([one.compressed for one in gated], 2))
        return Forward(gated, keys, feature, main)

    def gate(self, modality: str) -> NoiseGate:
        """Return the gate of a modality."""
        return self._branches()[list(self.branches).index(modality)].gate

    def _branches(self) -> list[Branch]:
        return [branch for branch in self.branches.values() if isinstance(branch, Branch)]

    def _gate(self, branch: Branch, tokens: Tensor, keys: Tensor, hidden: Tensor | None, present: Tensor) -> Gated:
        used = self.settings.attention and self.settings.gate != "off"
        seen = branch.attend(tokens, keys, hidden) if used else tokens
        moments = branch.gate.moments(tokens, present)
        kept = branch.gate.keep(seen, present)
        return Gated(tokens, kept, branch.gate.mix(tokens, kept, moments), moments)

    def without_each(self, compressed: Sequence[Tensor], means: Sequence[Tensor], present: Tensor) -> Tensor:
        """Return logits (n, B, K) of the auxiliary predictors from compressed tokens, n of (B, L, C).

        `means` are the moments that stand in for a masked modality. A single modality leaves the groups' base rates;
        so does a molecule without any other modality.
        """
        count, rows = len(compressed), len(present)
        if not len(self.auxiliary):
            return self.base_logits.expand(count, rows, -1)
        found = []
        for i in range(count):
            others = [j for j in range(count) if j != i]
            logits = self._without(i, compressed, means)
            alone = ~present[:, others].any(1)
            found.append(torch.where(alone[:, None], self.base_logits, logits))
        return torch.stack(found)

    def _without(self, i: int, compressed: Sequence[Tensor], means: Sequence[Tensor]) -> Tensor:
        if self.settings.auxiliary == "heads":
            return self.auxiliary[i](torch.cat([c for j, c in enumerate(compressed) if j != i], 2))[1]
        slots = [means[j].expand_as(c) if j == i else c for j, c in enumerate(compressed)]
        flags = compressed[0].new_zeros(*compressed[0].shape[:2], len(compressed))
        flags[..., i] = 1
        return self.auxiliary[0](torch.cat([*slots, flags], 2))[1]

    def masked_pass(self, i: int, keys: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
        """Return what the other modalities say of modality `i`: tokens (B, L, C) and shares kept (B, L)."""
        branch = self._branches()[i]
        if branch.queries is None:
            raise ValueError("the network was built without a masked pass")
        others = present.clone()
        others[:, i] = False
        found = branch.attend(branch.queries.expand(len(present), -1, -1), keys, _hidden(others))
        return found, branch.gate.keep(found, others.any(1), sampled=False)
