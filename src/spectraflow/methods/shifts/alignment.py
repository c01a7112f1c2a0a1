"""Assigned 13C spectra as questions to a shift model: which carbon, which isomer, which molecule."""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
import torch
from torch import Tensor

from spectraflow.store.graphs import GraphStore
from spectraflow.store.ragged import Ragged, from_list_columns
from spectraflow.tables import ALIGNMENT, SPLITS, read_table


class Carbons(NamedTuple):
    """The n carbons of one molecule: atom, shift in milli-ppm, multiplicity code, attached hydrogens, all (n,)."""

    atom: np.ndarray
    mppm: np.ndarray
    multiplicity: np.ndarray
    hydrogens: np.ndarray


@dataclass(frozen=True)
class Alignment:
    """An alignment table with its molecules' graphs: G molecules, carbons as Ragged (atom, milli-ppm, multiplicity)."""

    graphs: GraphStore
    carbons: Ragged
    first_blocks: list[str]

    @classmethod
    def read(cls, alignment: Path, graphs: Path) -> Self:
        """Read an alignment table and the graphs of its molecules."""
        table = read_table(alignment, ALIGNMENT)
        carbons = from_list_columns(table, ("carbon_atom", "shift_mppm", "multiplicity"), np.int32)
        store = GraphStore.read(graphs, table.column("molecule_id").to_pylist())
        return cls(store, carbons, table.column("first_block").to_pylist())

    @property
    def molecule_ids(self) -> list[str]:
        """Ids in the order of the table."""
        return self.graphs.molecule_ids

    def __len__(self) -> int:
        return len(self.graphs)

    def carbons_of(self, row: int) -> Carbons:
        """Return the carbons of one molecule."""
        values = self.carbons.values[self.carbons.offsets[row] : self.carbons.offsets[row + 1]].numpy()
        start = int(self.graphs.atoms.offsets[row])
        hydrogens = self.graphs.atoms.values[start + values[:, 0], 3].numpy()
        return Carbons(values[:, 0], values[:, 1], values[:, 2], hydrogens)

    def spectrum(self, row: int) -> np.ndarray:
        """Return the shifts (n,) of all carbons of one molecule in ppm, equivalent carbons repeated, ascending."""
        return np.sort(self.carbons_of(row).mppm) / 1000

    def rows_of(self, split: Path, part: str) -> Tensor:
        """Return the rows (int64) of a part of a split."""
        table = read_table(split, SPLITS)
        pairs = zip(table.column("molecule_id").to_pylist(), table.column("part").to_pylist(), strict=True)
        members = {name for name, which in pairs if which == part}
        return torch.tensor([row for row, name in enumerate(self.molecule_ids) if name in members], dtype=torch.int64)
