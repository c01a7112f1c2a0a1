"""The targets of a properties table as a matrix, and what the table says of them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from spectraflow.errors import InputError
from spectraflow.tables import PROPERTIES, named_faults

FACTS = "spectraflow.properties"
"""Key of the file's metadata under which task, cleaning, kind, targets, raw_sha256 and rdkit stand as JSON."""


def read_facts(properties: Path) -> dict[str, Any]:
    """Return task, cleaning, kind, targets, raw_sha256 and rdkit of a properties table, from its metadata.

    Raises InputError if the file is missing or does not say them.
    """
    if not Path(properties).exists():
        raise InputError(f"{properties}: no such properties table")
    with named_faults(properties):
        metadata = pq.read_schema(properties).metadata or {}
    if FACTS.encode() not in metadata:
        raise InputError(f"{properties}: the table does not say what its targets are")
    facts: dict[str, Any] = json.loads(metadata[FACTS.encode()])
    return facts


def target_matrix(table: pa.Table, targets: int) -> NDArray[np.float64]:
    """Return the targets of a properties table, (rows, targets); NaN = not measured.

    Raises InputError naming the first row with another number of targets.
    """
    column = table["targets"].combine_chunks()
    lengths = column.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
    if (lengths != targets).any():
        row = int(np.flatnonzero(lengths != targets)[0])
        name = table["molecule_id"][row].as_py()
        raise InputError(f"{name} has {lengths[row]} targets, the task has {targets}")
    values = column.flatten().to_numpy(zero_copy_only=False).astype(np.float64)
    return np.asarray(values.reshape(table.num_rows, targets))


def target_lists(values: NDArray[np.float64]) -> pa.Array:
    """Return rows of targets, (rows, targets), as the column of a properties table; NaN becomes null."""
    rows, targets = values.shape
    offsets = np.arange(rows + 1, dtype=np.int32) * targets
    flat = pa.array(values.ravel().astype(np.float32), from_pandas=True)
    return pa.ListArray.from_arrays(offsets, flat, type=PROPERTIES.field("targets").type)
