"""Targets of the atom loss: which carbon rows a peak row should match, and how strongly (reference section 4)."""

import torch
from torch import Tensor

from spectraflow.methods.km3aid.settings import Km3aidObjectiveSettings


def distances_ppm(mppm: Tensor) -> Tensor:
    """Return |shift_i - shift_j| in ppm, (M, M) float32, exactly zero for ties.

    Args:
        mppm: (M,) int64 shifts in thousandths of a ppm.
    """
    return (mppm[:, None] - mppm[None, :]).abs().float() / 1000


def knowledge_targets(distance: Tensor, tau1: float, tau2: float) -> Tensor:
    """Return softmax_j(tau2 / (d_ij + tau1)) (v1 eq. 9), rows summing to 1.

    Computed as exp(-tau2 d / (tau1 (tau1 + d))), the same value relative to the row's maximum at d = 0, so
    that nothing overflows.
    """
    weights = torch.exp(-tau2 * distance / (tau1 * (tau1 + distance)))
    return weights / weights.sum(1, keepdim=True)


def tie_targets(distance: Tensor, threshold_ppm: float = 0.0, row_normalise: bool = False) -> Tensor:
    """Return 1 where d_ij <= threshold (SP-ID at 0, WP-ID above), optionally divided by the row sum."""
    targets = (distance <= threshold_ppm).to(distance.dtype)
    return targets / targets.sum(1, keepdim=True) if row_normalise else targets


def soft_targets(
    distance: Tensor, molecule: Tensor, kernel: str, sigma_ppm: float, scope: str, soft_weight: float
) -> Tensor:
    """Return a row-normalised kernel of the distance, mixed with hard ties; rows sum to 1.

    Args:
        distance: (M, M) ppm.
        molecule: (M,) int64 molecule of each carbon.
        kernel: ``exponential`` exp(-d / sigma) or ``gaussian`` exp(-d^2 / (2 sigma^2)).
        sigma_ppm: width.
        scope: ``batch``, or ``molecule`` to keep only carbons of the row's own molecule.
        soft_weight: share of the kernel; the rest goes to row-normalised ties.
    """
    scaled = distance / sigma_ppm
    weights = torch.exp(-scaled if kernel == "exponential" else -0.5 * scaled.square())
    if scope == "molecule":
        weights = weights * (molecule[:, None] == molecule[None, :])
    soft = weights / weights.sum(1, keepdim=True)
    return soft_weight * soft + (1 - soft_weight) * tie_targets(distance, row_normalise=True)


def atom_targets(mppm: Tensor, molecule: Tensor, settings: Km3aidObjectiveSettings) -> Tensor:
    """Return the (M, M) float32 targets that the settings ask for."""
    distance = distances_ppm(mppm)
    if settings.discrimination == "knowledge":
        return knowledge_targets(distance, settings.tau1, settings.tau2)
    if settings.discrimination == "strong":
        return tie_targets(distance, 0.0, settings.row_normalise)
    if settings.discrimination == "weak":
        return tie_targets(distance, settings.threshold_ppm, settings.row_normalise)
    return soft_targets(distance, molecule, settings.kernel, settings.sigma_ppm, settings.scope, settings.soft_weight)
