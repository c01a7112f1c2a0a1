"""The grids of a configuration as tables: what varies, what was measured in each cell, what the papers print there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from spectraflow.reporting.experiments import Experiment
from spectraflow.reporting.published_papers import MAPPINGS
from spectraflow.reporting.runs import Measured

GRID_METRICS = {
    "in_batch/spectrum_to_molecule": "Molecule among a batch",
    "atom/published": "Atom of a peak, published metric",
}
"""The metrics that the papers print for their grids, with a title."""


@dataclass(frozen=True)
class Published:
    """A published number and its standard deviation, as fractions."""

    value: float
    sd: float | None = None


@dataclass(frozen=True)
class Cell:
    """One cell: the values of the varied settings, and by metric what was measured and published."""

    values: tuple[Any, ...]
    measured: Mapping[str, Measured]
    published: Mapping[str, Published]
    runs: int


@dataclass(frozen=True)
class GridTable:
    """A grid by its label: the dotted settings it varies and its cells, in the order of their values."""

    label: str
    keys: tuple[str, ...]
    cells: tuple[Cell, ...]

    @property
    def numeric(self) -> bool:
        """Return whether all varied settings are numbers."""
        values = [value for cell in self.cells for value in cell.values]
        return all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


def grid_tables(experiments: Sequence[Experiment], comparison: pl.DataFrame) -> list[GridTable]:
    """Return a table for every grid of which at least two cells were measured, in the order of the experiments."""
    labels = dict.fromkeys(grid for one in experiments for run in one.runs for grid in run.grids)
    found = []
    for label in labels:
        cells = [one for one in experiments if any(label in run.grids for run in one.runs)]
        keys = _varied(cells)
        if len(cells) > 1 and keys:
            found.append(GridTable(label, keys, _cells(cells, keys, comparison)))
    return found


def _varied(cells: Sequence[Experiment]) -> tuple[str, ...]:
    keys = dict.fromkeys(key for cell in cells for key in cell.settings)
    return tuple(key for key in keys if len({repr(cell.settings.get(key)) for cell in cells}) > 1)


def _cells(cells: Sequence[Experiment], keys: Sequence[str], comparison: pl.DataFrame) -> tuple[Cell, ...]:
    rows = []
    for cell in cells:
        measured = {metric: cell.measure(metric) for metric in GRID_METRICS}
        published = {metric: _published(cell, metric, keys, comparison) for metric in GRID_METRICS}
        rows.append(
            Cell(
                tuple(cell.settings.get(key) for key in keys),
                {metric: value for metric, value in measured.items() if value is not None},
                {metric: value for metric, value in published.items() if value is not None},
                len(cell.runs),
            )
        )
    return tuple(sorted(rows, key=lambda row: [_order(value) for value in row.values]))


def _order(value: Any) -> tuple[int, float, str]:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return (0, float(value), "") if number else (1, 0.0, str(value))


def _published(cell: Experiment, metric: str, keys: Sequence[str], comparison: pl.DataFrame) -> Published | None:
    """Return what a paper prints for a cell in a table that varies the same settings."""
    printed = {dotted: name for mapping in MAPPINGS.values() for name, dotted in mapping.keys.items()}
    names = [printed[key] for key in keys if key in printed]
    if len(names) < len(keys):
        return None
    ids = {run.run_id for run in cell.runs}
    for row in comparison.filter(pl.col("metric") == metric).sort("paper", "table").iter_rows(named=True):
        named = {part.split("=")[0] for part in (row["setting"] or "").split(";")}
        if ids & set((row["run_ids"] or "").split()) and named.issuperset(names):
            sd = row["published_sd"]
            return Published(row["published"] / 100, None if sd is None else sd / 100)
    return None
