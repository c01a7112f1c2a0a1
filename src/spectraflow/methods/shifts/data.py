"""Molecules with measured shifts as tensors: graphs, closed walks, labels; batches by index arithmetic."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import torch
from torch import Tensor

from spectraflow.errors import InputError
from spectraflow.methods.shifts.model import ShiftBatch
from spectraflow.store.batches import padded_batches
from spectraflow.store.closed_walks import ClosedWalks, closed_walks
from spectraflow.store.graphs import GraphBatch, GraphStore
from spectraflow.store.ragged import Ragged, from_list_columns
from spectraflow.tables import ALIGNMENT, SHIFT_LABELS, SPLITS, read_table

LABEL_COLUMNS = ("atom", "nucleus", "solvent", "shift_mppm")


@dataclass(frozen=True)
class ShiftStore:
    """G molecules: graphs, their closed walks (Ragged, atoms and bonds), labels (atom, nucleus, solvent, milli-ppm)."""

    graphs: GraphStore
    atom_walks: Ragged
    bond_walks: Ragged
    labels: Ragged
    first_blocks: list[str]

    @classmethod
    def read(cls, labels: Path, graphs: Path) -> Self:
        """Read a table of shift labels and the graphs of its molecules."""
        table = read_table(labels, SHIFT_LABELS)
        store = GraphStore.read(graphs, table.column("molecule_id").to_pylist())
        flat = from_list_columns(table, LABEL_COLUMNS, np.int32)
        atoms, bonds = _all_walks(store)
        blocks = table.column("first_block").to_pylist()
        return cls(store, Ragged(atoms, store.atoms.offsets), Ragged(bonds, store.bonds.offsets), flat, blocks)

    @property
    def molecule_ids(self) -> list[str]:
        """Ids in the order of the table."""
        return self.graphs.molecule_ids

    def __len__(self) -> int:
        return len(self.graphs)

    def to(self, device: torch.device | str) -> Self:
        """Return the store on `device`."""
        return type(self)(
            self.graphs.to(device),
            self.atom_walks.to(device),
            self.bond_walks.to(device),
            self.labels.to(device),
            self.first_blocks,
        )

    def graph_batch(self, rows: Tensor) -> tuple[GraphBatch, ClosedWalks]:
        """Assemble graphs and closed walks of the molecules `rows` (B,) int64."""
        bonds = self.bond_walks.take(rows)[0]
        return self.graphs.batch(rows), ClosedWalks(self.atom_walks.take(rows)[0], torch.cat([bonds, bonds]))

    def batch(self, rows: Tensor) -> ShiftBatch:
        """Assemble the molecules `rows` (B,) int64 with all their labels."""
        graph, walks = self.graph_batch(rows)
        labels, molecule, _ = self.labels.take(rows)
        atom, nucleus, solvent, mppm = labels.long().unbind(1)
        return ShiftBatch(graph, walks, atom + graph.first_atom[molecule], nucleus, solvent, mppm.float() / 1000)


def _all_walks(store: GraphStore) -> tuple[Tensor, Tensor]:
    atoms, bonds = [], []
    for rows in padded_batches(torch.arange(len(store)), store.atoms.counts):
        walks = closed_walks(store.batch(rows))
        atoms.append(walks.atoms)
        bonds.append(walks.bonds[: len(walks.bonds) // 2])
    return torch.cat(atoms), torch.cat(bonds)


def training_parts(
    store: ShiftStore, alignment: Path, split: Path, external: Iterable[Path], *, all_records: bool
) -> dict[str, Tensor]:
    """Return the rows (int64) of the train, val, test and external parts of the store.

    Val and test hold the split's own molecules, external those of the alignment tables `external`. Train holds the
    split's train part or, with `all_records`, every molecule whose first block none of the other parts has.
    """
    table = read_table(split, SPLITS)
    part_of = dict(zip(table.column("molecule_id").to_pylist(), table.column("part").to_pylist(), strict=True))
    blocks = _blocks([alignment, *external])
    outside = {name for path in external for name in _blocks([path])}
    held = {blocks[name] for name in blocks if name in outside or part_of.get(name) in ("val", "test")}
    parts: dict[str, list[int]] = {"train": [], "val": [], "test": [], "external": []}
    for row, (name, block) in enumerate(zip(store.molecule_ids, store.first_blocks, strict=True)):
        part = "external" if name in outside else part_of.get(name)
        if part in ("val", "test", "external"):
            parts[part].append(row)
        elif block not in held and (part == "train" or all_records):
            parts["train"].append(row)
    if not parts["train"] or not parts["test"]:
        raise InputError(f"{split}: no molecule with measured shifts is left to train on, or to test on")
    return {part: torch.tensor(rows) for part, rows in parts.items() if rows}


def _blocks(tables: Iterable[Path]) -> dict[str, str]:
    found: dict[str, str] = {}
    for path in tables:
        table = read_table(path, ALIGNMENT, ["molecule_id", "first_block"])
        found |= dict(zip(table.column(0).to_pylist(), table.column(1).to_pylist(), strict=True))
    return found
