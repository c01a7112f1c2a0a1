"""Augmented copies of spectra as vectors, after Jung et al. (Chem. Sci. 2023, 14, 3600; SymSpectra, Fig. 5a).

All functions take vectors (B, n, P) and a generator on any device, and return new vectors on the device of the old.
"""

from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

AugmentationKind = Literal["horizontal", "vertical", "smoothing", "combination"]

FINE_POINTS = 3600
LARGEST_SHIFT = 10
VERTICAL_NOISE = 0.05
SMOOTHING = (0.5, 1.5)
MIXING = (0.01, 0.99)
_KERNEL_RADIUS = 6  # four times the widest kernel


def augment(
    kind: AugmentationKind,
    vectors: Tensor,
    present: Tensor,
    generator: torch.Generator,
    partners: tuple[Tensor, Tensor] | None = None,
) -> Tensor:
    """Return an augmented copy of each spectrum; absent spectra stay zero.

    Args:
        kind: of augmentation.
        vectors: (B, n, P).
        present: (B, n) bool.
        generator: of all choices.
        partners: for combination, vectors and presence of each molecule's partner (`find_partners`). Only spectra that
            both have are combined.

    Raises ValueError if combination has no partners.
    """
    match kind:
        case "horizontal":
            changed = shifted(vectors, generator)
        case "vertical":
            changed = with_vertical_noise(vectors, generator)
        case "smoothing":
            changed = smoothed(vectors, generator)
        case "combination":
            if partners is None:
                raise ValueError("combination needs the partners")
            others = torch.where((present & partners[1])[..., None], partners[0], vectors)
            changed = combined(vectors, others, generator)
    return torch.where(present[..., None], changed, torch.zeros_like(vectors))


def shifted(vectors: Tensor, generator: torch.Generator) -> Tensor:
    """Shift each spectrum by 1 to 10 points of a 3600-point axis to either side; the edge values are repeated.

    Values between points are linear; of 600 points that is a shift by 0.17 to 1.7.
    """
    points = vectors.shape[-1]
    steps = torch.randint(1, LARGEST_SHIFT + 1, vectors.shape[:2], generator=generator, device=generator.device)
    sign = 2 * torch.randint(0, 2, vectors.shape[:2], generator=generator, device=generator.device) - 1
    offset = (steps * sign).to(vectors) * (points - 1) / (FINE_POINTS - 1)
    position = torch.arange(points, device=vectors.device) - offset[..., None]
    position = position.clamp(0, points - 1)
    left = position.floor().long().clamp_max(points - 2)
    share = position - left
    return vectors.gather(-1, left) * (1 - share) + vectors.gather(-1, left + 1) * share


def with_vertical_noise(vectors: Tensor, generator: torch.Generator) -> Tensor:
    """Add u (1 - y) to every value y, u uniform between -0.05 and 0.05: least noise on the highest peaks."""
    noise = _uniform(vectors.shape, (-VERTICAL_NOISE, VERTICAL_NOISE), generator).to(vectors)
    return vectors + noise * (1 - vectors)


def smoothed(vectors: Tensor, generator: torch.Generator) -> Tensor:
    """Smooth each spectrum by a Gaussian of 0.5 to 1.5 points (ours: the width is not published); edges repeated."""
    width = _uniform(vectors.shape[:2], SMOOTHING, generator).to(vectors)
    offsets = torch.arange(-_KERNEL_RADIUS, _KERNEL_RADIUS + 1, device=vectors.device)
    kernel = torch.exp(-0.5 * (offsets / width[..., None]) ** 2)
    kernel = (kernel / kernel.sum(dim=-1, keepdim=True)).flatten(0, 1)[:, None]
    rows = F.pad(vectors, (_KERNEL_RADIUS, _KERNEL_RADIUS), mode="replicate").flatten(0, 1)[None]
    return F.conv1d(rows, kernel, groups=len(kernel)).reshape(vectors.shape)


def combined(vectors: Tensor, others: Tensor, generator: torch.Generator) -> Tensor:
    """Return c a + (1 - c) b of spectra a and their partners' b, one c between 0.01 and 0.99 a molecule."""
    share = _uniform((len(vectors), 1, 1), MIXING, generator).to(vectors)
    return others + share * (vectors - others)


def find_partners(labels: NDArray[np.bool_], seed: int) -> NDArray[np.int64]:
    """Return for each molecule the row, (N,), of a random other one with the very same labels (N, K).

    A molecule whose labels no other has is its own partner.
    """
    labels = np.ascontiguousarray(np.packbits(np.asarray(labels, dtype=bool), axis=1))
    combination = np.unique(labels, axis=0, return_inverse=True)[1].reshape(-1)
    shuffled = np.random.default_rng(seed).permutation(len(labels))
    order = shuffled[np.argsort(combination[shuffled], kind="stable")]
    starts = np.flatnonzero(np.diff(combination[order], prepend=-1))
    following = np.roll(order, -1)
    ends = np.append(starts[1:], len(order)) - 1
    following[ends] = order[starts]
    partners = np.empty(len(labels), np.int64)
    partners[order] = following
    return partners


def _uniform(shape: tuple[int, ...], bounds: tuple[float, float], generator: torch.Generator) -> Tensor:
    low, high = bounds
    return low + (high - low) * torch.rand(shape, generator=generator, device=generator.device)
