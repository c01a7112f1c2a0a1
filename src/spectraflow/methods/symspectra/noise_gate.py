"""Noise gates: each token is kept with a learned probability, or replaced by noise of the same mean and spread.

SymSpectra, equations (5) to (7); reference sections 4.4 and 4.5.
"""

import torch
from torch import Tensor, nn

from spectraflow.methods.symspectra.settings import NetworkSettings
from spectraflow.training.distributed import in_any_process, moments, process_count

_SMALLEST = 1e-6
_MOMENTUM = 0.1
_SPREAD_FLOOR = 1e-5


class NoiseGate(nn.Module):
    """Gate and noise of one modality with C channels.

    `mean` and `spread` (C,) are averages over training batches of the moments of present tokens: what replaces a
    dropped token in evaluation, and the scale of the bottleneck there.
    """

    mean: Tensor
    spread: Tensor
    seen: Tensor

    def __init__(self, channels: int, settings: NetworkSettings) -> None:
        super().__init__()
        self.kind, self.prior = settings.gate, settings.prior
        self.logits = nn.Sequential(nn.Linear(channels, channels), nn.ReLU(), nn.Linear(channels, 1))
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("spread", torch.ones(channels))
        self.register_buffer("seen", torch.zeros((), dtype=torch.bool))

    def moments(self, tokens: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and spread (C,) of the tokens (B, L, C) of present molecules (B,), without gradient.

        In evaluation, and where no molecule has the modality, those averaged in training.
        """
        if not self.training or not in_any_process(present.any()):
            return self.mean, self.spread
        flat = tokens.detach()[present].float().flatten(0, 1)
        if process_count() == 1:
            mean, spread = flat.mean(0), flat.std(0, correction=0) + _SPREAD_FLOOR
        else:
            mean, variance, _ = moments(flat)
            spread = variance.sqrt() + _SPREAD_FLOOR
        with torch.no_grad():
            share = torch.where(self.seen, _MOMENTUM, 1.0)
            self.mean.lerp_(mean, share)
            self.spread.lerp_(spread, share)
            self.seen.fill_(True)
        return mean, spread

    def keep(self, seen_by_gate: Tensor, present: Tensor, *, sampled: bool = True) -> Tensor:
        """Return how much of each token is kept, lambda (B, L), from what the gate sees (B, L, C).

        Sampled in training (binary concrete, temperature 1), the plain probability in evaluation or if it is not to be
        `sampled`; 0 where the modality is missing. `hard_st` rounds samples and passes the gradient through.
        """
        if self.kind == "off":
            return present.float()[:, None].expand(seen_by_gate.shape[:2])
        logits = self.logits(seen_by_gate).squeeze(-1).float()
        if self.training and sampled:
            uniform = torch.rand_like(logits).clamp(_SMALLEST, 1 - _SMALLEST)
            logits = logits + uniform.log() - (1 - uniform).log()
        kept = logits.sigmoid()
        if self.kind == "hard_st" and sampled:
            kept = kept + ((kept > 0.5).float() - kept).detach()  # in this order the sum is exactly 0 or 1
        return kept * present[:, None]

    def mix(self, tokens: Tensor, kept: Tensor, moments: tuple[Tensor, Tensor]) -> Tensor:
        """Return compressed tokens (B, L, C): kept shares of `tokens` (B, L, C), the rest noise (its mean in eval)."""
        mean, spread = moments
        noise = mean + spread * self.draw(tokens) if self.training and self.kind != "off" else mean
        share = kept[..., None]
        return share * tokens + (1 - share) * noise

    def draw(self, like: Tensor) -> Tensor:
        """Return noise of the prior (Table 6): N(0, 1), Laplace(0, 1) or Gamma(1, 1), in the shape of `like`."""
        if self.prior == "gaussian":
            return torch.randn_like(like)
        uniform = torch.rand_like(like).clamp(_SMALLEST, 1 - _SMALLEST)
        if self.prior == "gamma":
            return -uniform.log()
        centred = uniform - 0.5
        return -centred.sign() * (1 - 2 * centred.abs()).clamp_min(_SMALLEST).log()
