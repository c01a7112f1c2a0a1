"""Training of one shift model: the network by the fit loop, the environment lookup in one pass."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor

from spectraflow.errors import InputError
from spectraflow.methods.shifts.data import ShiftStore, training_parts
from spectraflow.methods.shifts.lookup import EnvironmentLookup
from spectraflow.methods.shifts.model import ShiftBatch, ShiftNetwork
from spectraflow.methods.shifts.network import NetworkPredictor
from spectraflow.methods.shifts.prediction import ShiftModel
from spectraflow.methods.shifts.settings import ShiftsRun
from spectraflow.nn.parameters import count_parameters
from spectraflow.nn.shift_head import DEVIATIONS_PPM, Prediction, laplace_loss, standardised
from spectraflow.provenance import git_commit
from spectraflow.store.batches import batches
from spectraflow.training import run_folder
from spectraflow.training.checkpoint import fit_identity, load_checkpoint, save_checkpoint
from spectraflow.training.devices import make_fabric
from spectraflow.training.distributed import gathered, own_share
from spectraflow.training.fit import History, Record
from spectraflow.training.recorded_fit import forget_checkpoint, recorded_fit
from spectraflow.training.seeds import WEIGHTS_EPOCH, epoch_seed, seed_torch
from spectraflow.training.tracking import Mirror

if TYPE_CHECKING:
    from lightning_fabric import Fabric

NUCLEI = ("13C", "1H")


@dataclass
class ShiftTask:
    """What the shift network gives the fit loop; the epoch with the smallest 13C error on val is kept."""

    model: ShiftNetwork
    store: ShiftStore
    train_rows: Tensor
    val_rows: Tensor
    settings: ShiftsRun
    monitor: str = "val/mae_13C"
    shares_batches: ClassVar[bool] = True

    def training_batches(self, generator: torch.Generator, epoch: int) -> Iterator[ShiftBatch]:
        """Yield shuffled full batches of the training part, this process's share of each."""
        for rows in batches(self.train_rows, self.settings.training.batch_size, generator):
            yield self.store.batch(own_share(rows))

    def loss(self, model: torch.nn.Module, batch: ShiftBatch) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the Laplace loss of a batch, of the shifts of all processes; protons have their own weight."""
        prediction = Prediction(*map(gathered, model(batch)))
        return self._loss(prediction, gathered(batch.nucleus), gathered(batch.ppm)), {}

    def _loss(self, prediction: Prediction, nucleus: Tensor, ppm: Tensor) -> Tensor:
        weight = torch.where(nucleus == 0, 1.0, self.settings.proton_weight)
        return laplace_loss(prediction, standardised(ppm, nucleus), weight)

    def validate(self, model: torch.nn.Module) -> Record:
        """Return loss and mean absolute errors, in ppm, on the val part."""
        losses, sums, counts = [], [0.0, 0.0], [0, 0]
        for rows in self.val_rows.split(4 * self.settings.training.batch_size):
            batch = self.store.batch(rows)
            prediction = model(batch)
            losses.append(float(self._loss(prediction, batch.nucleus, batch.ppm)))
            errors = (prediction.location - standardised(batch.ppm, batch.nucleus)).abs()
            for nucleus, deviation in enumerate(DEVIATIONS_PPM):
                own = batch.nucleus == nucleus
                sums[nucleus] += float(errors[own].sum()) * deviation
                counts[nucleus] += int(own.sum())
        errors_of = {f"val/mae_{name}": sums[i] / max(1, counts[i]) for i, name in enumerate(NUCLEI)}
        return {"val/loss": sum(losses) / len(losses), **errors_of}


def build_network(settings: ShiftsRun) -> ShiftNetwork:
    """Return a freshly initialised network, the same for the same seed."""
    seed_torch(epoch_seed(settings.training.seed, WEIGHTS_EPOCH))
    return ShiftNetwork(settings.model)


def load_model(folder: Path, device: torch.device | str = "cpu") -> ShiftModel:
    """Return the trained shift model of a run folder."""
    tensors, state = load_checkpoint(folder / run_folder.WEIGHTS)
    settings = ShiftsRun.model_validate(state["settings"])
    if settings.model.kind == "environment_lookup":
        return EnvironmentLookup.from_state(tensors)
    network = build_network(settings)
    network.load_state_dict(tensors)
    return NetworkPredictor(network.eval().to(device))


def train(
    settings: ShiftsRun,
    labels: Path,
    graphs: Path,
    alignment: Path,
    split: Path,
    out: Path,
    checkpoints: Path,
    *,
    external: Sequence[Path] = (),
    data_version: str = "unknown",
    uri: str | None = None,
) -> None:
    """Train a shift model and write settings, history and weights to the run folder `out`.

    `external` are alignment tables of molecules kept for queries: nothing of their first blocks is trained on. A
    checkpoint in `checkpoints` written for the same settings, code and inputs is gone on from, and removed at the end.
    """
    fabric = make_fabric(settings.training.precision)
    store = ShiftStore.read(labels, graphs)
    parts = training_parts(store, alignment, split, external, all_records=settings.records == "all")
    out.mkdir(parents=True, exist_ok=True)
    description = {
        "method": "shifts",
        "run_id": out.name,
        "label": settings.label,
        "settings": settings.model_dump(mode="json"),
        "git_commit": git_commit(),
        "molecules": {part: len(rows) for part, rows in parts.items()},
        "data_version": data_version,
        "device": str(fabric.device),
    }
    inputs = [labels, graphs, alignment, split, *external]
    mirror = Mirror(out, uri)
    if settings.model.kind == "environment_lookup":
        lookup = EnvironmentLookup.fit(store, parts["train"], settings.model.radius)
        _write(out, settings, description, lookup.state(), History())
    elif "val" in parts:
        _train_network(settings, store, parts, fabric, out, checkpoints, description, inputs, mirror)
    else:
        raise InputError(f"{split}: the val part is empty; the network needs it to choose an epoch")
    mirror.finish()


def _train_network(
    settings: ShiftsRun,
    store: ShiftStore,
    parts: Mapping[str, Tensor],
    fabric: "Fabric",
    out: Path,
    checkpoints: Path,
    description: dict[str, Any],
    inputs: Sequence[Path],
    mirror: Mirror,
) -> None:
    network = build_network(settings)
    train_rows, val_rows = (parts[part].to(fabric.device) for part in ("train", "val"))
    task = ShiftTask(network, store.to(fabric.device), train_rows, val_rows, settings)
    description["parameters"] = {"trainable": count_parameters(network)}
    if fabric.is_global_zero:
        run_folder.write_settings(out, description)
    identity = fit_identity(settings.model_dump(exclude={"label"}), "methods.shifts.train", inputs)
    history = recorded_fit(task, settings.training, fabric, out, checkpoints, identity, mirror)
    _write(out, settings, description, dict(network.state_dict()), history)
    forget_checkpoint(checkpoints)


def _write(
    out: Path, settings: ShiftsRun, description: dict[str, Any], tensors: dict[str, Tensor], history: History
) -> None:
    run_folder.write_settings(out, description)
    run_folder.write_history(out, history.records)
    state = {
        "settings": settings.model_dump(mode="json"),
        "best_epoch": history.best_epoch,
        "epochs": len(history.records),
    }
    save_checkpoint(out / run_folder.WEIGHTS, tensors, state)
