"""K-M3AID losses (reference section 4): symmetric cross-entropies of molecules and of atoms; ours, of shifts."""

from typing import NamedTuple

import torch
from torch import Tensor

from spectraflow.methods.km3aid.settings import Km3aidObjectiveSettings
from spectraflow.methods.km3aid.targets import atom_targets
from spectraflow.nn.shift_head import CARBON, Prediction, laplace_loss, standardised
from spectraflow.training.distributed import gathered


class Projected(NamedTuple):
    """Embeddings in the joint spaces: spectra and graphs (B, p), peaks and carbons (M, p), row i to row i.

    shifts: what the shift head, if there is one, predicts for the carbons (M,).
    """

    spectra: Tensor
    graphs: Tensor
    peaks: Tensor
    carbons: Tensor
    shifts: Prediction | None = None


def on_cpu(projected: Projected) -> Projected:
    """Return the embeddings, and shifts if there are any, on the CPU in float32."""

    def moved(part: Tensor) -> Tensor:
        return part.float().cpu()

    spectra, graphs, peaks, carbons, shifts = projected
    shifts = None if shifts is None else Prediction(*map(moved, shifts))
    return Projected(moved(spectra), moved(graphs), moved(peaks), moved(carbons), shifts)


def of_all_processes(projected: Projected, mppm: Tensor, carbon_counts: Tensor) -> tuple[Projected, Tensor, Tensor]:
    """Return embeddings, shifts (M,) and molecules (M,) of the whole batch, of which each process has its share.

    Args:
        projected: of this process's share.
        mppm: shifts of its M carbons.
        carbon_counts: (B,) int64 carbons of each of its molecules.
    """
    spectra, graphs, peaks, carbons, shifts = projected
    shifts = None if shifts is None else Prediction(*map(gathered, shifts))
    whole = Projected(gathered(spectra), gathered(graphs), gathered(peaks), gathered(carbons), shifts)
    mppm, counts = gathered(mppm), gathered(carbon_counts)
    numbers = torch.arange(len(counts), device=counts.device)
    return whole, mppm, torch.repeat_interleave(numbers, counts, output_size=len(mppm))


def cross_entropy(scores: Tensor, targets: Tensor) -> Tensor:
    """Return -(1/n) sum_ij T_ij log softmax_j(Z_ij) for scores and targets (n, m); rows of T need not sum to 1."""
    return ((targets.sum(1) * scores.logsumexp(1)).sum() - (targets * scores).sum()) / scores.shape[0]


def symmetric_cross_entropy(scores: Tensor, targets: Tensor) -> Tensor:
    """Return the cross-entropies of both directions, added; both use `targets` itself, not its transpose."""
    return cross_entropy(scores, targets) + cross_entropy(scores.T, targets)


def matching_loss(first: Tensor, second: Tensor, scale: Tensor | float = 1.0) -> Tensor:
    """Return the symmetric loss of pairs (B, p), row i with row i: scores are dot products times `scale`."""
    scores = scale * first.float() @ second.float().T
    return symmetric_cross_entropy(scores, torch.eye(len(first), device=first.device))


def km3aid_loss(
    projected: Projected, mppm: Tensor, molecule: Tensor, settings: Km3aidObjectiveSettings
) -> tuple[Tensor, dict[str, Tensor]]:
    """Return alpha L_graph + (1 - alpha) L_node and both terms, `loss_node_kl` being L_node less its minimum.

    With a shift head the weighted Laplace loss of its shifts is added, and `loss_shift` is that loss unweighted.

    Args:
        projected: embeddings of the batch; scores are plain dot products in float32.
        mppm: (M,) int64 shift of each peak, thousandths of a ppm.
        molecule: (M,) int64 molecule of each peak.
        settings: alpha, the targets and the weight of the shifts.
    """
    graph = matching_loss(projected.spectra, projected.graphs)
    targets = atom_targets(mppm, molecule, settings)
    node = symmetric_cross_entropy(projected.peaks.float() @ projected.carbons.float().T, targets)
    entropy = -2 * torch.xlogy(targets, targets).sum() / len(targets)
    loss = settings.alpha * graph + (1 - settings.alpha) * node
    figures = {"loss_graph": graph, "loss_node": node, "loss_node_kl": node - entropy}
    if projected.shifts is not None:
        figures["loss_shift"] = laplace_loss(projected.shifts, standardised(mppm.float() / 1000, CARBON))
        loss = loss + settings.shift_weight * figures["loss_shift"]
    return loss, {name: value.detach() for name, value in figures.items()}
