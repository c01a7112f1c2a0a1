"""What models of properties give the fit loop: batches of graphs, the masked loss, validation by the main score."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from spectraflow.methods.mmfrl.fusion import GraphModel
from spectraflow.methods.mmfrl.property_loss import masked_loss
from spectraflow.methods.mmfrl.property_metrics import HIGHER_IS_BETTER, MAIN, TaskKind, mean_score
from spectraflow.methods.mmfrl.property_store import Scale
from spectraflow.settings import TrainingSettings
from spectraflow.store.batches import batches
from spectraflow.training.distributed import gathered, own_share
from spectraflow.training.fit import Record

if TYPE_CHECKING:
    from spectraflow.methods.mmfrl.molecular_graphs import MolecularGraphs

EVALUATED_AT_ONCE = 512
LAST_EPOCH = "epochs_left"
"""Monitored instead of the score where the last epoch is kept: it falls with every epoch."""


class PropertyBatch:
    """Graphs and standardised targets (B, T) on their way into a model; not a container that Fabric would convert."""

    def __init__(self, graph: Any, targets: Tensor) -> None:
        self.graph, self.targets = graph, targets


class Trained(nn.Module):
    """A model as the fit loop calls it."""

    def __init__(self, network: GraphModel) -> None:
        super().__init__()
        self.network = network

    def forward(self, batch: PropertyBatch) -> Tensor:
        """Return the outputs (B, T) of a batch."""
        outputs: Tensor = self.network(batch.graph)
        return outputs


@dataclass
class PropertyTask:
    """A model, its training rows and val: kept is the epoch with the best main score there, or the last.

    `targets` (N, T) are in original units, NaN where nothing was measured. Where val has no evaluable target, its loss
    chooses the epoch. Incomplete batches are trained on, as in chemprop: the smallest tasks have two or three batches.
    """

    model: Trained
    graphs: "MolecularGraphs"
    targets: Tensor
    scale: Scale
    kind: TaskKind
    train_rows: Tensor
    val_rows: Tensor
    training: TrainingSettings
    selection: Literal["best_val", "last"] = "best_val"
    epoch: int = 0
    monitor: str = field(init=False)
    shares_batches: ClassVar[bool] = True

    def __post_init__(self) -> None:
        self.monitor = LAST_EPOCH if self.selection == "last" else "val/error"

    @property
    def steps_per_epoch(self) -> int:
        """Batches of an epoch."""
        return -(-len(self.train_rows) // self.training.batch_size)

    def training_batches(self, generator: torch.Generator, epoch: int) -> Iterator[PropertyBatch]:
        """Yield shuffled batches of the training part, this process's share of each."""
        self.epoch = epoch
        for rows in batches(self.train_rows, self.training.batch_size, generator, drop_last=False):
            share = own_share(rows)
            yield PropertyBatch(self.graphs.batch(share), self.scale.apply(self.targets[share]))

    def loss(self, model: nn.Module, batch: PropertyBatch) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the loss over what was measured in the whole batch."""
        return masked_loss(self.kind, gathered(model(batch)), gathered(batch.targets)), {}

    def validate(self, model: nn.Module) -> Record:
        """Return loss, main score and error (what is to be small) of val; NaN where predictions are not finite."""
        outputs = network_outputs(model, self.graphs, self.val_rows)
        targets = self.targets[self.val_rows].cpu()
        left = {LAST_EPOCH: float(self.training.epochs - 1 - self.epoch)}
        if not outputs.isfinite().all():
            return {"val/loss": float("nan"), "val/error": float("nan"), **left}
        loss = float(masked_loss(self.kind, outputs, self.scale.apply(targets)))
        predicted = to_predictions(outputs, self.kind, self.scale)
        score = mean_score(targets.numpy(), predicted.numpy(), self.kind)
        if score != score:
            return {"val/loss": loss, "val/error": loss, **left}
        name = MAIN[self.kind]
        error = 1 - score if name in HIGHER_IS_BETTER else score
        return {"val/loss": loss, f"val/{name}": score, "val/error": error, **left}


@torch.no_grad()
def network_outputs(model: nn.Module, graphs: "MolecularGraphs", rows: Tensor) -> Tensor:
    """Return outputs (R, T) float32 of `rows` on the CPU; `model` is called as `Trained`, in eval mode."""
    none = torch.empty(0)
    found = [model(PropertyBatch(graphs.batch(part), none)).float().cpu() for part in rows.split(EVALUATED_AT_ONCE)]
    return torch.cat(found)


def to_predictions(outputs: Tensor, kind: TaskKind, scale: Scale) -> Tensor:
    """Return probabilities of the positive class, or values in original units, (R, T)."""
    return outputs.sigmoid() if kind == "classification" else scale.invert(outputs)
