"""SDBS: from an export that a user made to molecules, peaks, profiles and rejects. Nothing is ever downloaded.

Source: SDBSWeb, National Institute of Advanced Industrial Science and Technology; there is no bulk licence.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from spectraflow.errors import InputError
from spectraflow.files import write_json
from spectraflow.molecules.standardise import UnusableMolecule
from spectraflow.parallel import chunked, ordered_map
from spectraflow.sources.accounting import count_rejects, require_equal
from spectraflow.sources.nmr_signals import Reject
from spectraflow.sources.sdbs_export import ExportedRecord, read_export
from spectraflow.sources.sdbs_records import (
    SPECTRA,
    SdbsRecord,
    Spectrum,
    check_record,
    native_id,
    read_spectrum,
    stated_spectra,
)
from spectraflow.sources.structures import UnusableRecord, structure_row
from spectraflow.tables import MOLECULES, PEAKS, PROFILES, REJECTS, RejectReason, TableWriter

SOURCE = "sdbs"
CHUNK_RECORDS = 200


@dataclass(slots=True)
class Rows:
    """What a chunk of records gives."""

    molecules: list[dict[str, Any]] = field(default_factory=list)
    peaks: list[dict[str, Any]] = field(default_factory=list)
    profiles: list[dict[str, Any]] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)


def ingest(
    export: Path,
    molecules: Path,
    peaks: Path,
    profiles: Path,
    rejects: Path,
    counts: Path,
    *,
    origin: str = "measured",
    limit: int | None = None,
    processes: int = 1,
) -> dict[str, Any]:
    """Turn an export (see docs/sdbs.md) into four tables, and return and write the accounting.

    A record is a molecule or a reject of stage `record`; each spectrum of a molecule is a row of peaks, a row of
    profiles (continuous) or a reject of stage `spectrum`. A record without any usable spectrum is a reject. Raises
    InputError if the export cannot be used as a whole and AccountingError if the counts do not add up; then no
    output appears.
    """
    if not Path(export).is_dir():
        raise InputError(f"{export}: no such folder; an SDBS export is made by the user, see docs/sdbs.md")
    found, reasons = Counter[str](), Counter[tuple[str, str]]()
    records = islice(_without_repeats(read_export(export)), limit)
    read = partial(read_chunk, export=Path(export), origin=origin)
    with (
        TableWriter(molecules, MOLECULES) as molecule_writer,
        TableWriter(peaks, PEAKS) as peak_writer,
        TableWriter(profiles, PROFILES) as profile_writer,
        TableWriter(rejects, REJECTS) as reject_writer,
    ):
        for rows in ordered_map(read, chunked(records, CHUNK_RECORDS), processes):
            found += rows.counts
            molecule_writer.write(pa.Table.from_pylist(rows.molecules, schema=MOLECULES))
            peak_writer.write(pa.Table.from_pylist(rows.peaks, schema=PEAKS))
            profile_writer.write(pa.Table.from_pylist(rows.profiles, schema=PROFILES))
            rejected = pa.Table.from_pylist([reject._asdict() for reject in rows.rejects], schema=REJECTS)
            reasons += count_rejects(rejected)
            reject_writer.write(rejected)
        summary = _summary(found, reasons, molecule_writer.rows, peak_writer.rows, profile_writer.rows)
        write_json(counts, summary)
    return summary


def _summary(
    found: Counter[str], reasons: Counter[tuple[str, str]], molecules: int, peaks: int, profiles: int
) -> dict[str, Any]:
    rejected = Counter[str]()
    for (stage, _), count in reasons.items():
        rejected[stage] += count
    require_equal(SOURCE, "records", found["records"], molecules, rejected["record"])
    require_equal(SOURCE, "spectra", found["spectra"], peaks + profiles, rejected["spectrum"])
    return {
        "source": SOURCE,
        "records": found["records"],
        "molecules": molecules,
        "record_rejects": rejected["record"],
        "spectra_found": found["spectra"],
        "spectra": peaks + profiles,
        "continuous_spectra": profiles,
        "spectrum_rejects": rejected["spectrum"],
        "spectra_of_rejected_records": found["spectra of rejected records"],
        "inchikey_stated": found["inchikey stated"],
        **{f"with_{technique}": found[f"with {technique}"] for technique in SPECTRA.values()},
        "with_all": found["with all"],
        "rejects": {f"{stage}/{reason}": count for (stage, reason), count in sorted(reasons.items())},
    }


def _without_repeats(records: Iterable[ExportedRecord]) -> Iterator[ExportedRecord]:
    """Mark the records whose id occurred before as faulty."""
    seen: set[str] = set()
    for record in records:
        name = native_id(record.values, "")
        if name in seen:
            fault = UnusableRecord(RejectReason.DUPLICATE_ID, f"record_id {name} occurred before")
            record = ExportedRecord(record.place, record.values, fault)
        elif name:
            seen.add(name)
        yield record


def read_chunk(records: list[ExportedRecord], export: Path, origin: str) -> Rows:
    """Return the rows of a chunk of records; never raises for what a record holds."""
    rows = Rows()
    for exported in records:
        name = native_id(exported.values, exported.place)
        if exported.spectrum_only:
            rows.counts["spectra"] += 1
            message = f"{exported.spectrum_only}.csv: molecules.csv lists no such record_id"
            rows.rejects.append(Reject(name, "spectrum", RejectReason.MISSING_ID, message))
            continue
        rows.counts["records"] += 1
        stated = stated_spectra(exported.values)
        try:
            if exported.fault is not None:
                raise exported.fault
            record = check_record(exported.values)
            molecule = structure_row(f"{SOURCE}:{name}", record.smiles, record.inchi, record.inchikey)
        except Exception as error:
            rows.counts["spectra of rejected records"] += len(stated)
            rows.rejects.append(_reject(name, "record", exported.place, error))
            continue
        _read_spectra(record, molecule, stated, exported.place, export, origin, rows)
    return rows


def _reject(name: str, stage: str, where: str, error: Exception) -> Reject:
    if isinstance(error, UnusableRecord | UnusableMolecule):
        return Reject(name, stage, error.reason, f"{where}: {error.message}")
    # RDKit raises RuntimeError and others for what it did not foresee
    return Reject(name, stage, RejectReason.UNREADABLE_MOLECULE, f"{where}: {type(error).__name__}: {error}"[:300])


def _read_spectra(
    record: SdbsRecord,
    molecule: dict[str, Any],
    stated: list[str],
    place: str,
    export: Path,
    origin: str,
    rows: Rows,
) -> None:
    usable: list[str] = []
    rows.counts["spectra"] += len(stated)
    for key in stated:
        try:
            spectrum = read_spectrum(record, key, export)
        except UnusableRecord as error:
            rows.rejects.append(_reject(record.record_id, "spectrum", f"{place}, {key}", error))
            continue
        usable.append(spectrum.technique)
        row = _spectrum_row(molecule["molecule_id"], spectrum, record, key, origin)
        (rows.profiles if spectrum.continuous else rows.peaks).append(row)
    if not usable:
        fault = UnusableRecord(RejectReason.MISSING_SPECTRUM, "no usable spectrum")
        rows.rejects.append(_reject(record.record_id, "record", place, fault))
        return
    rows.molecules.append(molecule)
    rows.counts["inchikey stated"] += bool(record.inchikey)
    rows.counts.update(f"with {technique}" for technique in usable)
    rows.counts["with all"] += len(usable) == len(SPECTRA)


def _spectrum_row(molecule_id: str, spectrum: Spectrum, record: SdbsRecord, key: str, origin: str) -> dict[str, Any]:
    """Return a row of peaks or profiles; the record's solvent and field stand where a file states none."""
    row = {entry.name: getattr(spectrum, entry.name) for entry in fields(spectrum)}
    row["solvent"] = spectrum.solvent or getattr(record, f"{key}_solvent", None)
    row["frequency_mhz"] = spectrum.frequency_mhz or getattr(record, f"{key}_mhz", None)
    return row | {
        "molecule_id": molecule_id,
        "spectrum_id": f"{molecule_id}/{spectrum.technique}/0",
        "origin": origin,
    }
