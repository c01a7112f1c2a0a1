"""Functional groups of a table of spectra, by a trained model."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from torch import Tensor

from spectraflow.errors import InputError
from spectraflow.evaluation.classification import group_metrics
from spectraflow.files import write_json
from spectraflow.methods.symspectra.baselines.build import text_modalities
from spectraflow.methods.symspectra.baselines.tokens import read_texts
from spectraflow.methods.symspectra.batch import GroupModel
from spectraflow.methods.symspectra.data import SpectraStore, read_labels
from spectraflow.methods.symspectra.models import Fitted, load_model
from spectraflow.tables import TableWriter, count_rows, group_probabilities_schema
from spectraflow.training import run_folder
from spectraflow.training.devices import job_device


def predict_table(
    run: Path,
    vectors: Path,
    out: Path,
    *,
    labels: Path | None = None,
    peaks: Path | None = None,
    metrics: Path | None = None,
) -> dict[str, int]:
    """Write a probability for each functional group of each molecule that has every spectrum the model reads.

    Args:
        run: run folder of any model of functional groups.
        vectors: vectors table; molecules that lack a spectrum of the run's modalities get no row.
        out: table of probabilities, one column a group.
        labels: labels table; with `metrics`, scores of the molecules in both are written as JSON.
        peaks: peaks table of the same molecules, for models that read text.

    Returns the counts ``molecules`` and ``predicted``. Raises InputError if no molecule can be predicted, if the labels
    are of other groups or of none of these molecules, or if `metrics` is asked for without labels.
    """
    if (labels is None) != (metrics is None):
        raise InputError("scores need both: the labels, and where to write them (metrics)")
    fitted = load_model(run / run_folder.WEIGHTS)
    store = _store(fitted, vectors, peaks)
    rows = torch.nonzero(store.complete).squeeze(1)
    if not len(rows):
        raise InputError(f"{vectors}: no molecule has all of {', '.join(store.modalities)}")
    names, probabilities = fitted.context.names, _probabilities(fitted, store, rows)
    ids = pa.array([store.molecule_ids[row] for row in rows.tolist()])
    scores = None if labels is None else _scores(labels, ids, probabilities, names)
    with TableWriter(out, group_probabilities_schema(names)) as writer:
        columns = [pa.array(column) for column in probabilities.astype(np.float32).T]
        writer.write(pa.Table.from_arrays([ids, *columns], names=["molecule_id", *names]))
    if metrics is not None:
        write_json(metrics, scores)
    return {"molecules": count_rows(vectors), "predicted": len(rows)}


def _probabilities(fitted: Fitted, store: SpectraStore, rows: Tensor) -> np.ndarray:
    if isinstance(fitted.model, GroupModel):
        device = job_device()
        fitted.model.to(device)
        store, rows = store.to(device), rows.to(device)
    return fitted.predict(store, rows)[1]


def _scores(labels: Path, ids: pa.Array, probabilities: np.ndarray, names: list[str]) -> dict[str, Any]:
    """Return the scores of the predicted molecules whose labels are known."""
    known = read_labels(labels)
    if known.names != names:
        raise InputError(f"{labels}: other functional groups than the model's")
    rows = known.rows_of(ids)
    if not (rows >= 0).any():
        raise InputError(f"{labels}: no known labels of the predicted molecules")
    found = group_metrics(known.values[rows[rows >= 0]] > 0.5, probabilities[rows >= 0], names)
    return {
        "molecules": int((rows >= 0).sum()),
        "metrics": {name: one.as_dict() for name, one in sorted(found.items())},
    }


def _store(fitted: Fitted, vectors: Path, peaks: Path | None) -> SpectraStore:
    settings, context = fitted.settings, fitted.context
    known = set(pq.read_schema(vectors).names)
    if missing := [name for name in settings.modalities if name not in known]:
        raise InputError(f"{vectors}: lacks {', '.join(missing)}, which the model reads")
    store = SpectraStore.read(vectors, None, settings.modalities)
    text = text_modalities(settings.kind, settings.modalities, settings.baseline)
    if not text:
        return store
    if peaks is None:
        raise InputError(f"the {settings.kind} reads peak lists: give the peaks table")
    tokens = read_texts(peaks, vectors, store.molecule_ids, text).encode(context.vocabulary)
    return replace(store, tokens=tokens)
