"""Shards of an embedded library: uncompressed Arrow files that are mapped into memory, never read as a whole."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from spectraflow.errors import InputError
from spectraflow.files import atomic_path
from spectraflow.tables import embeddings_schema, named_faults

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


def _joined(pieces: Iterable[tuple[Sequence[str], np.ndarray]], width: int) -> Iterator[tuple[list[str], np.ndarray]]:
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
    """A shard: library rows `rows` of `total`, `width` numbers each, in batches that start at `batch_starts`.

    The file is mapped while it is used and no longer, so of a library one shard is in memory at a time.
    """

    path: Path
    rows: range
    total: int
    width: int
    batch_starts: np.ndarray

    @classmethod
    def open(cls, path: Path) -> "Shard":
        """Read what a shard holds; raises InputError if the file is none."""
        if not Path(path).exists():
            raise InputError(f"{path}: no such shard")
        try:
            with named_faults(path, "shard"), pa.memory_map(str(path)) as source:
                file = pa.ipc.open_file(source)
                metadata = file.schema.metadata or {}
                start, total = (int(metadata[b"spectraflow." + key]) for key in (b"start", b"total"))
                width = int(file.schema.field("embedding").type.list_size)
                sizes = [len(file.get_batch(number)) for number in range(file.num_record_batches)]
        except (KeyError, ValueError, AttributeError) as error:
            raise InputError(f"{path}: not a shard of an embedded library ({error})") from None
        starts = start + np.cumsum([0, *sizes], dtype=np.int64)
        return cls(Path(path), range(start, int(starts[-1])), total, width, starts[:-1])

    def __len__(self) -> int:
        return len(self.rows)

    def _batches(self) -> Iterator[pa.RecordBatch]:
        file = pa.ipc.open_file(pa.memory_map(str(self.path)))
        return (file.get_batch(number) for number in range(file.num_record_batches))

    def _matrix(self, batch: pa.RecordBatch) -> np.ndarray:
        return batch.column("embedding").flatten().to_numpy(zero_copy_only=True).reshape(-1, self.width)

    def matrices(self) -> Iterator[tuple[slice, np.ndarray]]:
        """Yield ranges of library rows with their embeddings (n, width) float32: views of the file."""
        for start, batch in zip(self.batch_starts.tolist(), self._batches(), strict=True):
            yield slice(start, start + len(batch)), self._matrix(batch)

    def id_batches(self) -> Iterator[tuple[slice, pa.Array]]:
        """Yield ranges of library rows with their molecule ids."""
        for start, batch in zip(self.batch_starts.tolist(), self._batches(), strict=True):
            yield slice(start, start + len(batch)), batch.column("molecule_id")

    def take(self, rows: np.ndarray) -> np.ndarray:
        """Return the embeddings (n, width) of library rows (n,) of this shard, in any order."""
        found = np.empty((len(rows), self.width), np.float32)
        owner = np.searchsorted(self.batch_starts, rows, side="right") - 1
        for number, batch in enumerate(self._batches()):
            here = np.flatnonzero(owner == number)
            found[here] = self._matrix(batch)[rows[here] - self.batch_starts[number]]
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
