"""Scores of a trained model of functional groups on val and test, and its predictions as a table."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from torch import Tensor

from spectraflow.evaluation.classification import group_metrics
from spectraflow.evaluation.thresholds import tuned_thresholds
from spectraflow.methods.symspectra.data import SpectraStore
from spectraflow.methods.symspectra.models import Fitted
from spectraflow.tables import TableWriter, group_predictions_schema


def evaluate(
    model: Fitted, store: SpectraStore, parts: Mapping[str, Tensor], predictions: Path, seed: int = 0
) -> dict[str, dict[str, Any]]:
    """Return the scores of val and test as JSON values, and write every prediction to the table `predictions`.

    The scores of test with thresholds tuned on val, one a label, stand under ``tuned/`` beside those at 0.5.
    """
    found: dict[str, dict[str, Any]] = {}
    labels: dict[str, np.ndarray] = {}
    probabilities: dict[str, np.ndarray] = {}
    with TableWriter(predictions, group_predictions_schema(len(store.names))) as writer:
        for part in ("val", "test"):
            labels[part], probabilities[part] = model.predict(store, parts[part])
            metrics = group_metrics(labels[part], probabilities[part], store.names, seed)
            if part == "test":
                tuned = tuned_thresholds(labels["val"], probabilities["val"])
                scores = group_metrics(labels[part], probabilities[part], store.names, seed, threshold=tuned)
                metrics |= {f"tuned/{name}": value for name, value in scores.items() if _headline(name)}
            found[part] = {name: interval.as_dict() for name, interval in sorted(metrics.items())}
            ids = [store.molecule_ids[row] for row in parts[part].tolist()]
            writer.write(_predictions(ids, part, labels[part], probabilities[part]))
    return found


def _headline(name: str) -> bool:
    return not name.startswith(("groups/label/", "groups/count/"))


def _predictions(ids: Sequence[str], part: str, labels: np.ndarray, probabilities: np.ndarray) -> pa.Table:
    groups = labels.shape[1]
    schema = group_predictions_schema(groups)
    columns = [
        pa.array(ids, pa.string()),
        pa.array([part] * len(ids), pa.string()),
        pa.FixedSizeListArray.from_arrays(pa.array(probabilities.astype(np.float32).ravel()), groups),
        pa.FixedSizeListArray.from_arrays(pa.array(labels.ravel()), groups),
    ]
    return pa.Table.from_arrays([c.cast(f.type) for c, f in zip(columns, schema, strict=True)], schema=schema)
