"""Assigned molecules as tensors: graphs, carbons with their shifts, spectra; batches by index arithmetic."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from spectraflow.errors import InputError
from spectraflow.methods.km3aid.model import AlignmentBatch
from spectraflow.spectra.binning import BINS, bin_shifts
from spectraflow.store.graphs import GraphStore
from spectraflow.store.ragged import Ragged, from_list_columns
from spectraflow.tables import ALIGNMENT, SPLITS, read_table

CARBON_COLUMNS = ("carbon_atom", "shift_mppm", "multiplicity")


@dataclass(frozen=True)
class AlignmentStore:
    """G assigned molecules: graphs, carbons (atom, milli-ppm, multiplicity) as Ragged int32, spectra.

    `bins` holds the set bins of each binary spectrum; `embeddings` (G, 768), if present, replace the spectra
    by outputs of a frozen encoder.
    """

    graphs: GraphStore
    carbons: Ragged
    bins: Ragged
    first_blocks: list[str]
    embeddings: Tensor | None = None

    @classmethod
    def read(cls, alignment: Path, graphs: Path) -> Self:
        """Read an alignment table and the graphs of its molecules."""
        table = read_table(alignment, ALIGNMENT)
        carbons = from_list_columns(table, CARBON_COLUMNS, np.int32)
        bins = torch.from_numpy(bin_shifts(carbons.values[:, 1].numpy()))
        store = GraphStore.read(graphs, table.column("molecule_id").to_pylist())
        return cls(store, carbons, Ragged(bins, carbons.offsets), table.column("first_block").to_pylist())

    @property
    def molecule_ids(self) -> list[str]:
        """Ids in the order of the alignment table."""
        return self.graphs.molecule_ids

    def __len__(self) -> int:
        return len(self.graphs)

    def to(self, device: torch.device | str) -> Self:
        """Return the store on `device`."""
        moved = None if self.embeddings is None else self.embeddings.to(device)
        return replace(
            self,
            graphs=self.graphs.to(device),
            carbons=self.carbons.to(device),
            bins=self.bins.to(device),
            embeddings=moved,
        )

    def with_embeddings(self, embeddings: Tensor) -> Self:
        """Return the store with cached spectrum encodings (G, 768) in place of binary spectra."""
        return replace(self, embeddings=embeddings)

    def spectra(self, rows: Tensor) -> Tensor:
        """Return binary spectra (B, 4000) float32 of the molecules `rows`."""
        bins, segment, _ = self.bins.take(rows)
        spectrum = torch.zeros(len(rows), BINS, device=bins.device)
        spectrum[segment, bins] = 1
        return spectrum

    def batch(self, rows: Tensor) -> AlignmentBatch:
        """Assemble the molecules `rows` (B,) int64."""
        graph = self.graphs.batch(rows)
        carbons, molecule, counts = self.carbons.take(rows)
        carbons = carbons.long()
        return AlignmentBatch(
            graph=graph,
            spectrum=self.spectra(rows) if self.embeddings is None else self.embeddings[rows],
            carbon=carbons[:, 0] + graph.first_atom[molecule],
            mppm=carbons[:, 1],
            multiplicity=carbons[:, 2],
            molecule=molecule,
            carbon_counts=counts,
        )

    def rows_of(self, split: Path) -> dict[str, Tensor]:
        """Return the rows (int64) of each part of a split; raises InputError if the split has unknown molecules."""
        table = read_table(split, SPLITS)
        row_of = {name: row for row, name in enumerate(self.molecule_ids)}
        names = table.column("molecule_id").to_pylist()
        unknown = [name for name in names if name not in row_of]
        if unknown:
            raise InputError(
                f"{split}: {unknown[0]} and {len(unknown) - 1} more molecules are not in the alignment set"
            )
        rows = pa.array([row_of[name] for name in names], pa.int64()).to_numpy(zero_copy_only=False)
        parts = np.array(table.column("part").to_pylist())
        return {str(part): torch.from_numpy(np.sort(rows[parts == part])) for part in np.unique(parts)}
