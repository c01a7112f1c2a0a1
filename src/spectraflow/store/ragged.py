"""Rows of different lengths as one flat tensor with offsets."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor


@dataclass(frozen=True)
class Ragged:
    """G rows of flat values.

    `values` is (T, c) or (T,); `offsets` (G + 1,) int64; row g is ``values[offsets[g]:offsets[g + 1]]``.
    """

    values: Tensor
    offsets: Tensor

    def __len__(self) -> int:
        return self.offsets.numel() - 1

    @property
    def counts(self) -> Tensor:
        """Length of every row, (G,) int64."""
        return self.offsets.diff()

    def to(self, device: torch.device | str) -> Self:
        """Return the same rows on `device`."""
        return type(self)(self.values.to(device), self.offsets.to(device))

    def take(self, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Gather rows by index arithmetic, without a loop over them.

        Args:
            rows: (B,) int64 row indices, repeats allowed.

        Returns:
            values (M, c) of the rows one after the other, the batch row of each value (M,), and the
            counts of the rows (B,).
        """
        starts = self.offsets[rows]
        counts = self.offsets[rows + 1] - starts
        ends = counts.cumsum(0)
        total = int(ends[-1]) if len(rows) else 0
        segment = torch.repeat_interleave(torch.arange(len(rows), device=rows.device), counts, output_size=total)
        positions = torch.arange(total, device=rows.device) + (starts - ends + counts)[segment]
        return self.values[positions], segment, counts


def _flat(column: pa.ChunkedArray) -> tuple[np.ndarray, np.ndarray]:
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    array = pa.concat_arrays(array.chunks) if isinstance(array, pa.ChunkedArray) else array
    lengths = array.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
    return array.flatten().to_numpy(zero_copy_only=False), lengths


def from_list_columns(table: pa.Table, names: Sequence[str], dtype: np.dtype | type) -> Ragged:
    """Stack list columns of equal lengths into one Ragged with a column each; raises ValueError if lengths differ."""
    flats = [_flat(table.column(name)) for name in names]
    lengths = flats[0][1]
    for name, (_, other) in zip(names, flats, strict=True):
        if not np.array_equal(other, lengths):
            raise ValueError(f"column '{name}' has other list lengths than '{names[0]}'")
    offsets = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
    values = np.stack([flat.astype(dtype) for flat, _ in flats], axis=1)
    return Ragged(torch.from_numpy(values), torch.from_numpy(offsets))
