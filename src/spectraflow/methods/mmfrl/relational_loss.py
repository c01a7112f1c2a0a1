"""The modified relational loss: rows of similarities between embeddings are fitted to rows of target similarities.

MMFRL, equations (1) to (3). With u the embeddings at unit length, a_ij = u_i . u_j and r_ij the similarity of a
modality: sigma_ij = softmax_j(a_ij / tau_student), t_ij = softmax_j(r_ij / tau_target) and
L = -1/n sum_ij t_ij log sigma_ij.
"""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from spectraflow.methods.mmfrl.settings import Modality


class RelationalLoss(NamedTuple):
    """value: the loss, with gradient; excess: how far it is above the lowest value its targets allow, detached.

    The value stays near the logarithm of the batch's size whatever is learnt; the excess, for rows alone the mean
    Kullback-Leibler divergence of sigma from t in nats, is what training lowers.
    """

    value: Tensor
    excess: Tensor


def target_rows(similarity: Tensor, tau: float, include_self: bool) -> Tensor:
    """Return t (n, n) float32, rows that sum to 1: the softmax of a similarity (n, n) at temperature `tau`.

    Without `include_self` the diagonal is 0 and a row spreads over the others; of a single item nothing is left.
    """
    logits = similarity.float() / tau
    if include_self:
        return logits.softmax(1)
    if len(logits) == 1:
        return torch.zeros_like(logits)
    return _without_self(logits).softmax(1)


def mixed_rows(rows: Mapping[Modality, Tensor], weights: Mapping[Modality, float]) -> Tensor:
    """Return the weighted sum of rows (n, n) of several modalities, keyed alike (early fusion, equations 6 and 7)."""
    return torch.stack([weights[name] * rows[name] for name in weights]).sum(0)


def cosines(embeddings: Tensor) -> Tensor:
    """Return the cosines (n, n) float32 between embeddings (n, d)."""
    unit = functional.normalize(embeddings.float(), dim=1)
    return unit @ unit.T


def relational_loss(
    embeddings: Tensor, targets: Tensor, tau: float, *, include_self: bool = True, columns: bool = False
) -> RelationalLoss:
    """Return the loss of embeddings (n, d) for target rows (n, n).

    Args:
        embeddings: of any length; float16 and bfloat16 are widened, as the softmax needs float32.
        targets: what `target_rows` or `mixed_rows` made, with the same `include_self`.
        tau: temperature of the embeddings' similarities.
        include_self: whether an item is among its own neighbours.
        columns: add the cross-entropy of the transposed similarities and targets, as the released code does. Columns
            of t do not sum to 1, so that its optimum is (t_ij + t_ji) / (1 + sum_k t_ki).
    """
    count = len(embeddings)
    if count == 1 and not include_self:
        return RelationalLoss(embeddings.sum() * 0, embeddings.new_zeros(()))
    logits = cosines(embeddings) / tau
    if include_self:
        logarithms = logits.log_softmax(1)
    else:
        logarithms = _without_self(logits).log_softmax(1)
        logarithms = logarithms.masked_fill(_diagonal(logits), 0)  # 0 * -inf would be no number
    weights = targets + targets.T if columns else targets
    value = -(weights * logarithms).sum() / count
    return RelationalLoss(value, (value.detach() - _lowest(weights)))


def _lowest(weights: Tensor) -> Tensor:
    """Return the loss at its optimum, where each row of sigma is the row of weights divided by its sum."""
    sums = weights.sum(1)
    return (torch.special.entr(weights).sum() + torch.special.xlogy(sums, sums).sum()) / len(weights)


def _without_self(logits: Tensor) -> Tensor:
    return logits.masked_fill(_diagonal(logits), -torch.inf)


def _diagonal(square: Tensor) -> Tensor:
    return torch.eye(len(square), dtype=torch.bool, device=square.device)
