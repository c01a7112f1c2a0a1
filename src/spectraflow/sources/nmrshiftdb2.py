"""nmrshiftdb2: from the SD file with signals to molecules, peaks and rejects.

Source: Kuhn and Schlörer, Magn. Reson. Chem. 2015, 53, 582 (nmrshiftdb2); property syntax as in the published file.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from spectraflow.files import write_json
from spectraflow.molecules.standardise import UnusableMolecule, molecule_row
from spectraflow.parallel import chunked, ordered_map
from spectraflow.sources.accounting import Accounting
from spectraflow.sources.nmr_signals import (
    NUCLEI,
    SPECTRUM_NAME,
    Reject,
    first_values,
    parse_conditions,
    parse_peaks,
    predicted_spectra,
    reported,
    reported_number,
)
from spectraflow.sources.sd_graphs import HeavyGraph, heavy_graph
from spectraflow.sources.sdfile import SdRecord, read_records, split_record
from spectraflow.tables import MOLECULES, PEAKS, REJECTS, RejectReason, TableWriter

SOURCE = "nmrshiftdb2"
CHUNK_RECORDS = 400
_ID = re.compile(r"^>[^<\n]*<nmrshiftdb2 ID>[^\n]*\n([^\n]*)", re.MULTILINE)


@dataclass(slots=True)
class Rows:
    """What a chunk of records gives."""

    molecules: list[dict[str, Any]] = field(default_factory=list)
    peaks: list[dict[str, Any]] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class ChunkTables:
    """The rows of a chunk as Arrow tables, and its counts."""

    molecules: pa.Table
    peaks: pa.Table
    rejects: pa.Table
    counts: Counter[str]


@dataclass(frozen=True, slots=True)
class IdentifiedRecord:
    """A record with its native id, or why it has none that can be used."""

    record: SdRecord
    native_id: str
    fault: Reject | None = None


def ingest(
    raw: Path,
    molecules: Path,
    peaks: Path,
    rejects: Path,
    counts: Path,
    *,
    origin: str = "measured",
    limit: int | None = None,
    processes: int = 1,
) -> dict[str, Any]:
    """Turn the SD file `raw` into the tables molecules, peaks and rejects, and return and write the accounting.

    Every record is a molecule or a reject of stage `record`; every `Spectrum …` property of a molecule is a row of
    peaks or a reject of stage `spectrum`; every peak of its 13C and 1H lists is kept or a reject of stage `peak`.
    `origin` is given to spectra that no program property lists; the others are `predicted`. Raises InputError if
    the file cannot be used as a whole and AccountingError if the counts do not add up; then no output appears.
    """
    chunks = chunked(identify(read_records(raw, limit)), CHUNK_RECORDS)
    total = Accounting(SOURCE)
    with (
        TableWriter(molecules, MOLECULES) as molecule_writer,
        TableWriter(peaks, PEAKS) as peak_writer,
        TableWriter(rejects, REJECTS) as reject_writer,
    ):
        for tables in ordered_map(partial(read_chunk, origin=origin), chunks, processes):
            total.add(tables.molecules, tables.peaks, tables.rejects, tables.counts)
            molecule_writer.write(tables.molecules)
            peak_writer.write(tables.peaks)
            reject_writer.write(tables.rejects)
        summary = total.summary()
        write_json(counts, summary)
    return summary


def identify(records: Iterable[SdRecord]) -> Iterator[IdentifiedRecord]:
    """Give each record its native id; faulty are records cut off, without an id, with two, or with one seen before."""
    seen: set[str] = set()
    for record in records:
        ids = [text.strip() for text in _ID.findall(record.text, max(record.text.find("\nM  END"), 0))]
        native_id = ids[0] if ids and ids[0] else f"record {record.ordinal}"
        fault = None
        if record.truncated:
            fault = RejectReason.TRUNCATED_RECORD, "the file ends before the record does (no $$$$)"
        elif len(ids) > 1:
            fault = RejectReason.TRUNCATED_RECORD, f"two ids ({', '.join(ids)}): a separator ($$$$) is missing"
        elif not ids or not ids[0]:
            fault = RejectReason.MISSING_ID, "no 'nmrshiftdb2 ID'"
        elif native_id in seen:
            fault = RejectReason.DUPLICATE_ID, f"id {native_id} occurred before"
        else:
            seen.add(native_id)
        yield IdentifiedRecord(record, native_id, _record_reject(native_id, record, *fault) if fault else None)


def _record_reject(native_id: str, record: SdRecord, reason: RejectReason, message: str) -> Reject:
    return Reject(native_id, "record", reason, f"record {record.ordinal}, line {record.line}: {message}")


def read_chunk(records: list[IdentifiedRecord], origin: str) -> ChunkTables:
    """Return the tables of a chunk of records; never raises for what a record holds."""
    rows = Rows()
    for record in records:
        _read_record(record, origin, rows)
    rows.counts["records"] = len(records)
    return ChunkTables(
        pa.Table.from_pylist(rows.molecules, schema=MOLECULES),
        pa.Table.from_pylist(rows.peaks, schema=PEAKS),
        pa.Table.from_pylist([reject._asdict() for reject in rows.rejects], schema=REJECTS),
        rows.counts,
    )


def _read_record(identified: IdentifiedRecord, origin: str, rows: Rows) -> None:
    record, native_id = identified.record, identified.native_id
    block, properties = split_record(record.text)
    spectra = [(name, value) for name, value in properties if name.startswith("Spectrum")]
    rows.counts["rawdata"] += sum(name.startswith("rawdata") for name, _ in properties)
    fault = identified.fault
    if fault is None:
        try:
            graph = heavy_graph(block)
            rows.molecules.append(molecule_row(graph.mol, f"{SOURCE}:{native_id}", graph.smiles))
        except UnusableMolecule as error:
            fault = _record_reject(native_id, record, error.reason, error.message)
        except Exception as error:  # RDKit raises RuntimeError and others for what it did not foresee
            fault = _record_reject(
                native_id, record, RejectReason.UNREADABLE_MOLECULE, f"{type(error).__name__}: {error}"
            )
    if fault is not None:
        rows.rejects.append(fault)
        rows.counts["spectra_of_rejected_records"] += len(spectra)
        return
    rows.counts["spectra_found"] += len(spectra)
    _read_spectra(native_id, spectra, first_values(properties), graph, origin, rows)


def _read_spectra(
    native_id: str,
    spectra: list[tuple[str, str]],
    properties: dict[str, str],
    graph: HeavyGraph,
    origin: str,
    rows: Rows,
) -> None:
    solvent = parse_conditions(properties.get("Solvent", ""))
    frequency = parse_conditions(properties.get("Field Strength [MHz]", ""))
    temperature = parse_conditions(properties.get("Temperature [K]", ""))
    predicted = predicted_spectra(properties)
    seen: set[tuple[str, int]] = set()
    for name, value in spectra:
        supported = _supported_name(name, native_id, seen, rows)
        if supported is None:
            continue
        nucleus, number = supported
        rows.counts[f"spectra {nucleus}"] += 1
        rows.counts[f"predicted {nucleus}"] += number in predicted
        peaks = parse_peaks(value, nucleus, graph)
        rows.counts["peaks_found"] += peaks.found
        rows.rejects += [Reject(native_id, stage, why, f"{name}, {text}") for stage, why, text in peaks.rejects]
        if not peaks.position:
            _reject_spectrum(rows, native_id, RejectReason.EMPTY_PEAK_LIST, f"{name} has no usable peak")
            continue
        rows.peaks.append(
            {
                "molecule_id": f"{SOURCE}:{native_id}",
                "spectrum_id": f"{SOURCE}:{native_id}/{nucleus}/{number}",
                "technique": nucleus,
                "position": peaks.position,
                "intensity": peaks.intensity,
                "multiplicity": peaks.multiplicity,
                "atoms": peaks.atoms,
                "solvent": reported(solvent.get(number)),
                "frequency_mhz": reported_number(frequency.get(number)),
                "temperature_k": reported_number(temperature.get(number)),
                "origin": "predicted" if number in predicted else origin,
            }
        )
    nuclei = {nucleus for nucleus, _ in seen}
    rows.counts.update(f"with {nucleus}" for nucleus in nuclei)
    rows.counts["with both"] += len(nuclei) == len(NUCLEI)


def _supported_name(name: str, native_id: str, seen: set[tuple[str, int]], rows: Rows) -> tuple[str, int] | None:
    """Return nucleus and number of a 13C or 1H spectrum not in `seen`, and note it there; reject any other."""
    match = SPECTRUM_NAME.fullmatch(name)
    if match is None:
        _reject_spectrum(rows, native_id, RejectReason.MALFORMED_LINE, f"{name[:80]!r} lacks nucleus or number")
        return None
    nucleus, number = match[1], int(match[2])
    if nucleus not in NUCLEI:
        rows.counts[f"unsupported {nucleus}"] += 1
        _reject_spectrum(rows, native_id, RejectReason.UNSUPPORTED_NUCLEUS, name[:80])
        return None
    if (nucleus, number) in seen:
        _reject_spectrum(rows, native_id, RejectReason.DUPLICATE_ID, f"{name} occurred before in this record")
        return None
    seen.add((nucleus, number))
    return nucleus, number


def _reject_spectrum(rows: Rows, native_id: str, reason: RejectReason, message: str) -> None:
    rows.rejects.append(Reject(native_id, "spectrum", reason, message))
