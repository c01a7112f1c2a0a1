"""Training and evaluation of one model of functional groups, SymSpectra or a baseline."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from spectraflow.errors import InputError
from spectraflow.methods.symspectra.baselines.build import build_tabular, text_modalities
from spectraflow.methods.symspectra.baselines.tokens import build_tokens
from spectraflow.methods.symspectra.data import SpectraStore
from spectraflow.methods.symspectra.evaluate import evaluate
from spectraflow.methods.symspectra.fitting import Augmenter, GroupTask, Trained
from spectraflow.methods.symspectra.imbalance import element_loss, mlsmote
from spectraflow.methods.symspectra.models import TABULAR, Context, Fitted, build_model, flat_vectors
from spectraflow.methods.symspectra.orders import label_order
from spectraflow.methods.symspectra.settings import SymspectraRun
from spectraflow.methods.symspectra.subsample import kept_molecules
from spectraflow.nn.parameters import count_parameters
from spectraflow.provenance import git_commit
from spectraflow.training import run_folder
from spectraflow.training.checkpoint import fit_identity
from spectraflow.training.devices import make_fabric, peak_memory
from spectraflow.training.fit import History
from spectraflow.training.recorded_fit import forget_checkpoint, recorded_fit
from spectraflow.training.tracking import Mirror

if TYPE_CHECKING:
    from lightning_fabric import Fabric


@dataclass(frozen=True)
class Tables:
    """Tables of one data set: `vectors`, `labels` and `split`; `peaks` for models that read text."""

    vectors: Path
    labels: Path
    split: Path
    peaks: Path | None = None

    @property
    def paths(self) -> list[Path]:
        """Return those that there are."""
        return [path for path in (self.vectors, self.labels, self.split, self.peaks) if path is not None]


@dataclass(frozen=True)
class Data:
    """The molecules of a run: all of them, the rows of each part, and the vocabulary of their text."""

    store: SpectraStore
    parts: dict[str, Tensor]
    vocabulary: list[str]


def read_data(settings: SymspectraRun, tables: Tables) -> Data:
    """Return what a run trains and is tested on.

    val and test are the molecules that have every required spectrum; train too, unless `missing` is keep. Synthetic
    samples of rare groups follow the measured molecules in train; the control exchanges spectra within each part.
    Raises InputError for an empty part.
    """
    store = SpectraStore.read(tables.vectors, tables.labels, settings.modalities, settings.required)
    parts = {}
    for part, rows in store.rows_of(tables.split).items():
        partial = part == "train" and settings.missing == "keep"
        parts[part] = rows if partial else rows[store.complete[rows]]
    if empty := [part for part in ("train", "val", "test") if not len(parts.get(part, ()))]:
        raise InputError(f"{tables.split}: no molecules with all required spectra in {' and '.join(empty)}")
    parts["train"] = _subsampled(settings, store, parts["train"])
    store, vocabulary = _with_tokens(settings, store, parts["train"], tables)
    if settings.imbalance.strategy == "mlsmote":
        store, parts["train"] = _oversampled(settings, store, parts["train"])
    if settings.permuted:
        store = store.permuted([parts[part] for part in ("train", "val", "test")], settings.training.seed)
    return Data(store, parts, vocabulary)


def _subsampled(settings: SymspectraRun, store: SpectraStore, rows: Tensor) -> Tensor:
    ids, labels = [store.molecule_ids[row] for row in rows.tolist()], store.labels[rows].numpy() > 0.5
    return rows[torch.from_numpy(kept_molecules(ids, labels, store.names, settings.subsample))]


def _with_tokens(
    settings: SymspectraRun, store: SpectraStore, train_rows: Tensor, tables: Tables
) -> tuple[SpectraStore, list[str]]:
    text = text_modalities(settings.kind, settings.modalities, settings.baseline)
    if not text:
        return store, []
    if tables.peaks is None:
        raise InputError(f"the {settings.kind} reads peak lists: give the peaks table")
    tokens, vocabulary = build_tokens(tables.peaks, tables.vectors, store.molecule_ids, text, train_rows.tolist())
    return replace(store, tokens=tokens), vocabulary


def _oversampled(settings: SymspectraRun, store: SpectraStore, train_rows: Tensor) -> tuple[SpectraStore, Tensor]:
    samples = mlsmote(
        store.vectors[train_rows].numpy(),
        store.labels[train_rows].numpy() > 0.5,
        settings.imbalance,
        settings.training.seed,
        present=store.present[train_rows].numpy(),
    )
    added = torch.arange(len(store), len(store) + len(samples.labels))
    return store.extended(samples), torch.cat([train_rows, added])


def make_context(settings: SymspectraRun, data: Data) -> Context:
    """Return what a model is built with: order and rates of groups come from the training part."""
    labels, names = data.store.labels[data.parts["train"]], data.store.names
    order = label_order(settings.network.order, labels.numpy() > 0.5, names, settings.network.order_seed)
    return Context(names, order, labels.mean(0).tolist(), data.vocabulary)


def train(
    settings: SymspectraRun,
    tables: Tables,
    out: Path,
    checkpoints: Path,
    *,
    data_version: str = "unknown",
    uri: str | None = None,
) -> None:
    """Train a model of functional groups, evaluate it on val and test, and fill the run folder `out`.

    A checkpoint in `checkpoints` written for the same settings, code and inputs is gone on from, and removed at the
    end.
    """
    fabric = make_fabric(settings.training.precision)
    data = read_data(settings, tables)
    context = make_context(settings, data)
    out.mkdir(parents=True, exist_ok=True)
    mirror = Mirror(out, uri)
    description = _description(settings, data, context, out, data_version, str(fabric.device))
    started = time.perf_counter()
    tabular = settings.kind in TABULAR
    if tabular:
        fitted, history = _fit_tabular(settings, data, context, out, description), History()
    else:
        identity = fit_identity(settings.model_dump(exclude={"label"}), "methods.symspectra.train", tables.paths)
        network = build_model(settings, context)
        description["parameters"] = {"trainable": count_parameters(network)}
        if fabric.is_global_zero:
            run_folder.write_settings(out, description)
        task = _task(settings, Trained(network), data, fabric)
        history = recorded_fit(task, settings.training, fabric, out, checkpoints, identity, mirror)
        fitted = Fitted(settings, context, network)
    # a resumed fit counts the epochs before it was killed as well
    seconds = sum(record["seconds"] for record in history.records) or time.perf_counter() - started
    cost = {"seconds": seconds, "peak_memory_gb": peak_memory(torch.device("cpu") if tabular else fabric.device)}
    _finish(out, fitted, data, history, cost, fabric.device)
    forget_checkpoint(checkpoints)
    mirror.finish()


def _description(
    settings: SymspectraRun, data: Data, context: Context, out: Path, data_version: str, device: str
) -> dict[str, Any]:
    return {
        "method": "symspectra",
        "run_id": out.name,
        "label": settings.label,
        "settings": settings.model_dump(mode="json"),
        "git_commit": git_commit(),
        "molecules": {part: len(rows) for part, rows in data.parts.items()},
        "groups": context.names,
        "order": context.order,
        "data_version": data_version,
        "device": device,
    }


def _fit_tabular(
    settings: SymspectraRun, data: Data, context: Context, out: Path, description: Mapping[str, Any]
) -> Fitted:
    run_folder.write_settings(out, description)
    rows = data.parts["train"]
    model = build_tabular(settings.kind, settings.baseline)
    model.fit(flat_vectors(data.store, rows), data.store.labels[rows].numpy(), settings.training.seed)
    run_folder.write_history(out, [])
    return Fitted(settings, context, model)


def _task(settings: SymspectraRun, model: Trained, data: Data, fabric: "Fabric") -> GroupTask:
    store = data.store.to(fabric.device)
    train_rows, val_rows = (data.parts[part].to(fabric.device) for part in ("train", "val"))
    loss = element_loss(settings.imbalance, store.labels[train_rows]).to(fabric.device)
    augmenter = Augmenter(settings.augmentation, store, train_rows)
    return GroupTask(model, store, augmenter, val_rows, loss, settings.training)


def _finish(
    out: Path, fitted: Fitted, data: Data, history: History, cost: Mapping[str, float], device: torch.device
) -> None:
    """Evaluate the selected weights and write predictions, weights and, last, metrics."""
    store, parts = data.store.to(device), {part: rows.to(device) for part, rows in data.parts.items()}
    scores = evaluate(fitted, store, parts, out / run_folder.GROUP_PREDICTIONS)
    fitted.save(out / run_folder.WEIGHTS)
    metrics = {
        "best_epoch": history.best_epoch,
        "epochs": len(history.records),
        "selection": "val",
        "cost": dict(cost),
        "parts": scores,
    }
    run_folder.write_metrics(out, metrics)
