"""Shards of an embedded library: uncompressed Arrow files that are mapped into memory, never read as a whole."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa

from spectraflow.errors import InputError
from spectraflow.files import atomic_path
from spectraflow.tables import embeddings_schema

BATCH_ROWS = 65_536  # 134 MB at 512 numbers: what writing a shard holds in memory


def shard_rows(total: int, shard: int, shards: int) -> range:
    """Return the library rows of one shard; shards differ by at most one row, and may be empty."""
    if not 0 <= shard < shards:
        raise ValueError(f"shard {shard} of {shards}")
    return range(total * shard // shards, total * (shard + 1) // shards)


def write_shard(
    path: Path, width: int, rows: range, total: int, pieces: Iterable[tuple[Sequence[str], np.ndarray]]
) -> None:
    """Write pieces of ids and embeddings (n, width) float32 as the rows `rows` of a library of `total`, atomically.

    Raises InputError if the pieces do not add up to `rows`.
    """
    place = {"spectraflow.start": str(rows.start), "spectraflow.total": str(total)}
    schema = embeddings_schema(width)
    schema = schema.with_metadata({**(schema.metadata or {}), **place})
    written = 0
    with atomic_path(path) as temporary, pa.OSFile(str(temporary), "wb") as sink, pa.ipc.new_file(sink, schema) as out:
        for ids, values in _joined(pieces, width):
            embedding = pa.FixedSizeListArray.from_arrays(pa.array(values.reshape(-1)), width)
            out.write_batch(pa.record_batch([pa.array(ids, pa.string()), embedding], schema=schema))
            written += len(ids)
        if written != len(rows):
            raise InputError(f"{path}: {written} embeddings for {len(rows)} rows of the library")


def _joined(
    pieces: Iterable[tuple[Sequence[str], np.ndarray]], width: int
) -> Iterator[tuple[list[str], np.ndarray]]:
    """Yield the pieces cut into batches of BATCH_ROWS, the last one shorter; each is valid until the next."""
    buffer = np.empty((BATCH_ROWS, width), np.float32)
    names: list[str] = []
    for ids, values in pieces:
        done = 0
        while done < len(ids):
            free = min(BATCH_ROWS - len(names), len(ids) - done)
            buffer[len(names) : len(names) + free] = values[done : done + free]
            names.extend(ids[done : done + free])
            done += free
            if len(names) == BATCH_ROWS:
                yield names, buffer
                names = []
    if names:
        yield names, buffer[: len(names)]


@dataclass(frozen=True)
class Shard:
    """An opened shard: library rows `rows` of `total`, `width` numbers each; its pages are read when touched."""

    path: Path
    rows: range
    total: int
    width: int
    batches: tuple[pa.RecordBatch, ...]

    @classmethod
    def open(cls, path: Path) -> "Shard":
        """Map a shard; raises InputError if the file is none."""
        try:
            file = pa.ipc.open_file(pa.memory_map(str(path)))
            batches = tuple(file.get_batch(number) for number in range(file.num_record_batches))
            metadata = file.schema.metadata or {}
            start, total = (int(metadata[b"spectraflow." + key]) for key in (b"start", b"total"))
            width = file.schema.field("embedding").type.list_size
        except FileNotFoundError:
            raise InputError(f"{path}: no such shard") from None
        except (pa.ArrowException, OSError, KeyError, ValueError, AttributeError) as error:
            raise InputError(f"{path}: not a shard of an embedded library ({error})") from None
        return cls(Path(path), range(start, start + sum(map(len, batches))), total, width, batches)

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def batch_starts(self) -> np.ndarray:
        """First library row of each batch."""
        return self.rows.start + np.cumsum([0, *map(len, self.batches)], dtype=np.int64)[:-1]

    @cached_property
    def _matrices(self) -> list[np.ndarray]:
        return [self._matrix(batch) for batch in self.batches]

    def _matrix(self, batch: pa.RecordBatch) -> np.ndarray:
        return batch.column("embedding").flatten().to_numpy(zero_copy_only=True).reshape(-1, self.width)

    def matrices(self) -> Iterator[tuple[slice, np.ndarray]]:
        """Yield ranges of library rows with their embeddings (n, width) float32: views of the file."""
        for number, matrix in enumerate(self._matrices):
            start = int(self.batch_starts[number])
            yield slice(start, start + len(matrix)), matrix

    def molecule_ids(self) -> list[str]:
        """Return the ids of all rows."""
        return [name for batch in self.batches for name in batch.column("molecule_id").to_pylist()]

    def take(self, rows: np.ndarray) -> np.ndarray:
        """Return the embeddings (n, width) of library rows (n,) of this shard, in any order."""
        found = np.empty((len(rows), self.width), np.float32)
        owner = np.searchsorted(self.batch_starts, rows, side="right") - 1
        for number in np.unique(owner):
            here = np.flatnonzero(owner == number)
            found[here] = self._matrices[number][rows[here] - self.batch_starts[number]]
        return found


def open_shards(paths: Sequence[Path]) -> list[Shard]:
    """Open the shards of one library in row order; raises InputError unless they are all of it, each once."""
    shards = sorted((Shard.open(path) for path in paths), key=lambda shard: (shard.rows.start, shard.rows.stop))
    if not shards:
        raise InputError("a search needs at least one shard")
    reached = 0
    for shard in shards:
        if (shard.width, shard.total) != (shards[0].width, shards[0].total):
            raise InputError(f"{shard.path}: not of the same library as {shards[0].path}")
        if shard.rows.start != reached:
            raise InputError(f"{shard.path}: starts at row {shard.rows.start}, where row {reached} should come")
        reached = shard.rows.stop
    if reached != shards[0].total:
        raise InputError(f"{shards[-1].path}: the library has {shards[0].total} rows, the shards given {reached}")
    return shards
