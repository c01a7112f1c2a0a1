"""Molecular graphs of a data set as flat tensors, and batches of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from spectraflow.errors import InputError
from spectraflow.store.ragged import Ragged, from_list_columns
from spectraflow.tables import GRAPHS, read_table, scan_table

if TYPE_CHECKING:
    from torch_geometric.data import Data

ATOM_COLUMNS = ("atomic_number", "chirality", "hybridisation", "hydrogens")
BOND_COLUMNS = ("bond_source", "bond_target", "bond_type", "bond_direction")


class GraphBatch(NamedTuple):
    """B graphs as one disjoint graph of N atoms and E bonds.

    atoms (N, 4) int64: atomic number, chirality, hybridisation, hydrogens; edge_index (2, 2E) int64, each bond in both
    directions; edge_type and edge_direction (2E,) int64; segment (N,) int64 graph of each atom;
    atom_counts (B,) int64.
    """

    atoms: Tensor
    edge_index: Tensor
    edge_type: Tensor
    edge_direction: Tensor
    segment: Tensor
    atom_counts: Tensor

    @property
    def first_atom(self) -> Tensor:
        """Index of the first atom of each graph, (B,) int64."""
        return self.atom_counts.cumsum(0) - self.atom_counts


@dataclass(frozen=True)
class GraphStore:
    """All graphs of a data set: atoms (N, 4) and bonds (E, 4) as Ragged int16, in the order of `molecule_ids`."""

    molecule_ids: list[str]
    atoms: Ragged
    bonds: Ragged

    @classmethod
    def from_table(cls, table: pa.Table) -> Self:
        """Build the store from (a slice of) a graphs table."""
        atoms = from_list_columns(table, ATOM_COLUMNS, np.int16)
        bonds = from_list_columns(table, BOND_COLUMNS, np.int16)
        return cls(table.column("molecule_id").to_pylist(), atoms, bonds)

    @classmethod
    def read(cls, path: Path, molecule_ids: Sequence[str] | None = None) -> Self:
        """Read a graphs table, all of it or the given molecules in the given order.

        Raises:
            InputError: a wanted molecule has no graph.
        """
        table = read_table(path, GRAPHS)
        if molecule_ids is None:
            return cls.from_table(table)
        row_of = {name: row for row, name in enumerate(table.column("molecule_id").to_pylist())}
        missing = [name for name in molecule_ids if name not in row_of]
        if missing:
            raise InputError(f"{path}: no graph for {missing[0]} and {len(missing) - 1} more molecules")
        return cls.from_table(table.take(pa.array([row_of[name] for name in molecule_ids], pa.int64())))

    @classmethod
    def scan(cls, path: Path, rows: int = 4096) -> Iterator[Self]:
        """Yield stores of up to `rows` graphs in file order, in bounded memory."""
        for batch in scan_table(path, GRAPHS, batch_rows=rows):
            yield cls.from_table(pa.Table.from_batches([batch]))

    def __len__(self) -> int:
        return len(self.molecule_ids)

    def to(self, device: torch.device | str) -> Self:
        """Return the store on `device`."""
        return type(self)(self.molecule_ids, self.atoms.to(device), self.bonds.to(device))

    def batch(self, rows: Tensor) -> GraphBatch:
        """Assemble the graphs `rows` (B,) int64 on the store's device."""
        atoms, segment, counts = self.atoms.take(rows)
        bonds, bond_segment, _ = self.bonds.take(rows)
        bonds = bonds.long()
        first = counts.cumsum(0) - counts
        source, target = (bonds[:, :2] + first[bond_segment, None]).unbind(1)
        return GraphBatch(
            atoms=atoms.long(),
            edge_index=torch.stack([torch.cat([source, target]), torch.cat([target, source])]),
            edge_type=bonds[:, 2].repeat(2),
            edge_direction=bonds[:, 3].repeat(2),
            segment=segment,
            atom_counts=counts,
        )

    def to_pyg(self, row: int) -> "Data":
        """Return one graph as PyTorch Geometric `Data`: x (n, 3), edge_index (2, 2e), edge_attr (2e, 2)."""
        from torch_geometric.data import Data

        one = self.batch(torch.tensor([row], device=self.atoms.offsets.device))
        attributes = torch.stack([one.edge_type, one.edge_direction], dim=1)
        return Data(
            x=one.atoms[:, :3], edge_index=one.edge_index, edge_attr=attributes, molecule_id=self.molecule_ids[row]
        )
