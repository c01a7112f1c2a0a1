"""What the transformers share: patches of spectra, positions, masks and pooling over what is present."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F


def patch_count(points: int, size: int) -> int:
    """Return how many patches of `size` points cover a spectrum of `points`."""
    return math.ceil(points / size)


def patches(spectra: Tensor, size: int) -> Tensor:
    """Cut spectra (..., P) into patches (..., ceil(P / size), size), the last one filled up with zeros."""
    points = spectra.shape[-1]
    filled = F.pad(spectra, (0, patch_count(points, size) * size - points))
    return filled.unflatten(-1, (-1, size))


def sinusoids(length: int, dim: int, device: torch.device | None = None) -> Tensor:
    """Return sine and cosine positions (length, dim) of Vaswani et al. (2017), sines first."""
    half = math.ceil(dim / 2)
    rates = torch.exp(torch.arange(half, device=device) * (-math.log(10_000.0) / half))
    angles = torch.arange(length, device=device)[:, None] * rates
    return torch.cat([angles.sin(), angles.cos()], 1)[:, :dim]


def attention_padding(kept: Tensor) -> Tensor:
    """Return what attention has to leave out, (B, L) bool, given what is `kept` (B, L) bool.

    A row without anything keeps its first position: attention over nothing is not a number.
    """
    padding = ~kept
    padding[:, 0] &= kept.any(1)
    return padding


def kept_mean(states: Tensor, kept: Tensor) -> Tensor:
    """Return the mean (B, d) of the states (B, L, d) of positions that are `kept` (B, L); zero where none is."""
    weights = kept.to(states.dtype)
    return torch.einsum("bl,bld->bd", weights, states) / weights.sum(1, keepdim=True).clamp(min=1)


def kept_tokens(tokens: Tensor, present: Tensor, modality_of_marker: Tensor) -> Tensor:
    """Return which tokens (B, T) are text of a present modality, (B, T) bool.

    Args:
        tokens: (B, T) int64, 0 is padding; every modality's text starts with a marker.
        present: (B, n) bool.
        modality_of_marker: (V,) int64, the modality that a token of the vocabulary opens, -1 for other tokens.
    """
    opened = modality_of_marker[tokens]
    places = torch.arange(tokens.shape[1], device=tokens.device)
    last_marker = torch.where(opened >= 0, places, 0).cummax(1).values
    modality = opened.gather(1, last_marker)
    readable = present.gather(1, modality.clamp(min=0)) & (modality >= 0)
    return readable & (tokens != 0)
