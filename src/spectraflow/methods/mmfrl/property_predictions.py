"""Predicted properties as a table: written by every model of a task, read by whoever compares them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from spectraflow.errors import InputError
from spectraflow.tables import PROPERTY_PREDICTIONS, TableWriter, read_table

if TYPE_CHECKING:
    from spectraflow.methods.mmfrl.property_store import PropertyStore


@dataclass(frozen=True)
class Predictions:
    """Predictions of one part: `molecule_ids` (n), `measured` (n, T), NaN where nothing was, `predicted` (n, T)."""

    molecule_ids: list[str]
    measured: np.ndarray
    predicted: np.ndarray


def write_predictions(path: Path, store: "PropertyStore", predicted: Mapping[str, np.ndarray]) -> None:
    """Write the predictions (n, T) of each part, in the order of its rows."""
    with TableWriter(path, PROPERTY_PREDICTIONS) as writer:
        for part, values in predicted.items():
            ids = [store.molecule_ids[row] for row in store.parts[part].tolist()]
            measured = store.measured(part)
            columns = [pa.array(ids), pa.array([part] * len(ids)), _lists(measured), _lists(values)]
            writer.write(pa.Table.from_arrays(columns, schema=PROPERTY_PREDICTIONS))


def _lists(values: np.ndarray) -> pa.ListArray:
    offsets = np.arange(len(values) + 1, dtype=np.int32) * values.shape[1]
    flat = pa.array(values.astype(np.float32).ravel(), from_pandas=True)  # NaN becomes null
    return pa.ListArray.from_arrays(offsets, flat)


def read_predictions(path: Path, part: str) -> Predictions:
    """Return the predictions of one part in the order of the file.

    Raises InputError if it has none, or if rows have different numbers of targets.
    """
    table = read_table(path, PROPERTY_PREDICTIONS)
    table = table.filter(pc.equal(table["part"], part)).combine_chunks()
    if not table.num_rows:
        raise InputError(f"{path}: no predictions of {part}")
    measured, predicted = (_matrix(table[name], path) for name in ("measured", "predicted"))
    return Predictions(table["molecule_id"].to_pylist(), measured, predicted)


def _matrix(column: pa.ChunkedArray, path: Path) -> np.ndarray:
    lengths = np.unique(pc.list_value_length(column).to_numpy())
    if len(lengths) != 1:
        raise InputError(f"{path}: rows with different numbers of targets")
    flat = pc.list_flatten(column).to_numpy()
    return flat.astype(np.float64).reshape(-1, int(lengths[0]))
