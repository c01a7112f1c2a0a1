"""Training and evaluation of one K-M3AID run."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from spectraflow.errors import InputError
from spectraflow.evaluation.retrieval import in_batch_accuracy
from spectraflow.methods.km3aid.data import AlignmentStore
from spectraflow.methods.km3aid.evaluate import curve_atom_accuracy, evaluate
from spectraflow.methods.km3aid.model import AlignmentBatch, Km3aid
from spectraflow.methods.km3aid.objective import km3aid_loss, of_all_processes, on_cpu
from spectraflow.methods.km3aid.settings import Km3aidRun
from spectraflow.nn.parameters import count_parameters
from spectraflow.nn.shift_head import CARBON, in_ppm
from spectraflow.nn.spectrum_encoder import SpectrumEncoder
from spectraflow.provenance import git_commit
from spectraflow.store.batches import batches
from spectraflow.tables import ASSIGNMENTS, TableWriter
from spectraflow.training import run_folder
from spectraflow.training.checkpoint import fit_identity, load_checkpoint, save_checkpoint
from spectraflow.training.devices import make_fabric
from spectraflow.training.distributed import own_share
from spectraflow.training.fit import History, Record
from spectraflow.training.recorded_fit import forget_checkpoint, recorded_fit
from spectraflow.training.seeds import WEIGHTS_EPOCH, epoch_seed, seed_torch
from spectraflow.training.tracking import Mirror


@dataclass
class Km3aidTask:
    """What K-M3AID gives the fit loop."""

    model: Km3aid
    store: AlignmentStore
    train_rows: Tensor
    val_rows: Tensor
    settings: Km3aidRun
    monitor: str = "val/loss"
    shares_batches: ClassVar[bool] = True

    def training_batches(self, generator: torch.Generator, epoch: int) -> Iterator[AlignmentBatch]:
        """Yield shuffled full batches of the training part, this process's share of each."""
        for rows in batches(self.train_rows, self.settings.training.batch_size, generator):
            yield self.store.batch(own_share(rows))

    def loss(self, model: torch.nn.Module, batch: AlignmentBatch) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the K-M3AID loss of a batch, its molecules and atoms compared with those of all processes."""
        return km3aid_loss(*of_all_processes(model(batch), batch.mppm, batch.carbon_counts), self.settings.objective)

    def validate(self, model: torch.nn.Module) -> Record:
        """Return losses and accuracies on full batches of the selection part, in one fixed order.

        With a shift head, `shift_mae` is the mean absolute error in ppm over the carbons of these batches.
        """
        sums: dict[str, float] = {}
        atom: list[float] = []
        shift: list[Tensor] = []
        generator = torch.Generator().manual_seed(0)
        count = 0
        for rows in batches(self.val_rows, self.settings.training.batch_size, generator):
            batch = self.store.batch(rows)
            projected = model(batch)
            loss, figures = km3aid_loss(projected, batch.mppm, batch.molecule, self.settings.objective)
            accuracy, back = in_batch_accuracy((projected.spectra @ projected.graphs.T).float().cpu().numpy())
            figures = {"loss": loss, **figures}
            record = {name: float(value) for name, value in figures.items()}
            record |= {"in_batch": accuracy, "in_batch_back": back}
            sums = {name: sums.get(name, 0.0) + value for name, value in record.items()}
            atom += curve_atom_accuracy(self.store, rows, on_cpu(projected))
            if projected.shifts is not None:
                shift.append((in_ppm(projected.shifts, CARBON)[0] - batch.mppm / 1000).abs())
            count += 1
        means = {f"val/{name}": value / count for name, value in sums.items()}
        errors = {"val/shift_mae": float(torch.cat(shift).mean())} if shift else {}
        return {**means, "val/atom": float(np.mean(atom)), **errors}


def load_spectrum_encoder(path: Path) -> SpectrumEncoder:
    """Return a spectrum encoder with the weights in `path`, in eval mode; raises InputError if they do not fit."""
    tensors, _ = load_checkpoint(path)
    encoder = SpectrumEncoder()
    try:
        encoder.load_state_dict(tensors)
    except RuntimeError as error:
        raise InputError(f"{path}: not the weights of a spectrum encoder ({error})") from None
    return encoder.eval()


@torch.no_grad()
def encode_spectra(encoder: SpectrumEncoder, store: AlignmentStore, size: int = 512) -> Tensor:
    """Return the frozen encoder's outputs for all molecules of the store, (G, 768) float32."""
    device = store.carbons.offsets.device
    encoder = encoder.to(device)
    rows = torch.arange(len(store), device=device)
    return torch.cat([encoder(store.spectra(chunk)) for chunk in rows.split(size)])


def build_model(settings: Km3aidRun) -> Km3aid:
    """Return a freshly initialised network, the same for the same seed."""
    seed_torch(epoch_seed(settings.training.seed, WEIGHTS_EPOCH))
    return Km3aid(settings.model, joint=settings.spectrum_encoder.mode == "joint")


