"""What a search must know of a library's molecules beside their embeddings: one Arrow file, mapped into memory."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from spectraflow.errors import InputError
from spectraflow.files import atomic_path, write_json
from spectraflow.search.shards import Shard, open_shards
from spectraflow.tables import GRAPHS, LIBRARY, MOLECULES, ROW_GROUP_ROWS, count_rows, named_faults, scan_table

COLUMNS = ["molecule_id", "smiles", "inchikey", "identity_key", "formula", "mol_weight"]


def describe_library(molecules: Path, graphs: Path, out: Path, counts: Path) -> None:
    """Write the library table: the molecules that have a graph, in the order of the graphs table.

    Molecules whose identity key came before are marked as duplicates: a mirror image has the same spectrum. Keys are
    compared as 64-bit hashes (10^8 molecules: one false duplicate in 4,000 libraries), so memory is 24 bytes a row.
    Raises InputError if the graphs are of another molecules table.
    """
    duplicate = _repeated(molecules, graphs)
    tally: Counter[str] = Counter()
    start = 0
    with atomic_path(out) as temporary, pa.OSFile(str(temporary), "wb") as sink, pa.ipc.new_file(sink, LIBRARY) as file:
        for frame in _described(molecules, graphs):
            marked = frame.with_columns(
                first_block=pl.col("inchikey").str.split("-").list.first().fill_null(pl.col("molecule_id")),
                duplicate=pl.Series(duplicate[start : start + len(frame)]),
            )
            table = marked.select(LIBRARY.names).to_arrow(compat_level=pl.CompatLevel.oldest()).cast(LIBRARY)
            file.write_table(table.combine_chunks())
            start += len(frame)
            tally["without_mass"] += marked["mol_weight"].null_count()
            tally["without_formula"] += marked["formula"].null_count()
    rows = {"molecules": count_rows(molecules), "without_graph": count_rows(molecules) - start, "embedded": start}
    write_json(counts, {**rows, "duplicates": int(duplicate.sum()), **tally})


def _described(molecules: Path, graphs: Path, columns: list[str] = COLUMNS) -> Iterator[pl.DataFrame]:
    """Yield the molecules that have a graph; both tables are in one order."""
    embedded = (batch.column(0) for batch in scan_table(graphs, GRAPHS, ["molecule_id"], ROW_GROUP_ROWS))
    waiting = pa.array([], pa.string())
    for batch in scan_table(molecules, MOLECULES, columns, ROW_GROUP_ROWS):
        while len(waiting) < len(batch) and (more := next(embedded, None)) is not None:
            waiting = pa.concat_arrays([waiting, more])
        kept = batch.filter(pc.is_in(batch.column("molecule_id"), value_set=waiting.slice(0, len(batch))))
        if not kept.column("molecule_id").equals(waiting.slice(0, len(kept))):
            raise InputError(f"{graphs}: not the graphs of {molecules}, in its order")
        waiting = waiting.slice(len(kept))
        if len(kept):
            yield pl.DataFrame(pl.from_arrow(kept))
    if len(waiting) or next(embedded, None) is not None:
        raise InputError(f"{graphs}: has molecules that {molecules} lacks, such as {waiting[0]}")


def _repeated(molecules: Path, graphs: Path) -> np.ndarray:
    """Return for every row (n,) whether an earlier one has the same identity key."""
    hashes = [
        frame.select(pl.col("identity_key").fill_null(pl.col("molecule_id")).hash())["identity_key"].to_numpy()
        for frame in _described(molecules, graphs, ["molecule_id", "identity_key"])
    ]
    keys = np.concatenate(hashes) if hashes else np.zeros(0, np.uint64)
    repeated = np.ones(len(keys), dtype=bool)
    repeated[np.unique(keys, return_index=True)[1]] = False
    return repeated


@dataclass(frozen=True)
class Library:
    """An opened library table; pages are read when touched."""

    path: Path
    table: pa.Table

    @classmethod
    def open(cls, path: Path) -> "Library":
        """Map a library table; raises InputError if the file is none."""
        if not Path(path).exists():
            raise InputError(f"{path}: no such library table")
        with named_faults(path, "library table"):
            table = pa.ipc.open_file(pa.memory_map(str(path))).read_all()
        if not table.schema.equals(LIBRARY):
            raise InputError(f"{path}: not a library table of this version; its columns are {table.column_names}")
        return cls(Path(path), table)

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def part(self, rows: range) -> pa.Table:
        """Return a range of rows without copying them."""
        return self.table.slice(rows.start, len(rows))

    def usable(self, rows: range) -> np.ndarray:
        """Return for a range of rows (n,) whether they are no duplicates."""
        return ~self.part(rows).column("duplicate").to_numpy()

    def take(self, rows: np.ndarray, columns: list[str]) -> dict[str, list[Any]]:
        """Return columns of some rows (n,), in the order given."""
        distinct, place = np.unique(rows, return_inverse=True)
        taken = self.table.select(columns).take(pa.array(distinct, pa.int64()))
        return {name: taken.column(name).take(pa.array(place)).to_pylist() for name in columns}


def open_library(path: Path, shards: Sequence[Path]) -> tuple[list[Shard], Library]:
    """Map a library table and the shards of its embeddings; raises InputError if they do not belong together."""
    opened, library = open_shards(shards), Library.open(path)
    if opened[0].total != len(library):
        raise InputError(f"{path}: {len(library)} molecules, but the shards are of a library of {opened[0].total}")
    for shard in opened:
        for rows, ids in shard.id_batches():
            described = library.table.column("molecule_id")[rows.start]
            if ids[0] != described:
                raise InputError(f"{shard.path}: row {rows.start} is {ids[0]}, but {described} in {path}")
    return opened, library
