"""A batch of molecules with several spectra each, and what a model of functional groups answers."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol, Self

import torch
from torch import Tensor, nn

from spectraflow.training.distributed import gathered


@dataclass(frozen=True)
class SpectraBatch:
    """B molecules with n modalities and K functional groups.

    `vectors` (B, n, 600) float32, zero where `present` (B, n) bool is not set; `labels` (B, K) float32, 0 or 1;
    `rows` (B,) int64, rows of the store; `tokens` (B, T) int64, padded with 0, only for models that read text;
    `epoch` the pass over the training part, from 0, that the batch belongs to (schedules of a model depend on it).
    """

    vectors: Tensor
    present: Tensor
    labels: Tensor
    rows: Tensor
    tokens: Tensor | None = None
    epoch: int = 0

    def to(self, device: torch.device | str) -> Self:
        """Return the batch on `device`."""
        return self.map(lambda tensor: tensor.to(device))

    def map(self, change: Callable[[Tensor], Tensor]) -> Self:
        """Return the batch with every tensor changed in the same way."""
        return replace(
            self,
            vectors=change(self.vectors),
            present=change(self.present),
            labels=change(self.labels),
            rows=change(self.rows),
            tokens=None if self.tokens is None else change(self.tokens),
        )


class ElementLoss(Protocol):
    """Loss of every label of every molecule."""

    def __call__(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return losses (B, K) of logits (B, K) and labels (B, K)."""


class GroupModel(nn.Module):
    """What every network for functional groups offers: a loss to train with, and probabilities.

    Where several processes share a batch, the loss is that of the whole batch.
    """

    def loss(self, batch: SpectraBatch, element_loss: ElementLoss) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the loss of a batch (a scalar) and detached figures to log."""
        raise NotImplementedError

    def probabilities(self, batch: SpectraBatch) -> Tensor:
        """Return the probability (B, K) of every group; the same for a molecule whatever stands beside it."""
        raise NotImplementedError


class LogitModel(GroupModel):
    """A network whose `forward` gives logits (B, K), trained by the element losses alone."""

    def forward(self, batch: SpectraBatch) -> Tensor:
        """Return logits (B, K)."""
        raise NotImplementedError

    def loss(self, batch: SpectraBatch, element_loss: ElementLoss) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the mean element loss."""
        return element_loss(gathered(self(batch)), gathered(batch.labels)).mean(), {}

    def probabilities(self, batch: SpectraBatch) -> Tensor:
        """Return the sigmoid of the logits."""
        return self(batch).sigmoid()
