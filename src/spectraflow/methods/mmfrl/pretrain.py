"""Pre-training of one encoder: a D-MPNN learns the similarities of a modality, and is kept for models of tasks."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from spectraflow.errors import ConfigError, InputError
from spectraflow.methods.mmfrl.pretraining_store import PretrainingStore, used_modalities
from spectraflow.methods.mmfrl.pretraining_task import Learner, PretrainingTask, find_temperatures
from spectraflow.methods.mmfrl.settings import EMBEDDED, EncoderSettings, Modality, PretrainingRun, ReleasedWeights
from spectraflow.methods.mmfrl.temperatures import effective_neighbours
from spectraflow.nn.dmpnn import Dmpnn
from spectraflow.nn.parameters import count_parameters
from spectraflow.provenance import git_commit
from spectraflow.settings import check
from spectraflow.training import run_folder
from spectraflow.training.checkpoint import fit_identity, load_checkpoint, save_checkpoint
from spectraflow.training.devices import make_fabric, peak_memory
from spectraflow.training.fit import History
from spectraflow.training.recorded_fit import forget_checkpoint, recorded_fit
from spectraflow.training.seeds import WEIGHTS_EPOCH, epoch_seed, seed_torch
from spectraflow.training.tracking import Mirror

if TYPE_CHECKING:
    from lightning_fabric import Fabric

HELD_OUT = "held_out"


def pretrain(
    settings: PretrainingRun,
    pretraining: Path,
    graphs: Path,
    targets: Mapping[Modality, Path],
    out: Path,
    checkpoints: Path,
    *,
    data_version: str = "unknown",
    uri: str | None = None,
) -> None:
    """Train an encoder, or take a published one, and fill the run folder `out`; `load_encoder` reads it.

    A checkpoint in `checkpoints` written for the same settings, code and inputs is gone on from, and removed at the
    end.

    Args:
        settings: of the run.
        pretraining: PRETRAINING table.
        graphs: its molecular graphs.
        targets: target embeddings of the modalities that the run uses; fingerprint and peak need none.
        out: run folder.
        checkpoints: folder.
        data_version: version of the raw data, for tracking.
        uri: MLflow store, or None.
    """
    fabric = make_fabric(settings.training.precision)
    used = {name: path for name, path in targets.items() if name in used_modalities(settings)}
    store = PretrainingStore.read(settings, pretraining, graphs, used).to(fabric.device)
    seed_torch(epoch_seed(settings.training.seed, WEIGHTS_EPOCH))
    task = PretrainingTask(Learner(settings), store, settings, find_temperatures(store, settings))
    out.mkdir(parents=True, exist_ok=True)
    if fabric.is_global_zero:
        run_folder.write_settings(out, _description(task, out, data_version, str(fabric.device)))
    mirror = Mirror(out, uri)
    if settings.released is None:
        identity = fit_identity(settings.model_dump(), "methods.mmfrl.pretrain", [pretraining, graphs, *used.values()])
        history = recorded_fit(task, settings.training, fabric, out, checkpoints, identity, mirror)
    else:
        history = _judge_released(task, settings.released, fabric, out)
    _finish(out, task, history, fabric)
    forget_checkpoint(checkpoints)
    mirror.finish()


def _judge_released(task: PretrainingTask, released: ReleasedWeights, fabric: "Fabric", out: Path) -> History:
    """Put published weights into the model; the history without a fit holds what they reach on held-out molecules."""
    from spectraflow.methods.mmfrl.public_weights import load_released_encoder

    if task.settings.loss.projection != "none":
        raise ConfigError("a released encoder has no projection to be judged with: set loss.projection to none")
    encoder = load_released_encoder(Path(released.weights), released.sha256, task.settings.encoder)
    task.model.encoder.load_state_dict(encoder.state_dict())
    task.model.to(fabric.device).eval()
    with torch.no_grad():
        record = {"epoch": 0, "seconds": 0.0, **task.validate(task.model)}
    run_folder.write_history(out, [record])
    return History([record], 0)


def _description(task: PretrainingTask, out: Path, data_version: str, device: str) -> dict[str, Any]:
    settings, parts = task.settings, task.store.parts
    public = settings.targets.source != "project" and not set(EMBEDDED).isdisjoint(task.temperatures)
    return {
        "method": "mmfrl-encoder",
        "run_id": out.name,
        "label": settings.modality,
        "settings": settings.model_dump(mode="json"),
        "git_commit": git_commit(),
        "data_version": data_version,
        "device": device,
        "parameters": {"trainable": count_parameters(task.model)},
        "molecules": {"train": len(parts.train), HELD_OUT: len(parts.held_out)},
        "temperatures": dict(task.temperatures),
        "leaks": settings.dedupe == "none" or public or settings.released is not None,
        "trained_on": [task.store.molecule_ids[row] for row in parts.train.tolist() if settings.released is None],
    }


def _finish(out: Path, task: PretrainingTask, history: History, fabric: "Fabric") -> None:
    """Write weights and, last, metrics."""
    encoder, best = task.model.encoder, history.records[history.best_epoch]
    batch = task.store.parts.train[: task.settings.training.batch_size]
    figures = {name.removeprefix("val/"): value for name, value in best.items() if name.startswith("val/")}
    figures["target_neighbours"] = effective_neighbours(task.targets(batch))
    state = {"encoder": task.settings.encoder.model_dump(mode="json")}
    save_checkpoint(out / run_folder.WEIGHTS, dict(encoder.state_dict()), state)
    metrics = {
        "best_epoch": history.best_epoch,
        "epochs": len(history.records),
        "selection": HELD_OUT,
        "cost": {
            "seconds": sum(record["seconds"] for record in history.records),
            "peak_memory_gb": peak_memory(fabric.device),
        },
        "parts": {HELD_OUT: {name: {"value": value} for name, value in figures.items()}},
    }
    run_folder.write_metrics(out, metrics)


def load_encoder(folder: Path) -> Dmpnn:
    """Return the encoder of a run folder that `pretrain` filled, in eval mode; raises InputError if it holds none."""
    path = folder / run_folder.WEIGHTS
    tensors, state = load_checkpoint(path)
    if "encoder" not in state:
        raise InputError(f"{path}: not the weights of a pre-trained encoder")
    encoder = Dmpnn(**check(EncoderSettings, state["encoder"], str(path)).model_dump())
    try:
        encoder.load_state_dict(tensors)
    except RuntimeError as error:
        raise InputError(f"{path}: weights of another encoder ({error})") from None
    return encoder.eval()
