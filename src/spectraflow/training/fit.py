"""The one training loop: epochs, schedule, early stopping, best weights, checkpoints, resume, several processes."""

import math
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor, nn
from tqdm import tqdm

from spectraflow.errors import ConfigError
from spectraflow.settings import TrainingSettings
from spectraflow.training.batch_norm import share_batch_norms
from spectraflow.training.checkpoint import (
    load_optimizer,
    optimizer_tensors,
    resume_from,
    save_checkpoint,
    take_prefix,
    with_prefix,
)
from spectraflow.training.schedule import epochs_since_best, learning_rate, step_rate, warmed_rate
from spectraflow.training.seeds import epoch_seed, seed_torch

if TYPE_CHECKING:
    from lightning_fabric import Fabric

Record = dict[str, float]


class Task(Protocol):
    """What a method gives the loop.

    A task that several processes can train together has `shares_batches`: its `training_batches` yield this process's
    share of each batch (`distributed.own_share`), and its `loss` is that of the whole (`distributed.gathered`).
    One that can be trained with the schedule noam has `steps_per_epoch`, the batches of an epoch.
    """

    monitor: str

    @property
    def model(self) -> nn.Module:
        """The network to train."""

    def training_batches(self, generator: torch.Generator, epoch: int) -> Iterable[Any]:
        """Return the batches of `epoch` (from 0), in an order drawn from `generator`."""

    def loss(self, model: nn.Module, batch: Any) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the loss of a batch and detached figures to log."""

    def validate(self, model: nn.Module) -> Record:
        """Return validation figures, `monitor` (lower is better) among them; every process validates on all rows."""


@dataclass
class History:
    """What the loop has done: one record an epoch, and the epoch with the lowest monitored value."""

    records: list[Record] = field(default_factory=list)
    best_epoch: int = -1

    def monitored(self, monitor: str) -> list[float]:
        """Return the monitored value of every epoch; a value that is not a number counts as infinite."""
        values = [record[monitor] for record in self.records]
        return [math.inf if math.isnan(value) else value for value in values]


@dataclass
class _State:
    model: nn.Module
    optimizer: torch.optim.Optimizer
    history: History
    best: dict[str, Tensor]


def fit(
    task: Task,
    settings: TrainingSettings,
    fabric: "Fabric",
    checkpoint: Path,
    identity: str,
    on_epoch: Callable[[History], None] | None = None,
) -> History:
    """Train `task.model` and leave its best weights in it.

    Args:
        task: model, batches, loss and validation of the method.
        settings: optimiser, schedule, epochs.
        fabric: device and precision.
        checkpoint: file rewritten after every epoch; training goes on from it if it is there.
        identity: what the checkpoint must have been written for (the run id).
        on_epoch: called after every epoch with the history so far, in the first process alone.

    Raises:
        ConfigError: there are several processes, and the task cannot share its batches among them; or the schedule is
            noam, and the task does not know how many batches an epoch has.

    Returns:
        The records of all epochs, those before a resume included.
    """
    state = _prepare(task, settings, fabric, checkpoint, identity)
    for epoch in range(len(state.history.records), settings.epochs):
        if _stop_early(state.history, task.monitor, settings):
            break
        record = _run_epoch(task, state, settings, fabric, epoch)
        state.history.records.append(record)
        if epochs_since_best(state.history.monitored(task.monitor)) == 0:
            state.history.best_epoch = epoch
            state.best = {name: value.detach().clone() for name, value in task.model.state_dict().items()}
        if fabric.is_global_zero:
            _save(checkpoint, state, task.model, identity)
            _print_epoch(record, settings.epochs)
            if on_epoch is not None:
                on_epoch(state.history)
    task.model.load_state_dict(state.best)
    return state.history


def _prepare(task: Task, settings: TrainingSettings, fabric: "Fabric", checkpoint: Path, identity: str) -> _State:
    if fabric.world_size > 1:
        if not getattr(task, "shares_batches", False):
            raise ConfigError(f"{type(task).__name__} cannot share its batches among devices; take one device")
        share_batch_norms(task.model)
    if settings.schedule == "noam" and not hasattr(task, "steps_per_epoch"):
        raise ConfigError(f"{type(task).__name__} cannot be trained with the schedule noam")
    optimizer = torch.optim.AdamW(
        [parameter for parameter in task.model.parameters() if parameter.requires_grad],
        lr=settings.learning_rate,
        weight_decay=settings.weight_decay,
        fused=True,
    )
    model, optimizer = fabric.setup(task.model, optimizer)
    state = _State(model, optimizer, History(), {})
    saved = fabric.broadcast(resume_from(checkpoint, identity) if fabric.is_global_zero else None)
    if saved is not None:
        tensors, values = saved
        task.model.load_state_dict(take_prefix("model", tensors))
        load_optimizer(getattr(optimizer, "optimizer", optimizer), take_prefix("optimizer", tensors))
        state.history = History(values["records"], values["best_epoch"])
        state.best = take_prefix("best", tensors)
        if fabric.is_global_zero:
            print(f"resumed after epoch {len(state.history.records)}", file=sys.stderr)
    return state


def _save(checkpoint: Path, state: _State, model: nn.Module, identity: str) -> None:
    tensors = {
        **with_prefix("model", dict(model.state_dict())),
        **with_prefix("optimizer", optimizer_tensors(getattr(state.optimizer, "optimizer", state.optimizer))),
        **with_prefix("best", state.best),
    }
    values = {"identity": identity, "records": state.history.records, "best_epoch": state.history.best_epoch}
    save_checkpoint(checkpoint, tensors, values)


def _stop_early(history: History, monitor: str, settings: TrainingSettings) -> bool:
    patience = settings.early_stopping
    return patience is not None and epochs_since_best(history.monitored(monitor)) >= patience


def _run_epoch(task: Task, state: _State, settings: TrainingSettings, fabric: "Fabric", epoch: int) -> Record:
    seed_torch(epoch_seed(settings.seed, epoch, fabric.global_rank))
    _set_rate(state, learning_rate(settings, epoch, state.history.monitored(task.monitor)))
    started = time.perf_counter()
    sums, batches, inside = _train(task, state, settings, fabric, epoch)
    seconds = time.perf_counter() - started
    state.model.eval()
    with torch.no_grad():
        validation = task.validate(state.model)
    record: Record = {"epoch": epoch, "learning_rate": float(state.optimizer.param_groups[0]["lr"])}
    record.update({f"train/{name}": float(value) / max(batches, 1) for name, value in sums.items()})
    record.update(validation)
    record.update(seconds=seconds, seconds_outside_model=seconds - inside, batches=batches)
    agreed: Record = fabric.broadcast(record)  # rounding must not make one process stop earlier than another
    return agreed


def _set_rate(state: _State, rate: float) -> None:
    for group in state.optimizer.param_groups:
        group["lr"] = rate


def _train(
    task: Task, state: _State, settings: TrainingSettings, fabric: "Fabric", epoch: int
) -> tuple[dict[str, Tensor], int, float]:
    state.model.train()
    sums: dict[str, Tensor] = {}
    batches, inside = 0, 0.0
    earlier = sum(int(record["batches"]) for record in state.history.records)
    generator = torch.Generator().manual_seed(epoch_seed(settings.seed, epoch))
    quiet = not (fabric.is_global_zero and sys.stderr.isatty())
    bar = tqdm(task.training_batches(generator, epoch), disable=quiet, leave=False, unit="batch")
    for batch in bar:
        started = time.perf_counter()
        if settings.schedule == "inverse_root":
            _set_rate(state, step_rate(settings, earlier + batches))
        elif settings.schedule == "noam":
            _set_rate(state, warmed_rate(settings, earlier + batches, task.steps_per_epoch))  # type: ignore[attr-defined]
        loss, figures = task.loss(state.model, batch)
        state.optimizer.zero_grad()
        fabric.backward(loss)
        if settings.gradient_clip is not None:
            fabric.clip_gradients(state.model, state.optimizer, max_norm=settings.gradient_clip)
        state.optimizer.step()
        inside += time.perf_counter() - started
        for name, value in {"loss": loss.detach(), **figures}.items():
            sums[name] = sums[name] + value if name in sums else value
        batches += 1
        if not bar.disable:
            bar.set_postfix(loss=f"{float(loss):.3f}")
    return sums, batches, inside


def _print_epoch(record: Record, epochs: int) -> None:
    shown = {k: v for k, v in record.items() if "/" in k}
    figures = "  ".join(f"{name} {value:.4g}" for name, value in shown.items())
    print(
        f"epoch {int(record['epoch']) + 1}/{epochs}  {record['seconds']:.1f} s  {figures}", file=sys.stderr, flush=True
    )
