"""What models of functional groups give the fit loop: batches with augmented copies, loss, validation."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from spectraflow.evaluation.classification import count_labels, macro_f1, micro_f1
from spectraflow.methods.symspectra.batch import ElementLoss, GroupModel, SpectraBatch
from spectraflow.methods.symspectra.data import SpectraStore
from spectraflow.methods.symspectra.settings import AugmentationSettings
from spectraflow.settings import TrainingSettings
from spectraflow.spectra.augmentation import augment, find_partners
from spectraflow.store.batches import batches
from spectraflow.training.distributed import own_share
from spectraflow.training.fit import Record

EVALUATED_AT_ONCE = 256


class Augmenter:
    """Augmented copies of training spectra: each epoch shows every sample once as it is and once changed."""

    def __init__(self, settings: AugmentationSettings, store: SpectraStore, rows: Tensor) -> None:
        self.kind, self.rows, self.partners = settings.kind, rows, rows
        if settings.kind == "combination":
            labels = store.labels[rows].cpu().numpy() > 0.5
            self.partners = rows[torch.from_numpy(find_partners(labels, seed=0)).to(rows.device)]

    def places(self) -> Tensor:
        """Return the places of an epoch: those from the number of rows on stand for augmented copies."""
        copies = 1 if self.kind == "none" else 2
        return torch.arange(copies * len(self.rows), device=self.rows.device)

    def batch(self, store: SpectraStore, places: Tensor, generator: torch.Generator, epoch: int) -> SpectraBatch:
        """Assemble the molecules of `places` (B,), copies changed by draws from `generator`."""
        original, copy = places % len(self.rows), places >= len(self.rows)
        batch = store.batch(self.rows[original], epoch)
        if self.kind == "none":
            return batch
        other = store.batch(self.partners[original])
        changed = augment(self.kind, batch.vectors, batch.present, generator, (other.vectors, other.present))
        return replace(batch, vectors=torch.where(copy[:, None, None], changed, batch.vectors))


class Carried:
    """A batch on its way into a model: Fabric, which would convert a batch for mixed precision, leaves this alone."""

    def __init__(self, batch: SpectraBatch) -> None:
        self.batch = batch


class Trained(nn.Module):
    """A model as the fit loop calls it: with an element loss it returns losses, without one probabilities."""

    def __init__(self, model: GroupModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, carried: Carried, element_loss: ElementLoss | None = None) -> Any:
        """Return (loss, figures) or probabilities (B, K)."""
        batch = carried.batch
        return self.model.probabilities(batch) if element_loss is None else self.model.loss(batch, element_loss)


@dataclass
class GroupTask:
    """A model, its training rows with augmented copies, and val: the epoch with the best micro-F1 there is kept."""

    model: Trained
    store: SpectraStore
    augmenter: Augmenter
    val_rows: Tensor
    element_loss: ElementLoss
    training: TrainingSettings
    monitor: str = "val/error"
    shares_batches: ClassVar[bool] = True

    def training_batches(self, generator: torch.Generator, epoch: int) -> Iterator[SpectraBatch]:
        """Yield shuffled full batches of the training part, this process's share of each.

        Every process changes the copies of the whole batch, so that all draw the same.
        """
        for places in batches(self.augmenter.places(), self.training.batch_size, generator):
            yield self.augmenter.batch(self.store, places, generator, epoch).map(own_share)

    def loss(self, model: nn.Module, batch: SpectraBatch) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the model's loss of a batch."""
        loss, figures = model(Carried(batch), self.element_loss)
        return loss, figures

    def validate(self, model: nn.Module) -> Record:
        """Return micro-F1, macro-F1 and 1 - micro-F1 of the val part."""
        labels, probabilities = predict(model, self.store, self.val_rows)
        counts = count_labels(labels, probabilities >= 0.5)
        micro = float(micro_f1(counts))
        return {"val/error": 1 - micro, "val/micro_f1": micro, "val/macro_f1": float(macro_f1(counts))}


@torch.no_grad()
def predict(model: nn.Module, store: SpectraStore, rows: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Return labels (R, K) bool and probabilities (R, K) float64 of `rows`; the model must be in eval mode."""
    labels, found = [], []
    for chunk in rows.split(EVALUATED_AT_ONCE):
        batch = store.batch(chunk)
        found.append(model(Carried(batch)).double().cpu())
        labels.append(batch.labels.cpu() > 0.5)
    return torch.cat(labels).numpy(), torch.cat(found).numpy()
