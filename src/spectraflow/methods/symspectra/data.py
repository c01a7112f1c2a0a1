"""Molecules with several spectra as flat tensors: vectors, which of them are present, labels, and perhaps tokens."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import torch
from torch import Tensor

from spectraflow.errors import InputError
from spectraflow.methods.symspectra.baselines.tokens import token_batch
from spectraflow.methods.symspectra.batch import SpectraBatch
from spectraflow.methods.symspectra.imbalance import SyntheticSamples
from spectraflow.spectra.modalities import VECTOR_POINTS
from spectraflow.store.ragged import Ragged
from spectraflow.tables import SPLITS, count_rows, labels_schema, named_faults, read_table, scan_table, vectors_schema


@dataclass(frozen=True)
class SpectraStore:
    """N molecules with n modalities and K labels.

    `vectors` (N, n, 600) float32, zero where `present` (N, n) bool is not set; `complete` (N,) bool, whether a molecule
    has every required spectrum; `labels` (N, K) float32; `source` (N,) int64, the row whose spectra stand for each
    molecule (its own, but in the control with permuted spectra); `tokens` a row a molecule, for models that read text.
    """

    molecule_ids: list[str]
    modalities: list[str]
    names: list[str]
    vectors: Tensor
    present: Tensor
    complete: Tensor
    labels: Tensor
    source: Tensor
    tokens: Ragged | None = None

    def __len__(self) -> int:
        return len(self.molecule_ids)

    @classmethod
    def read(
        cls, vectors: Path, labels: Path | None, modalities: Sequence[str], required: Sequence[str] | None = None
    ) -> Self:
        """Read the molecules that have at least one of `modalities` and known labels, in bounded memory.

        Without a labels table all molecules are read, with no label.

        Raises InputError if a table or column is missing, if a vector is not one of 600 finite numbers, or if no
        molecule is left.
        """
        required = list(modalities if required is None else required)
        known = None if labels is None else read_labels(labels)
        columns, total = list(dict.fromkeys([*modalities, *required])), count_rows(vectors)
        # written in place: a copy of all vectors would double the memory
        values = np.zeros((total, len(modalities), VECTOR_POINTS), dtype=np.float32)
        present, complete = np.zeros((total, len(modalities)), dtype=bool), np.zeros(total, dtype=bool)
        kept: list[str] = []
        label_rows: list[np.ndarray] = []
        for batch in scan_table(vectors, vectors_schema(columns), batch_rows=4096):
            rows = np.zeros(len(batch), np.int64) if known is None else known.rows_of(batch.column("molecule_id"))
            use = (rows >= 0) & np.logical_or.reduce([_valid(batch, name) for name in modalities])
            batch, span = batch.filter(pa.array(use)), slice(len(kept), len(kept) + int(use.sum()))
            for place, name in enumerate(modalities):
                present[span, place] = _valid(batch, name)
                values[span, place][present[span, place]] = _numbers(batch, name, vectors)
            complete[span] = np.logical_and.reduce([_valid(batch, name) for name in required])
            kept += batch.column("molecule_id").to_pylist()
            label_rows.append(rows[use])
        if not kept:
            raise InputError(f"{vectors}: none of {total} molecules has {' or '.join(modalities)} and labels")
        return cls(
            kept,
            list(modalities),
            [] if known is None else known.names,
            torch.from_numpy(values)[: len(kept)],
            torch.from_numpy(present)[: len(kept)],
            torch.from_numpy(complete)[: len(kept)],
            torch.zeros(len(kept), 0) if known is None else torch.from_numpy(known.values[np.concatenate(label_rows)]),
            torch.arange(len(kept)),
        )

    def to(self, device: torch.device | str) -> Self:
        """Return the store on `device`."""
        names = ("vectors", "present", "complete", "labels", "source")
        moved = {name: getattr(self, name).to(device) for name in names}
        return replace(self, **moved, tokens=None if self.tokens is None else self.tokens.to(device))

    def rows_of(self, split: Path) -> dict[str, Tensor]:
        """Return the rows (int64, ascending) of each part of a splits table that the store has."""
        table = read_table(split, SPLITS)
        rows = pc.index_in(pa.array(self.molecule_ids), table["molecule_id"].combine_chunks())
        if rows.null_count:
            missing = self.molecule_ids[pc.is_null(rows).to_pylist().index(True)]
            raise InputError(
                f"{split}: {rows.null_count} molecules with spectra are not in the split, such as {missing}"
            )
        names = np.array(table["part"].to_pylist())[rows.to_numpy()]
        return {str(part): torch.from_numpy(np.flatnonzero(names == part)) for part in np.unique(names)}

    def batch(self, rows: Tensor, epoch: int = 0) -> SpectraBatch:
        """Assemble the molecules `rows` (B,) int64."""
        source = self.source[rows]
        tokens = None if self.tokens is None else token_batch(self.tokens, source)
        return SpectraBatch(self.vectors[source], self.present[source], self.labels[rows], rows, tokens, epoch)

    def extended(self, samples: SyntheticSamples) -> Self:
        """Return the store with synthetic molecules after its own."""
        count, device = len(samples.labels), self.labels.device

        def joined(own: Tensor, synthetic: np.ndarray) -> Tensor:
            return torch.cat([own, torch.from_numpy(synthetic).to(device, own.dtype)])

        return replace(
            self,
            vectors=joined(self.vectors, samples.vectors),
            present=joined(self.present, samples.present),
            labels=joined(self.labels, samples.labels),
            complete=joined(self.complete, np.logical_and.reduce(samples.present, axis=1)),
            molecule_ids=[*self.molecule_ids, *(f"synthetic:{i}" for i in range(count))],
            source=torch.cat([self.source, torch.arange(len(self), len(self) + count, device=device)]),
        )

    def permuted(self, parts: Sequence[Tensor], seed: int) -> Self:
        """Return the store with spectra exchanged between the molecules of each part: a control that knows nothing."""
        source = self.source.clone()
        generator = torch.Generator().manual_seed(seed)
        for rows in parts:
            source[rows] = self.source[rows[torch.randperm(len(rows), generator=generator)]]
        return replace(self, source=source)


@dataclass(frozen=True)
class KnownLabels:
    """Molecules whose labels are all known: `ids` (M,), `names` of the K labels, `values` (M, K) float32."""

    ids: pa.Array
    names: list[str]
    values: np.ndarray

    def rows_of(self, ids: pa.Array) -> np.ndarray:
        """Return the row of each id, -1 where it is unknown."""
        found: np.ndarray = pc.fill_null(pc.index_in(ids, self.ids), -1).to_numpy(zero_copy_only=False)
        return found


def read_labels(path: Path) -> KnownLabels:
    """Return the molecules of a labels table whose labels are all known; raises InputError if it is none."""
    with named_faults(path, "labels table"):
        names = [name for name in pq.read_schema(path).names if name != "molecule_id"]
    table = read_table(path, labels_schema(names))
    valid = np.logical_and.reduce([column.is_valid().to_numpy() for column in table.columns[1:]])
    table = table.filter(pa.array(valid))
    values = np.stack([column.to_numpy().astype(np.float32) for column in table.columns[1:]], axis=1)
    return KnownLabels(table["molecule_id"].combine_chunks(), names, values)


def _valid(batch: pa.RecordBatch, name: str) -> np.ndarray:
    valid: np.ndarray = batch.column(name).is_valid().to_numpy(zero_copy_only=False)
    return valid


def _numbers(batch: pa.RecordBatch, name: str, path: Path) -> np.ndarray:
    """Return the vectors (m, 600) of the molecules that have the modality."""
    measured = batch.filter(batch.column(name).is_valid())
    column, ids = measured.column(name), measured.column("molecule_id")
    lengths = pc.list_value_length(column).to_numpy(zero_copy_only=False)
    if (wrong := np.flatnonzero(lengths != VECTOR_POINTS)).size:
        row = int(wrong[0])
        raise InputError(f"{path}: {name} of {ids[row]} holds {lengths[row]} numbers, not {VECTOR_POINTS}")
    values: np.ndarray = column.flatten().to_numpy(zero_copy_only=False).reshape(-1, VECTOR_POINTS)
    if (wrong := np.flatnonzero(~np.isfinite(values).all(axis=1))).size:
        raise InputError(f"{path}: {name} of {ids[int(wrong[0])]} holds a value that is not a finite number")
    return values
