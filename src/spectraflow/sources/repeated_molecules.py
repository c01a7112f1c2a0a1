"""Molecules that a property table has several times: how often, with which labels, and made one."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from spectraflow.sources.moleculenet_files import Kind
from spectraflow.sources.property_targets import target_lists, target_matrix

LARGEST_SPREAD = 0.5
"""In the unit of the target: equal molecules whose numbers differ by more are dropped when they are merged."""
_ROUNDING = 1e-5


@dataclass(frozen=True)
class Merged:
    """A table without repeated molecules, and what became of the rows it lacks."""

    table: pa.Table
    merged: int
    dropped: int
    conflicting_labels: int


def repeated_groups(keys: Sequence[str]) -> list[list[int]]:
    """Return the positions of the keys that occur more than once, a list a key, in order of the first."""
    places: defaultdict[str, list[int]] = defaultdict(list)
    for place, key in enumerate(keys):
        places[key].append(place)
    return [group for group in places.values() if len(group) > 1]


def count_repeats(keys: Sequence[str], values: NDArray[np.float64]) -> dict[str, int]:
    """Return how many keys are repeated (``groups``), and how many of these have unlike targets (``conflicting``)."""
    groups = repeated_groups(keys)
    return {"groups": len(groups), "conflicting": sum(bool((_spread(values[group]) > 0).any()) for group in groups)}


def merge_repeated(table: pa.Table, targets: int, kind: Kind) -> Merged:
    """Make one row, the first, of all rows with the same full InChIKey; molecules without one are left alone.

    Equal classes stay, unlike ones become missing. Numbers become their mean, or all rows of the molecule are dropped
    if they differ by more than 0.5.
    """
    names = table["molecule_id"].to_pylist()
    keys = [key or name for key, name in zip(table["inchikey"].to_pylist(), names, strict=True)]
    values = target_matrix(table, targets)
    kept = np.ones(len(values), dtype=bool)
    merged = dropped = conflicting = 0
    for first, *others in repeated_groups(keys):
        rows = values[[first, *others]]
        kept[others] = False
        if kind == "classification":
            unlike = _spread(rows) > 0
            values[first] = np.where(unlike, np.nan, np.fmin.reduce(rows))
            conflicting += int(unlike.sum())
        elif (_spread(rows) > LARGEST_SPREAD + _ROUNDING).any():
            kept[first] = False
            dropped += len(rows)
            continue
        else:
            values[first] = _means(rows)
        merged += len(others)
    place = table.schema.get_field_index("targets")
    unique = table.set_column(place, table.schema.field(place), target_lists(values)).filter(pa.array(kept))
    return Merged(unique, merged, dropped, conflicting)


def _spread(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return highest minus lowest of each column; NaN, which exceeds nothing, where nothing is measured."""
    return np.asarray(np.fmax.reduce(rows) - np.fmin.reduce(rows))


def _means(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    measured = np.isfinite(rows).sum(axis=0)
    return np.asarray(np.where(measured > 0, np.nansum(rows, axis=0) / np.maximum(measured, 1), np.nan))
