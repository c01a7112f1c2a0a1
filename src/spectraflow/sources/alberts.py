"""The simulated multimodal data set: from its Parquet files to molecules, peaks, vectors and rejects.

Source: Alberts et al., NeurIPS 2024 Datasets and Benchmarks (Zenodo 11611178).
"""

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from spectraflow.errors import InputError
from spectraflow.files import write_json
from spectraflow.methods.symspectra.settings import VectorSettings
from spectraflow.molecules.standardise import UnusableMolecule, molecule_row, parse_smiles
from spectraflow.parallel import ordered_map
from spectraflow.sources.accounting import count_rejects, require_equal
from spectraflow.sources.alberts_files import ARRAYS, read_batches
from spectraflow.sources.alberts_spectra import TECHNIQUES, PeakLists, Spectra, read_spectra
from spectraflow.tables import MOLECULES, PEAKS, REJECTS, RejectReason, TableWriter, vectors_schema

SOURCE = "alberts"
Faults = dict[int, tuple[RejectReason, str]]


def ingest(
    raw: Path,
    molecules: Path,
    peaks: Path,
    vectors: Path,
    rejects: Path,
    counts: Path,
    settings: VectorSettings,
    *,
    limit: int | None = None,
    processes: int = 1,
    origin: str = "simulated",
) -> dict[str, Any]:
    """Turn a Parquet file, or all of a folder sorted by name, into tables; return and write the accounting.

    A row's number over all files, from 0, is its id. A row is a molecule with one row of vectors, or a reject of
    stage `record`: its SMILES cannot be used, or one of its spectra has a wrong length or an impossible number.
    Each of its 11 spectra (three arrays, eight peak lists) is kept or, where null or empty, a reject of stage
    `spectrum`. Molecules that occur twice are kept. Structures are read in `processes` processes, spectra here.
    Raises InputError if a file cannot be used as a whole and AccountingError if the counts do not add up; then no
    output appears.
    """
    total = AlbertsAccounting(settings)
    with (
        TableWriter(molecules, MOLECULES) as molecule_writer,
        TableWriter(peaks, PEAKS) as peak_writer,
        TableWriter(vectors, vectors_table(settings)) as vector_writer,
        TableWriter(rejects, REJECTS) as reject_writer,
    ):
        for chunk in _chunks(raw, settings, limit, processes, origin):
            total.add(chunk)
            molecule_writer.write(chunk.molecules)
            peak_writer.write(chunk.peaks)
            vector_writer.write(chunk.vectors)
            reject_writer.write(chunk.rejects)
        if not total.found["records"]:
            raise InputError(f"{raw}: no rows")
        summary = total.summary()
        write_json(counts, summary)
    return summary


def vectors_table(settings: VectorSettings) -> pa.Schema:
    """Return the schema of the table of vectors."""
    return vectors_schema([name for names in settings.simulated.values() for name in names])


@dataclass(frozen=True, slots=True)
class Chunk:
    """The tables of a batch of rows, and what was found in it."""

    molecules: pa.Table
    peaks: pa.Table
    vectors: pa.Table
    rejects: pa.Table
    found: Counter[str]


def assemble(first: int, spectra: Spectra, structures: tuple[pa.Table, Faults], origin: str) -> Chunk:
    """Return the tables of a batch whose first row is number `first`, without the rows that have a fault."""
    molecules, faults = structures
    faults = {**faults, **spectra.faults}
    kept = np.ones(len(spectra.beyond), np.bool_)
    kept[list(faults)] = False
    ids = pa.array([f"{SOURCE}:{row}" for row in range(first, first + len(kept))])
    vectors = pa.table([ids, *spectra.vectors.values()], schema=vectors_schema(list(spectra.vectors)))
    if faults:
        molecules = molecules.filter(pc.is_in(molecules["molecule_id"], ids.filter(pa.array(kept))))
        vectors = vectors.filter(pa.array(kept))
    found = Counter(records=len(kept), beyond=int(spectra.beyond[kept].sum()))
    found["peaks"] = sum(int(peaks.counts[kept].sum()) for peaks in spectra.lists.values())
    peaks = _peaks_table(ids, spectra.lists, kept, origin)
    return Chunk(molecules, peaks, vectors, _rejects_table(first, faults, spectra, kept), found)


def _rejects_table(first: int, faults: Faults, spectra: Spectra, kept: NDArray[np.bool_]) -> pa.Table:
    rows = [(row, "record", reason, message) for row, (reason, message) in sorted(faults.items())]
    rows += [(row, "spectrum", reason, f"no {what}") for row, what, reason in sorted(spectra.absent) if kept[row]]
    named = [dict(zip(REJECTS.names, (str(first + row), *rest), strict=True)) for row, *rest in rows]
    return pa.Table.from_pylist(named, schema=REJECTS)


def _chunks(raw: Path, settings: VectorSettings, limit: int | None, processes: int, origin: str) -> Iterator[Chunk]:
    """Yield chunks in order; structures are read in other processes, which costs less than to send them spectra."""
    waiting: deque[tuple[int, Spectra]] = deque()

    def structures() -> Iterator[tuple[int, list[str | None]]]:
        first = 0
        for batch in read_batches(raw, limit, threads=processes > 1):
            waiting.append((first, read_spectra(batch, settings)))
            yield first, batch["smiles"].to_pylist()
            first += len(batch)

    for read in ordered_map(read_structures, structures(), processes):
        yield assemble(*waiting.popleft(), read, origin)