def load_model(folder: Path) -> tuple[Km3aid, Km3aidRun, SpectrumEncoder | None]:
    """Return a trained network in eval mode with its settings and, unless it is joint, its frozen spectrum encoder."""
    tensors, state = load_checkpoint(folder / run_folder.WEIGHTS)
    settings = Km3aidRun.model_validate(state["settings"])
    frozen = {k.removeprefix("frozen."): v for k, v in tensors.items() if k.startswith("frozen.")}
    model = build_model(settings)
    model.load_state_dict({k: v for k, v in tensors.items() if not k.startswith("frozen.")})
    encoder = None
    if frozen:
        encoder = SpectrumEncoder().eval()
        encoder.load_state_dict(frozen)
    return model.eval(), settings, encoder


def _parts(store: AlignmentStore, split: Path, selection: str) -> dict[str, Tensor]:
    parts = store.rows_of(split)
    for part in ("train", "test", selection):
        if not len(parts.get(part, ())):
            raise InputError(f"{split}: the {part} part is empty")
    return parts


def _description(
    settings: Km3aidRun,
    model: Km3aid,
    encoder: SpectrumEncoder | None,
    parts: dict[str, Tensor],
    out: Path,
    **more: Any,
) -> dict[str, Any]:
    return {
        "method": "km3aid",
        "run_id": out.name,
        "label": settings.label,
        "settings": settings.model_dump(mode="json"),
        "git_commit": git_commit(),
        "parameters": {
            "trainable": count_parameters(model),
            "frozen": 0 if encoder is None else count_parameters(encoder),
        },
        "molecules": {part: len(rows) for part, rows in parts.items()},
        **more,
    }


def train(
    settings: Km3aidRun,
    alignment: Path,
    graphs: Path,
    split: Path,
    spectrum_encoder: Path,
    out: Path,
    checkpoints: Path,
    *,
    data_version: str = "unknown",
    uri: str | None = None,
) -> None:
    """Train K-M3AID, evaluate the selected epoch on val and test, and fill the run folder `out`.

    The epoch is selected on `settings.selection`; `test` is the published protocol. A checkpoint in
    `checkpoints` written for the same settings, code and inputs is gone on from, and removed at the end.
    """
    fabric = make_fabric(settings.training.precision)
    store = AlignmentStore.read(alignment, graphs).to(fabric.device)
    joint = settings.spectrum_encoder.mode == "joint"
    encoder = None if joint else load_spectrum_encoder(spectrum_encoder)
    if encoder is not None:
        store = store.with_embeddings(encode_spectra(encoder, store))
    parts = {part: rows.to(fabric.device) for part, rows in _parts(store, split, settings.selection).items()}
    model = build_model(settings)
    task = Km3aidTask(model, store, parts["train"], parts[settings.selection], settings)
    description = _description(
        settings, model, encoder, parts, out, data_version=data_version, device=str(fabric.device)
    )
    out.mkdir(parents=True, exist_ok=True)
    if fabric.is_global_zero:
        run_folder.write_settings(out, description)
    mirror = Mirror(out, uri)
    inputs = [alignment, graphs, split, *([] if joint else [spectrum_encoder])]
    identity = fit_identity(settings.model_dump(exclude={"label"}), "methods.km3aid.train", inputs)
    history = recorded_fit(task, settings.training, fabric, out, checkpoints, identity, mirror)
    _finish(out, settings, model, encoder, store, parts, history)
    forget_checkpoint(checkpoints)
    mirror.finish()


def _finish(
    out: Path,
    settings: Km3aidRun,
    model: Km3aid,
    encoder: SpectrumEncoder | None,
    store: AlignmentStore,
    parts: dict[str, Tensor],
    history: History,
) -> None:
    """Evaluate the selected weights and write history, assignments, weights and, last, metrics."""
    metrics: dict[str, Any] = {}
    table: list[dict[str, Any]] = []
    for part in ("val", "test"):
        if part in parts:
            intervals, table = evaluate(model, store, parts[part])
            metrics[part] = {name: interval.as_dict() for name, interval in sorted(intervals.items())}
    with TableWriter(out / run_folder.ASSIGNMENTS, ASSIGNMENTS) as writer:
        writer.write_rows(table)
    frozen = {} if encoder is None else {f"frozen.{name}": value for name, value in encoder.state_dict().items()}
    state = {"settings": settings.model_dump(mode="json")}
    save_checkpoint(out / run_folder.WEIGHTS, {**model.state_dict(), **frozen}, state)
    run_folder.write_metrics(
        out,
        {
            "best_epoch": history.best_epoch,
            "epochs": len(history.records),
            "selection": settings.selection,
            "parts": metrics,
        },
    )
