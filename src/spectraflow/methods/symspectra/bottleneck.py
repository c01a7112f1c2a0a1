"""The symmetric conditional information bottleneck: Gaussian divergences of sums of gated tokens.

SymSpectra, equations (18), (19), (27) and (30); reference sections 5.2 and 5.3. `A` is the sum of squared noise
shares of a molecule's tokens, `B_d` the sum over tokens of the kept deviation from the mean in channel d, in units of
the spread.
"""

from typing import NamedTuple

import torch
from torch import Tensor

_SMALLEST = 1e-6


class GatedSums(NamedTuple):
    """`A` (M,) and `B` (M, C) of M molecules, and the number of tokens (M,) they sum over."""

    noise: Tensor
    deviation: Tensor
    tokens: Tensor

    def __add__(self, other: tuple[Tensor, ...]) -> "GatedSums":  # type: ignore[override]
        return GatedSums(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))


def gated_sums(tokens: Tensor, kept: Tensor, present: Tensor, moments: tuple[Tensor, Tensor]) -> GatedSums:
    """Return the sums of a modality's tokens (M, L, C) kept by `kept` (M, L); zero where it is not `present` (M,)."""
    mean, spread = moments
    deviation = (kept[..., None] * (tokens.float() - mean) / spread).sum(1)
    noise = (1 - kept).square().sum(1)
    mask = present.float()
    return GatedSums(noise * mask, deviation * mask[:, None], mask * kept.shape[1])


def compression(sums: GatedSums) -> Tensor:
    """Return the divergence (M,) of the compressed from pure noise, equation (18), averaged over channels.

    It is ``-log(A)/2 + A/(2N) + mean_d(B_d^2)/(2N) + log(N)/2 - 1/2``: zero where every token is noise, and zero for a
    molecule without tokens.
    """
    count = sums.tokens.clamp_min(1)
    noise = sums.noise.clamp_min(_SMALLEST)
    spread = 0.5 * (noise / count - 1 - (noise / count).log())
    return torch.where(sums.tokens > 0, spread + 0.5 * sums.deviation.square().mean(1) / count, 0.0)


def conditional_divergence(own: GatedSums, others: GatedSums) -> Tensor:
    """Return the divergence (M,) of a modality's compressed tokens from what the other modalities say of them.

    The one bound of the three that holds; both sums must be over equally many tokens. Zero where either has none.
    """
    ours, theirs = own.noise.clamp_min(_SMALLEST), others.noise.clamp_min(_SMALLEST)
    shift = (own.deviation - others.deviation).square().mean(1) / (2 * theirs)
    value = 0.5 * ((theirs / ours).log() + ours / theirs - 1) + shift
    return torch.where((own.tokens > 0) & (others.tokens > 0), value, 0.0)


def bottleneck(own: GatedSums, others: GatedSums | None, bound: str) -> Tensor:
    """Return the bottleneck term (M,) of one modality.

    `others` are the sums of the conditional part, None for a single modality; `bound`: `as_printed` adds the
    conditional divergence to the unconditional one, `signed` subtracts it, `conditional_kl` is the bound that holds.
    """
    if others is None:
        return compression(own)
    if bound == "conditional_kl":
        return conditional_divergence(own, others)
    sign = 1 if bound == "as_printed" else -1
    return compression(own) + sign * compression(others)