def read_structures(rows: tuple[int, list[str | None]]) -> tuple[pa.Table, Faults]:
    """Return the molecules of rows given as the number of the first and their SMILES, and the faults by place.

    Never raises for what a row holds.
    """
    first, smiles = rows
    good: list[dict[str, Any]] = []
    faults: Faults = {}
    for place, text in enumerate(smiles):
        try:
            good.append(molecule_row(parse_smiles(text or ""), f"{SOURCE}:{first + place}"))
        except UnusableMolecule as error:
            faults[place] = error.reason, error.message
        except Exception as error:  # RDKit raises RuntimeError and others for what it did not foresee
            faults[place] = RejectReason.UNREADABLE_MOLECULE, f"{type(error).__name__}: {error}"[:300]
    return pa.Table.from_pylist(good, schema=MOLECULES), faults


def _peaks_table(ids: pa.Array, lists: dict[str, PeakLists], kept: NDArray[np.bool_], origin: str) -> pa.Table:
    """Return the peak lists that are not empty of the rows `kept`, technique by technique."""
    tables = []
    for technique in TECHNIQUES:
        table, present = (
            _technique_table(technique, ids, lists[technique], origin),
            kept & (lists[technique].counts > 0),
        )
        tables.append(table if present.all() else table.filter(pa.array(present)))
    return pa.concat_tables(tables)


def _technique_table(technique: str, ids: pa.Array, peaks: PeakLists, origin: str) -> pa.Table:
    offsets = pa.array(np.concatenate([[0], np.cumsum(peaks.counts)]).astype(np.int32))
    columns: dict[str, pa.Array] = {
        "molecule_id": ids,
        "spectrum_id": pc.binary_join_element_wise(ids, technique, "/"),
        "technique": pa.repeat(technique, len(ids)),
        "origin": pa.repeat(origin, len(ids)),
    }
    for name, values in peaks.columns.items():
        columns[name] = pa.ListArray.from_arrays(offsets, values.cast(PEAKS.field(name).type.value_type))
    arrays = [columns.get(field.name, pa.nulls(len(ids), field.type)) for field in PEAKS]
    return pa.Table.from_arrays(arrays, schema=PEAKS)


class AlbertsAccounting:
    """Sums over chunks: everything found is in a table or rejected."""

    def __init__(self, settings: VectorSettings) -> None:
        self.columns = settings.simulated
        self.found: Counter[str] = Counter()
        self.kept: Counter[str] = Counter()
        self.rejects: Counter[tuple[str, str]] = Counter()

    def add(self, chunk: Chunk) -> None:
        """Add a chunk: what was found, and what its tables hold."""
        self.found += chunk.found
        self.rejects += count_rejects(chunk.rejects)
        self.kept["molecules"] += chunk.molecules.num_rows
        self.kept["rows of vectors"] += chunk.vectors.num_rows
        for name in chunk.vectors.column_names[1:]:
            self.kept[f"vector {name}"] += chunk.vectors.num_rows - chunk.vectors[name].null_count
        for row in chunk.peaks["technique"].value_counts().to_pylist():
            self.kept[f"peaks {row['values']}"] += row["counts"]
        self.kept["peaks"] += pc.sum(pc.list_value_length(chunk.peaks["position"])).as_py() or 0

    def rejected(self, stage: str) -> int:
        """Return the number of rejects of a stage."""
        return sum(count for (where, _), count in self.rejects.items() if where == stage)

    def summary(self) -> dict[str, Any]:
        """Return the accounting as JSON values; raises AccountingError if it does not add up."""
        molecules = self.kept["molecules"]
        vectors = {name: self.kept[f"vector {name}"] for names in self.columns.values() for name in names}
        lists = {technique: self.kept[f"peaks {technique}"] for technique in TECHNIQUES}
        found = molecules * (len(ARRAYS) + len(TECHNIQUES))
        kept = sum(vectors[self.columns[name][0]] for name in ARRAYS) + sum(lists.values())
        require_equal(SOURCE, "records", self.found["records"], molecules, self.rejected("record"))
        require_equal(SOURCE, "molecules", molecules, self.kept["rows of vectors"], 0)
        require_equal(SOURCE, "spectra", found, kept, self.rejected("spectrum"))
        require_equal(SOURCE, "peaks", self.found["peaks"], self.kept["peaks"], 0)
        return {
            "source": SOURCE,
            "records": self.found["records"],
            "molecules": molecules,
            "record_rejects": self.rejected("record"),
            "spectra_found": found,
            "spectra": kept,
            "spectrum_rejects": self.rejected("spectrum"),
            "peaks": self.kept["peaks"],
            "peaks_beyond_600_mz": self.found["beyond"],
            "peak_lists": lists,
            "vectors": vectors,
            "rejects": {f"{stage}/{reason}": count for (stage, reason), count in sorted(self.rejects.items())},
        }
