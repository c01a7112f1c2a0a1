"""Residual fusion of molecule and spectra, the head that judges the pair, and scores of many pairs at once."""

import copy
from typing import NamedTuple, Self

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_linear_bn_eval

WIDE, NARROW, LAST = 192, 96, 48
PAIRS = 8192
"""Pairs of a block of `score_all`: their hidden states stay in the cache, and memory is bounded."""


class Fusion(nn.Module):
    """z = FC2(BN(phi(FC1 u))) + FC_skip u of u = [molecule; spectra], then BN, phi, FC, phi, BN, FC (section 3.5).

    The paper writes the last four; its total of weights leaves room for the norm before them.
    """

    def __init__(self, molecule_dim: int, spectra_dim: int) -> None:
        super().__init__()
        self.molecule_dim = molecule_dim
        self.first = nn.Linear(molecule_dim + spectra_dim, WIDE)
        self.first_norm = nn.BatchNorm1d(WIDE)
        self.second = nn.Linear(WIDE, NARROW)
        self.skip = nn.Linear(molecule_dim + spectra_dim, NARROW)
        self.fused_norm = nn.BatchNorm1d(NARROW)
        self.hidden = nn.Linear(NARROW, LAST)
        self.last_norm = nn.BatchNorm1d(LAST)
        self.output = nn.Linear(LAST, 1)

    def last_layer_input(self, molecules: Tensor, spectra: Tensor) -> Tensor:
        """Map pairs, molecules (B, d) and spectra (B, s), to (B, 48), what the last layer sees."""
        u = torch.cat([molecules, spectra], 1)
        fused = self.second(self.first_norm(self.first(u).relu())) + self.skip(u)
        return self.last_norm(self.hidden(self.fused_norm(fused).relu()).relu())

    def forward(self, molecules: Tensor, spectra: Tensor) -> Tensor:
        """Return logits (B,) of pairs, molecules (B, d) and spectra (B, s)."""
        return self.output(self.last_layer_input(molecules, spectra)).squeeze(1)

    @torch.no_grad()
    def score_all(self, molecules: Tensor, spectra: Tensor) -> Tensor:
        """Return logits (q, m) of every molecule (m, d) beside every spectrum (q, s).

        FC1 and the skip split into halves that are computed once a molecule and once a spectrum; a pair costs two
        additions and 23 k multiplications. Raises ValueError in training mode, where a pair depends on its batch.
        """
        if self.training:
            raise ValueError("the network is in training mode: its batch normalisation depends on the batch")
        folded = _Folded.of(self)
        queries = folded.halves(spectra, slice(self.molecule_dim, None), bias=False)
        scores = molecules.new_empty(len(spectra), len(molecules))
        for begin in range(0, len(molecules), PAIRS):
            here = slice(begin, min(begin + PAIRS, len(molecules)))
            candidates = folded.halves(molecules[here], slice(None, self.molecule_dim), bias=True)
            at_once = max(1, PAIRS // (here.stop - here.start))
            for row in range(0, len(spectra), at_once):
                block = [half[row : row + at_once, None] for half in queries]
                scores[row : row + at_once, here] = folded.scores(candidates, block)
        return scores


class _Folded(NamedTuple):
    """A fusion in eval mode with its three batch normalisations inside the linear maps beside them."""

    first: nn.Linear
    second: nn.Linear
    skip_weight: Tensor
    skip_bias: Tensor
    hidden: nn.Linear
    output: nn.Linear

    @classmethod
    def of(cls, fusion: Fusion) -> Self:
        scale = _scale(fusion.fused_norm)
        return cls(
            first=fusion.first,
            second=fuse_linear_bn_eval(_behind(fusion.first_norm, fusion.second), fusion.fused_norm),
            skip_weight=scale[:, None] * fusion.skip.weight,
            skip_bias=scale * fusion.skip.bias,
            hidden=fusion.hidden,
            output=_behind(fusion.last_norm, fusion.output),
        )

    def halves(self, x: Tensor, inputs: slice, *, bias: bool) -> list[Tensor]:
        """Return what rows (n, width of `inputs`) add to the input of the first ReLU and to the skip."""
        first_bias, skip_bias = (self.first.bias, self.skip_bias) if bias else (None, None)
        return [
            functional.linear(x, self.first.weight[:, inputs], first_bias),
            functional.linear(x, self.skip_weight[:, inputs], skip_bias),
        ]

    def scores(self, molecules: list[Tensor], spectra: list[Tensor]) -> Tensor:
        """Return logits (k, c) of halves of molecules (c, .) and of spectra (k, 1, .)."""
        inner = self.second((molecules[0] + spectra[0]).relu_())
        fused = inner.add_(molecules[1]).add_(spectra[1]).relu_()
        return self.output(self.hidden(fused).relu_()).squeeze(-1)


def _scale(norm: nn.BatchNorm1d) -> Tensor:
    assert norm.running_var is not None
    return norm.weight * (norm.running_var + norm.eps).rsqrt()


def _behind(norm: nn.BatchNorm1d, linear: nn.Linear) -> nn.Linear:
    """Return one linear map that does what `norm` in eval mode and then `linear` do."""
    assert norm.running_mean is not None
    scale = _scale(norm)
    fused = copy.deepcopy(linear)
    fused.weight.copy_(linear.weight * scale)
    fused.bias.copy_(linear.bias + linear.weight @ (norm.bias - norm.running_mean * scale))
    return fused
