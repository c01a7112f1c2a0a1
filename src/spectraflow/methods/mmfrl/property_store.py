"""Molecules of a MoleculeNet task with their measured values, standardised by the training part, and their parts."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch
from torch import Tensor

from spectraflow.errors import InputError
from spectraflow.files import read_json
from spectraflow.methods.mmfrl.property_metrics import TaskKind
from spectraflow.tables import PROPERTIES, SPLITS, read_table

PARTS = ("train", "val", "test")


@dataclass(frozen=True)
class TaskTables:
    """Files of one task: `properties`, its `counts` (names and kind of the targets), `split`, and perhaps `graphs`."""

    properties: Path
    counts: Path
    split: Path
    graphs: Path | None = None

    @property
    def paths(self) -> list[Path]:
        """Return those that there are."""
        return [path for path in (self.properties, self.counts, self.split, self.graphs) if path is not None]


@dataclass(frozen=True)
class Scale:
    """Mean and standard deviation of each target, (T,) float32; 0 and 1 for classes."""

    mean: Tensor
    sd: Tensor

    @classmethod
    def of(cls, targets: Tensor, kind: TaskKind) -> Self:
        """Return the scale of measured values (N, T), NaN where nothing was measured.

        The deviation is that of the whole (n, not n - 1), as in chemprop; 1 where it is 0 or nothing was measured.
        """
        if kind == "classification":
            return cls(torch.zeros(targets.shape[1]), torch.ones(targets.shape[1]))
        values = targets.double()
        mean = values.nanmean(dim=0)
        sd = (values - mean).square().nanmean(dim=0).sqrt()
        mean, sd = mean.nan_to_num(0.0), sd.nan_to_num(1.0)
        return cls(mean.float(), sd.where(sd > 0, 1.0).float())

    def apply(self, values: Tensor) -> Tensor:
        """Return values (B, T) in standardised units."""
        return (values - self.mean.to(values.device)) / self.sd.to(values.device)

    def invert(self, values: Tensor) -> Tensor:
        """Return standardised values (B, T) in original units."""
        return values * self.sd.to(values.device) + self.mean.to(values.device)


@dataclass(frozen=True)
class PropertyStore:
    """N molecules of a task with T targets.

    `targets` (N, T) float32 in original units, NaN where nothing was measured; `parts` the rows of train, val and test,
    int64; `scale` that of the training part.
    """

    molecule_ids: list[str]
    smiles: list[str]
    names: list[str]
    kind: TaskKind
    targets: Tensor
    parts: dict[str, Tensor]
    scale: Scale

    @classmethod
    def read(cls, tables: TaskTables, molecules: int | None = None, seed: int = 0) -> Self:
        """Read a task.

        Args:
            tables: its files.
            molecules: how many molecules of the training part to keep at most.
            seed: decides which.

        Raises:
            InputError: a file is missing or of another kind, a row has other targets than counts.json names, a value is
                not finite, the split names molecules that the table lacks, or a part is empty.
        """
        names, kind = read_targets(tables.counts)
        table = read_table(tables.properties, PROPERTIES, ["molecule_id", "smiles", "targets"])
        targets = _targets(table, names, kind, tables.properties)
        parts = _rows_of_parts(tables.split, table["molecule_id"], tables.properties)
        parts["train"] = _drawn(parts["train"], molecules, seed)
        ids, smiles = (table[name].to_pylist() for name in ("molecule_id", "smiles"))
        return cls(ids, smiles, names, kind, targets, parts, Scale.of(targets[parts["train"]], kind))

    def __len__(self) -> int:
        return len(self.molecule_ids)

    def measured(self, part: str) -> np.ndarray:
        """Return the measured values of a part, (n, T) float64, NaN where nothing was measured."""
        values: np.ndarray = self.targets[self.parts[part]].double().numpy()
        return values


def read_targets(counts: Path) -> tuple[list[str], TaskKind]:
    """Return names of the targets and kind of a task from its counts.json; raises InputError if it is none."""
    if not counts.exists():
        raise InputError(f"{counts}: no such file")
    found: Mapping[str, Any] = read_json(counts)
    if not isinstance(found, dict) or found.get("kind") not in ("classification", "regression"):
        raise InputError(f"{counts}: not the counts of a task (no kind)")
    if not found.get("targets"):
        raise InputError(f"{counts}: names no targets")
    return list(found["targets"]), found["kind"]


def _targets(table: pa.Table, names: list[str], kind: TaskKind, path: Path) -> Tensor:
    column = table["targets"].combine_chunks()
    lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False)
    if (wrong := np.flatnonzero(lengths != len(names))).size:
        name = table["molecule_id"][int(wrong[0])]
        raise InputError(f"{path}: {name} has {lengths[wrong[0]]} targets, the task has {len(names)}")
    flat = column.flatten()
    if (wrong := np.flatnonzero(~pc.fill_null(pc.is_finite(flat), True).to_numpy(zero_copy_only=False))).size:
        raise InputError(f"{path}: {table['molecule_id'][int(wrong[0]) // len(names)]} has a value that is not finite")
    values = flat.to_numpy(zero_copy_only=False).astype(np.float32).reshape(-1, len(names))
    if kind == "classification" and (wrong := np.flatnonzero(~np.isin(values, (0, 1)) & ~np.isnan(values))).size:
        name = table["molecule_id"][int(wrong[0]) // len(names)]
        raise InputError(f"{path}: {name} has a label that is neither 0 nor 1")
    return torch.from_numpy(values)


def _rows_of_parts(split: Path, molecule_ids: pa.ChunkedArray, properties: Path) -> dict[str, Tensor]:
    table = read_table(split, SPLITS)
    rows = pc.index_in(table["molecule_id"], molecule_ids.combine_chunks())
    if rows.null_count:
        name = table["molecule_id"].filter(rows.is_null())[0]
        raise InputError(f"{split}: {name} and {rows.null_count - 1} more molecules are not in {properties}")
    places, names = rows.to_numpy().astype(np.int64), np.array(table["part"].to_pylist())
    if empty := [part for part in PARTS if not (names == part).any()]:
        raise InputError(f"{split}: no molecules in {' and '.join(empty)}")
    return {part: torch.from_numpy(np.sort(places[names == part])) for part in PARTS}


def _drawn(rows: Tensor, molecules: int | None, seed: int) -> Tensor:
    if molecules is None or molecules >= len(rows):
        return rows
    chosen = torch.randperm(len(rows), generator=torch.Generator().manual_seed(seed))[:molecules]
    return rows[chosen.sort().values]
