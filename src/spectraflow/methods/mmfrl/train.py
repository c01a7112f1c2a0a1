"""Training and evaluation of one model of a MoleculeNet task: MMFRL's, from scratch or pre-trained, or a baseline."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from spectraflow.errors import ConfigError, InputError
from spectraflow.methods.mmfrl.baselines import baseline_predictions
from spectraflow.methods.mmfrl.property_metrics import property_metrics, target_counts
from spectraflow.methods.mmfrl.property_model import (
    NEURAL,
    PropertyModel,
    build_model,
    encoder_settings,
    load_pretrained,
)
from spectraflow.methods.mmfrl.property_predictions import write_predictions
from spectraflow.methods.mmfrl.property_store import PropertyStore, TaskTables
from spectraflow.methods.mmfrl.property_task import PropertyTask, Trained
from spectraflow.methods.mmfrl.settings import WITHOUT_GRAPHS, PropertyRun
from spectraflow.nn.parameters import count_parameters
from spectraflow.provenance import git_commit
from spectraflow.training import run_folder
from spectraflow.training.checkpoint import fit_identity, save_checkpoint
from spectraflow.training.devices import make_fabric, peak_memory
from spectraflow.training.fit import History
from spectraflow.training.recorded_fit import forget_checkpoint, recorded_fit
from spectraflow.training.tracking import Mirror

if TYPE_CHECKING:
    from spectraflow.methods.mmfrl.molecular_graphs import MolecularGraphs

EVALUATED = ("val", "test")


def train(
    settings: PropertyRun,
    tables: TaskTables,
    out: Path,
    checkpoints: Path,
    encoders: Sequence[Path] = (),
    *,
    data_version: str = "unknown",
    uri: str | None = None,
) -> None:
    """Train a model of a task, evaluate it on val and test, and fill the run folder `out`.

    A checkpoint in `checkpoints` written for the same settings, code and inputs is gone on from, and removed at the
    end. A task without any evaluable target in test ends with the status `undefined` in metrics.json.

    Args:
        settings: of the run.
        tables: files of the task; networks need its graphs.
        out: run folder.
        checkpoints: folder for checkpoints.
        encoders: run folders of the pre-trained encoders, in the order of `settings.pretraining`.
        data_version: of the raw data, for tracking.
        uri: MLflow store; None to log to files alone.

    Raises:
        InputError: a file is missing or does not fit the others or the settings.
        ConfigError: the fit diverged.
    """
    store = PropertyStore.read(tables, settings.molecules, settings.split_seed)
    out.mkdir(parents=True, exist_ok=True)
    mirror, started, history = Mirror(out, uri), time.perf_counter(), History()
    description = _description(settings, store, out, data_version)
    if settings.kind in NEURAL:
        fabric = make_fabric(settings.training.precision)
        graphs = _read_graphs(settings, tables, store).to(fabric.device)
        network = build_model(settings, len(store.names))
        load_pretrained(network, settings, encoders)
        model = PropertyModel(settings, store.names, store.kind, store.scale, network, graphs)
        description |= {"device": str(fabric.device), "parameters": {"trainable": count_parameters(network)}}
        if fabric.is_global_zero:
            run_folder.write_settings(out, description)
        identity = _identity(settings, tables, encoders)
        history = recorded_fit(_task(model, store), settings.training, fabric, out, checkpoints, identity, mirror)
        predicted = {part: model.predict(store.parts[part].to(fabric.device)) for part in EVALUATED}
        model.save(out / run_folder.WEIGHTS)
        device = fabric.device
    else:
        run_folder.write_settings(out, description)
        predicted = _other_predictions(settings, store, checkpoints)
        run_folder.write_history(out, [])
        save_checkpoint(out / run_folder.WEIGHTS, {}, {"settings": settings.model_dump(mode="json"), "kept": False})
        device = torch.device("cpu")
    # a resumed fit counts the epochs before it was killed as well
    seconds = sum(record["seconds"] for record in history.records) or time.perf_counter() - started
    _finish(out, settings, store, predicted, history, {"seconds": seconds, "peak_memory_gb": peak_memory(device)})
    forget_checkpoint(checkpoints)
    mirror.finish()


def _description(settings: PropertyRun, store: PropertyStore, out: Path, data_version: str) -> dict[str, Any]:
    return {
        "method": "mmfrl",
        "run_id": out.name,
        "label": settings.label,
        "settings": settings.model_dump(mode="json"),
        "git_commit": git_commit(),
        "molecules": {part: len(rows) for part, rows in store.parts.items()},
        "targets": store.names,
        "kind": store.kind,
        "data_version": data_version,
        "device": "cpu",
    }


def _identity(settings: PropertyRun, tables: TaskTables, encoders: Sequence[Path]) -> str:
    weights = [folder / run_folder.WEIGHTS for folder in encoders]
    return fit_identity(settings.model_dump(exclude={"label"}), "methods.mmfrl.train", [*tables.paths, *weights])


def _read_graphs(settings: PropertyRun, tables: TaskTables, store: PropertyStore) -> "MolecularGraphs":
    from spectraflow.methods.mmfrl.molecular_graphs import MolecularGraphs

    if tables.graphs is None:
        raise InputError(f"a {settings.kind} model reads graphs: give the graphs of the task")
    graphs = MolecularGraphs.read(tables.graphs, encoder_settings(settings)[0].featuriser)
    if graphs.molecule_ids != store.molecule_ids:
        raise InputError(f"{tables.graphs}: not the molecules of {tables.properties}, in their order")
    return graphs


def _task(model: PropertyModel, store: PropertyStore) -> PropertyTask:
    device = model.graphs.atoms.offsets.device
    return PropertyTask(
        model=Trained(model.network),
        graphs=model.graphs,
        targets=store.targets.to(device),
        scale=store.scale,
        kind=store.kind,
        train_rows=store.parts["train"].to(device),
        val_rows=store.parts["val"].to(device),
        training=model.settings.training,
        selection=model.settings.selection,
    )


def _other_predictions(settings: PropertyRun, store: PropertyStore, work: Path) -> dict[str, np.ndarray]:
    if settings.kind in WITHOUT_GRAPHS:
        return baseline_predictions(settings, store)
    from spectraflow.methods.mmfrl.chemprop_peer import train_chemprop

    return train_chemprop(settings, store, work)


def _finish(
    out: Path,
    settings: PropertyRun,
    store: PropertyStore,
    predicted: Mapping[str, np.ndarray],
    history: History,
    cost: Mapping[str, float],
) -> None:
    """Write predictions and, last, metrics: those of the predictions as they are stored."""
    stored = {part: np.asarray(predicted[part], np.float32) for part in EVALUATED}
    if not all(np.isfinite(values).all() for values in stored.values()):
        raise ConfigError("predictions are not finite numbers: the fit diverged; take a lower learning rate")
    write_predictions(out / run_folder.GROUP_PREDICTIONS, store, stored)
    scores, counts = {}, {}
    for part, values in stored.items():
        measured = store.measured(part)
        found = property_metrics(measured, values, store.kind, store.names)
        scores[part] = {name: interval.as_dict() for name, interval in sorted(found.items())}
        counts[part] = target_counts(measured, store.kind, store.names)
    metrics = {
        "status": counts["test"]["status"],
        "best_epoch": history.best_epoch,
        "epochs": len(history.records),
        "selection": settings.selection,
        "cost": dict(cost),
        "targets": counts,
        "parts": scores,
    }
    run_folder.write_metrics(out, metrics)
