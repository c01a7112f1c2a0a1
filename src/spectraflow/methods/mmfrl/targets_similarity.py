"""Similarities of molecules, or of carbons, in each modality: what the encoders learn to reproduce."""

import torch
from torch import Tensor
from torch.nn import functional

PUBLISHED_OFFSET_PPM = 1e-5
PUBLISHED_SCALE_PPM = 10.0
"""tau_1 and tau_2 of the released kernel of shifts."""


def tanimoto(bits: Tensor) -> Tensor:
    """Return |A and B| / |A or B| (n, n) float32 of fingerprints (n, bits) of zeros and ones.

    Two molecules without a bit are not similar to one another (0), each is to itself (1).
    """
    values = bits.float()
    shared = values @ values.T
    sizes = values.sum(1)
    union = sizes[:, None] + sizes[None, :] - shared
    return (shared / union.clamp_min(1)).fill_diagonal_(1)


def cosine(embeddings: Tensor, centre: Tensor | None = None) -> Tensor:
    """Return the cosines (n, n) float32 of target embeddings (n, d), after `centre` (d,) is subtracted from each.

    Embeddings of autoencoders and language models share a large constant part, which leaves all cosines near 1.
    """
    values = embeddings.float()
    if centre is not None:
        values = values - centre
    unit = functional.normalize(values, dim=1)
    return unit @ unit.T


def peak_similarity(shift_ppm: Tensor, kernel: str, scale_ppm: float) -> Tensor:
    """Return the similarity (n, n) float32 of 13C shifts (n,).

    published: 10 / (|a - b| + 1e-5), which after the softmax leaves weight on equal shifts alone;
    laplace: -|a - b| / `scale_ppm`.
    """
    distance = (shift_ppm[:, None] - shift_ppm[None, :]).abs()
    if kernel == "published":
        return PUBLISHED_SCALE_PPM / (distance + PUBLISHED_OFFSET_PPM)
    return torch.neg(distance / scale_ppm)
