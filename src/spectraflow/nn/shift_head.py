"""Chemical shifts from atom embeddings as Laplace distributions: the head, its loss, and units."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

CARBON = 0
"""Index of 13C among the nuclei 13C and 1H."""
MEANS_PPM, DEVIATIONS_PPM = (97.0, 4.0), (52.0, 2.5)
"""Mean and deviation by which shifts of 13C and 1H are standardised, rounded from nmrshiftdb2."""
LARGEST_LOG_SCALE = 4.0


class Prediction(NamedTuple):
    """Location and logarithm of the scale of a Laplace distribution, in standardised units, both (M,) float32."""

    location: Tensor
    log_scale: Tensor


class ShiftHead(nn.Sequential):
    """Linear-SiLU-Linear from the embedding of an atom to its shift and the scale of its error."""

    def __init__(self, dim: int) -> None:
        super().__init__(nn.Linear(dim, dim), nn.SiLU(), nn.Linear(dim, 2))

    def forward(self, embeddings: Tensor) -> Prediction:
        """Map embeddings (M, d) to M distributions."""
        location, log_scale = super().forward(embeddings).float().unbind(1)
        return Prediction(location, log_scale.clamp(-LARGEST_LOG_SCALE, LARGEST_LOG_SCALE))


def standardised(ppm: Tensor, nucleus: Tensor | int) -> Tensor:
    """Return shifts (M,) in units of their nucleus's deviation from its mean; nucleus (M,) or one for all."""
    if isinstance(nucleus, int):
        return (ppm - MEANS_PPM[nucleus]) / DEVIATIONS_PPM[nucleus]
    means, deviations = (torch.tensor(values, device=ppm.device)[nucleus] for values in (MEANS_PPM, DEVIATIONS_PPM))
    return (ppm - means) / deviations


def in_ppm(prediction: Prediction, nucleus: int) -> tuple[Tensor, Tensor]:
    """Return shifts and Laplace scales (M,) of one nucleus in ppm."""
    deviation = DEVIATIONS_PPM[nucleus]
    return prediction.location * deviation + MEANS_PPM[nucleus], prediction.log_scale.exp() * deviation


def laplace_loss(prediction: Prediction, target: Tensor, weight: Tensor | None = None) -> Tensor:
    """Return the mean, weighted if `weight` (M,) is given, of |y - mu| / b + log b.

    It is the negative log-likelihood without its constant ln 2.
    """
    location, log_scale = prediction
    loss = (target - location).abs() * torch.exp(-log_scale) + log_scale
    return loss.mean() if weight is None else (weight * loss).sum() / weight.sum()
