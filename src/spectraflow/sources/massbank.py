"""MassBank: from text records of electron-ionisation spectra to molecules, peaks, records and rejects.

Source: Horai et al., J. Mass Spectrom. 2010, 45, 703.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from spectraflow.files import write_json
from spectraflow.molecules.standardise import UnusableMolecule
from spectraflow.parallel import chunked, ordered_map
from spectraflow.sources.accounting import count_rejects, require_equal
from spectraflow.sources.massbank_records import MassRecord, RawRecord, accessions, parse_record, read_records
from spectraflow.sources.nmr_signals import Reject
from spectraflow.sources.structures import UnusableRecord, structure_row
from spectraflow.tables import MASS_RECORDS, MOLECULES, PEAKS, REJECTS, RejectReason, TableWriter

SOURCE = "massbank"
CHUNK_RECORDS = 400


@dataclass(slots=True)
class Rows:
    """What a chunk of records gives."""

    molecules: list[dict[str, Any]] = field(default_factory=list)
    peaks: list[dict[str, Any]] = field(default_factory=list)
    records: list[dict[str, Any]] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class IdentifiedRecord:
    """A record with its accession (or its file's name), or why it has none that can be used."""

    record: RawRecord
    native_id: str
    fault: Reject | None = None


def ingest(
    raw: Path,
    molecules: Path,
    peaks: Path,
    records: Path,
    rejects: Path,
    counts: Path,
    *,
    origin: str = "measured",
    limit: int | None = None,
    processes: int = 1,
) -> dict[str, Any]:
    """Turn an archive or folder of records into four tables, and return and write the accounting.

    A record is one row of molecules, of peaks and of records, or one reject: nothing of a faulty record is kept.
    Raises InputError if the archive cannot be used as a whole and AccountingError if the counts do not add up;
    then no output appears.
    """
    found, reasons = Counter[str](), Counter[tuple[str, str]]()
    chunks = chunked(identify(islice(read_records(raw), limit)), CHUNK_RECORDS)
    with (
        TableWriter(molecules, MOLECULES) as molecule_writer,
        TableWriter(peaks, PEAKS) as peak_writer,
        TableWriter(records, MASS_RECORDS) as record_writer,
        TableWriter(rejects, REJECTS) as reject_writer,
    ):
        for rows in ordered_map(partial(read_chunk, origin=origin), chunks, processes):
            found += rows.counts
            molecule_writer.write(pa.Table.from_pylist(rows.molecules, schema=MOLECULES))
            peak_writer.write(pa.Table.from_pylist(rows.peaks, schema=PEAKS))
            record_writer.write(pa.Table.from_pylist(rows.records, schema=MASS_RECORDS))
            rejected = pa.Table.from_pylist([reject._asdict() for reject in rows.rejects], schema=REJECTS)
            reasons += count_rejects(rejected)
            reject_writer.write(rejected)
        for writer in (molecule_writer, peak_writer, record_writer):
            require_equal(SOURCE, "records", found["records"], writer.rows, reject_writer.rows)
        summary = _summary(found, reasons, molecule_writer.rows, reject_writer.rows)
        write_json(counts, summary)
    return summary


def _summary(found: Counter[str], reasons: Counter[tuple[str, str]], molecules: int, rejected: int) -> dict[str, Any]:
    licence, energy = "licence ", "energy "
    return {
        "source": SOURCE,
        "records": found["records"],
        "molecules": molecules,
        "spectra": molecules,
        "record_rejects": rejected,
        "peaks": found["peaks"],
        "inchikey_agrees": found["inchikey agrees"],
        "inchikey_unstated": found["inchikey unstated"],
        "inchikey_unchecked": found["inchikey unchecked"],
        "licences": {name.removeprefix(licence): n for name, n in sorted(found.items()) if name.startswith(licence)},
        "energies": {name.removeprefix(energy): n for name, n in sorted(found.items()) if name.startswith(energy)},
        "rejects": {f"{stage}/{reason}": count for (stage, reason), count in sorted(reasons.items())},
    }


def identify(records: Iterable[RawRecord]) -> Iterator[IdentifiedRecord]:
    """Give each record its accession; faulty are records cut off, without one, with two, or with one seen before."""
    seen: set[str] = set()
    for record in records:
        ids = accessions(record.text)
        native_id = ids[0] if ids and ids[0] else record.file
        fault = None
        if record.truncated:
            fault = RejectReason.TRUNCATED_RECORD, "the file ends before the record does (no //)"
        elif len(ids) > 1:
            fault = RejectReason.TRUNCATED_RECORD, f"two accessions ({', '.join(ids)}): a separator (//) is missing"
        elif not ids or not ids[0]:
            fault = RejectReason.MISSING_ID, "no ACCESSION"
        elif native_id in seen:
            fault = RejectReason.DUPLICATE_ID, f"accession {native_id} occurred before"
        else:
            seen.add(native_id)
        yield IdentifiedRecord(record, native_id, _reject(native_id, record, *fault) if fault else None)


def _reject(native_id: str, record: RawRecord, reason: RejectReason, message: str) -> Reject:
    return Reject(native_id, "record", reason, f"{record.file}: {message}")


def read_chunk(records: list[IdentifiedRecord], origin: str) -> Rows:
    """Return the rows of a chunk of records; never raises for what a record holds."""
    rows = Rows()
    for identified in records:
        rows.counts["records"] += 1
        fault = identified.fault
        if fault is None:
            try:
                _read_record(parse_record(identified.record.text), origin, rows)
                continue
            except (UnusableRecord, UnusableMolecule) as error:
                reason, message = error.reason, error.message
            except Exception as error:  # RDKit raises RuntimeError and others for what it did not foresee
                reason, message = RejectReason.UNREADABLE_MOLECULE, f"{type(error).__name__}: {error}"[:300]
            fault = _reject(identified.native_id, identified.record, reason, message)
        rows.rejects.append(fault)
    return rows


def _read_record(record: MassRecord, origin: str, rows: Rows) -> None:
    molecule_id, spectrum_id = f"{SOURCE}:{record.accession}", f"{SOURCE}:{record.accession}/MS/0"
    molecule = structure_row(molecule_id, record.smiles, record.inchi, record.inchikey)
    rows.molecules.append(molecule)
    rows.peaks.append(
        {
            "molecule_id": molecule_id,
            "spectrum_id": spectrum_id,
            "technique": "MS",
            "position": record.position,
            "intensity": record.intensity,
            "origin": origin,
        }
    )
    stated = ("accession", "licence", "ms_type", "ion_mode", "ionisation", "energy", "energy_ev", "instrument")
    rows.records.append(
        {name: getattr(record, name) for name in stated}
        | {"molecule_id": molecule_id, "spectrum_id": spectrum_id, "peaks": len(record.position)}
    )
    key = "agrees" if molecule["inchikey"] else "unchecked"
    rows.counts[f"inchikey {key if record.inchikey else 'unstated'}"] += 1
    rows.counts[f"licence {record.licence or 'unstated'}"] += 1
    rows.counts[f"energy {record.energy or 'unstated'}"] += 1
    rows.counts["peaks"] += len(record.position)
