"""Autoencoders whose code is a target embedding: what those of depictions and of spectra have in common."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from spectraflow.methods.mmfrl.pretraining_parts import PretrainingParts, even_batches
from spectraflow.settings import TrainingSettings
from spectraflow.store.batches import batches
from spectraflow.training.fit import Record


class Autoencoder(nn.Module):
    """encoder: (B, ...) -> (B, d); decoder: (B, d) -> logits of the same shape as the encoder's input."""

    def __init__(self, encoder: nn.Module, decoder: nn.Module) -> None:
        super().__init__()
        self.encoder, self.decoder = encoder, decoder

    def forward(self, shown: Tensor) -> Tensor:
        """Return the logits of what is drawn at every point."""
        logits: Tensor = self.decoder(self.encoder(shown))
        return logits


class Drawings(Protocol):
    """Molecules as drawings with values from 0, nothing, to 1, ink."""

    def clean(self, rows: Tensor) -> Tensor:
        """Return the drawings of rows (R,) int64 on the CPU, (R, ...) float32 on the training device."""

    def changed(self, rows: Tensor, generator: torch.Generator) -> Tensor:
        """Return the same as a model sees them in training."""


@dataclass
class ReconstructionTask:
    """What an autoencoder gives the fit loop: it restores drawings; the held-out molecules select the epoch.

    Most of a drawing is empty: points with ink weigh `ink_weight` in the loss, else nothing is ever drawn.
    """

    model: Autoencoder
    drawings: Drawings
    parts: PretrainingParts
    training: TrainingSettings
    ink_weight: float
    monitor: str = "val/loss"

    def training_batches(self, generator: torch.Generator, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield drawings as shown and as they are."""
        for rows in batches(self.parts.train, self.training.batch_size, generator):
            yield self.drawings.changed(rows, generator), self.drawings.clean(rows)

    def loss(self, model: nn.Module, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the weighted binary cross-entropy of a batch."""
        shown, true = batch
        return self._cross_entropy(model(shown).float(), true), {}

    def _cross_entropy(self, logits: Tensor, true: Tensor) -> Tensor:
        weight = torch.tensor(self.ink_weight, device=logits.device)
        return functional.binary_cross_entropy_with_logits(logits, true, pos_weight=weight)

    def validate(self, model: nn.Module) -> Record:
        """Return the loss of changed drawings and the overlap of ink: points in both over points in either."""
        generator = torch.Generator().manual_seed(0)
        loss, both, either = 0.0, 0, 0
        for rows in even_batches(self.parts.held_out, self.training.batch_size):
            true = self.drawings.clean(rows)
            logits = model(self.drawings.changed(rows, generator)).float()
            loss += float(self._cross_entropy(logits, true)) * len(rows)
            # the weight shifts the logit at which ink and nothing are equally likely
            drawn, ink = logits >= math.log(self.ink_weight), true >= 0.5
            both += int((drawn & ink).sum())
            either += int((drawn | ink).sum())
        return {"val/loss": loss / len(self.parts.held_out), "val/overlap": both / max(either, 1)}

    @torch.no_grad()
    def embeddings(self, rows: Tensor) -> Tensor:
        """Return the codes of the clean drawings of rows (R,), (R, d) float32 on the CPU."""
        self.model.eval()
        chunks = even_batches(rows, self.training.batch_size)
        return torch.cat([self.model.encoder(self.drawings.clean(chunk)).float().cpu() for chunk in chunks])
