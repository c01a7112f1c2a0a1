"""Target embeddings of the pre-training molecules, made once: SMILES, depictions or 13C spectra to vectors."""

from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from spectraflow.errors import ConfigError, InputError
from spectraflow.files import atomic_path, write_json
from spectraflow.methods.mmfrl.image_modality import image_task
from spectraflow.methods.mmfrl.nmr_modality import nmr_task
from spectraflow.methods.mmfrl.pretraining_parts import PretrainingParts, pretraining_parts
from spectraflow.methods.mmfrl.settings import EMBEDDED, Modality, PretrainingRun
from spectraflow.methods.mmfrl.smiles_modality import smiles_task
from spectraflow.methods.mmfrl.targets_similarity import cosine
from spectraflow.nn.parameters import count_parameters
from spectraflow.settings import TrainingSettings
from spectraflow.store.ragged import Ragged, from_list_columns
from spectraflow.tables import PRETRAINING, read_table
from spectraflow.training.checkpoint import fit_identity
from spectraflow.training.devices import make_fabric
from spectraflow.training.fit import Task, fit
from spectraflow.training.recorded_fit import CHECKPOINT, forget_checkpoint
from spectraflow.training.seeds import WEIGHTS_EPOCH, epoch_seed, seed_torch

COMPARED = 2000
"""Molecules at most whose cosines are reported."""


class EmbeddingTask(Task, Protocol):
    """A task whose model embeds molecules once it is trained."""

    def embeddings(self, rows: Tensor) -> Tensor:
        """Return the embeddings of rows (R,) of the pre-training table, (R, d) float32 on the CPU."""


def embedding_settings(settings: PretrainingRun, modality: Modality) -> dict[str, Any]:
    """Return what the embeddings of a modality depend on, as it enters their id; weights are named by checksum."""
    targets = settings.targets
    shared = {"modality": modality, "dedupe": settings.dedupe, "source": targets.source}
    own = getattr(targets, modality)
    if targets.source != "project":
        drawing = {"size": own.size} if modality == "image" else {}
        return {**shared, **drawing, "sha256": targets.sha256}
    drawn = {"molecules": settings.molecules, "held_out": settings.held_out, "seed": settings.training.seed}
    return {**shared, **drawn, "encoder": own.model_dump(mode="json")}


def embed_modality(
    settings: PretrainingRun,
    modality: Modality,
    pretraining: Path,
    out: Path,
    checkpoints: Path,
    processes: int = 1,
) -> None:
    """Write the embeddings of all molecules of a PRETRAINING table to `out`, and what made them to `out`.json.

    The encoder is trained here, on the molecules that the encoder of graphs will be trained on, unless the settings
    name public weights. `out` is .npy, (N, d) float16 with the rows of the table.

    Args:
        settings: of the pre-training; `embedding_settings` says which of them count.
        modality: one of EMBEDDED.
        pretraining: the table.
        out: file to write.
        checkpoints: folder for the checkpoint of a training that is killed.
        processes: that draw depictions.

    Raises:
        ConfigError: the modality has no embeddings, or not from this public source.
        InputError: the table cannot be used, or an embedding does not fit float16.
    """
    if modality not in EMBEDDED:
        raise ConfigError(f"{modality} needs no embeddings; those that do are {', '.join(EMBEDDED)}")
    table = read_table(pretraining, PRETRAINING)
    report: dict[str, Any] = {"settings": embedding_settings(settings, modality), "molecules": table.num_rows}
    if settings.targets.source == "project":
        embeddings = _trained(settings, modality, table, pretraining, checkpoints, processes, report)
    else:
        from spectraflow.methods.mmfrl.public_weights import public_embeddings

        smiles, shifts = table["smiles"].to_pylist(), _shifts(table)
        embeddings = public_embeddings(settings.targets, modality, smiles, shifts, processes)
    report["dimensions"] = embeddings.shape[1]
    report["leaks"] = settings.targets.source != "project" or settings.dedupe == "none"
    report["mean_cosine"] = _mean_cosines(embeddings)
    _write(out, embeddings)
    write_json(out.with_suffix(".json"), report)
    forget_checkpoint(checkpoints)


def _trained(
    settings: PretrainingRun,
    modality: Modality,
    table: pa.Table,
    path: Path,
    checkpoints: Path,
    processes: int,
    report: dict[str, Any],
) -> Tensor:
    training: TrainingSettings = getattr(settings.targets, modality).training
    fabric = make_fabric(training.precision)
    parts = pretraining_parts(table["first_block"].to_pylist(), settings)
    seed_torch(epoch_seed(training.seed, WEIGHTS_EPOCH))
    task = _task(settings, modality, table, parts, fabric.device, processes)
    identity = fit_identity(embedding_settings(settings, modality), "methods.mmfrl.embed", [path])
    history = fit(task, training, fabric, checkpoints / CHECKPOINT, identity)
    report["parts"] = {"train": len(parts.train), "held_out": len(parts.held_out)}
    report["parameters"] = count_parameters(task.model)
    report["best_epoch"], report["history"] = history.best_epoch, history.records
    return task.embeddings(torch.arange(table.num_rows))


def _task(
    settings: PretrainingRun,
    modality: Modality,
    table: pa.Table,
    parts: PretrainingParts,
    device: torch.device,
    processes: int,
) -> EmbeddingTask:
    if modality == "smiles":
        return smiles_task(settings.targets.smiles, table["smiles"].to_pylist(), parts, device)
    if modality == "image":
        return image_task(settings.targets.image, table["smiles"].to_pylist(), parts, device, processes)
    return nmr_task(settings.targets.nmr, _shifts(table), parts, device)


def _shifts(table: pa.Table) -> Ragged:
    shifts = from_list_columns(table, ["shift_ppm"], np.float32)
    return Ragged(shifts.values[:, 0], shifts.offsets)


def _mean_cosines(embeddings: Tensor) -> dict[str, float]:
    """Return the mean cosine of different molecules, as they are and with the mean embedding subtracted."""
    some = embeddings[:COMPARED].float()
    pairs = ~torch.eye(len(some), dtype=torch.bool)
    return {
        "as_it_is": float(cosine(some)[pairs].mean()),
        "centred": float(cosine(some, embeddings.float().mean(0))[pairs].mean()),
    }


def _write(out: Path, embeddings: Tensor) -> None:
    values = embeddings.numpy().astype(np.float16)
    if not np.isfinite(values).all():
        raise InputError(f"{out}: an embedding is no finite number of 16 bits; its encoder has not learnt")
    with atomic_path(out) as temporary, temporary.open("wb") as file:
        np.save(file, values)


def read_embeddings(path: Path, rows: int) -> Tensor:
    """Return what `embed_modality` wrote, (rows, d) float16; raises InputError for anything else."""
    try:
        values = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not a file of embeddings ({error})") from error
    if not isinstance(values, np.ndarray) or values.ndim != 2 or values.dtype != np.float16:
        raise InputError(f"{path}: not a file of embeddings (expected a matrix of 16-bit numbers)")
    if len(values) != rows:
        raise InputError(f"{path}: {len(values)} embeddings, but {rows} pre-training molecules")
    if not np.isfinite(values).all():
        raise InputError(f"{path}: an embedding is not a finite number")
    return torch.from_numpy(values)
