"""MassBank text records: `TAG: value` lines, an indented peak list, and `//` at the end.

Source: MassBank Record Format 2.6 (github.com/MassBank/MassBank-web, Documentation/MassBankRecordFormat.md).
"""

import gzip
import math
import re
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from spectraflow.errors import InputError
from spectraflow.sources.raw_files import GZIP_MAGIC
from spectraflow.sources.structures import UnusableRecord
from spectraflow.tables import RejectReason

MAX_RECORD_BYTES = 16_000_000
"""Longer ones are cut while they are read, and rejected: no spectrum needs as much."""

_ONCE = {
    "ACCESSION", "LICENSE", "CH$SMILES", "CH$IUPAC", "AC$INSTRUMENT", "AC$INSTRUMENT_TYPE", "PK$NUM_PEAK", "PK$PEAK",
    "AC$MASS_SPECTROMETRY MS_TYPE", "AC$MASS_SPECTROMETRY ION_MODE", "AC$MASS_SPECTROMETRY IONIZATION_ENERGY",
    "CH$LINK INCHIKEY",
}  # fmt: skip
_WITH_SUBTAG = ("AC$MASS_SPECTROMETRY", "CH$LINK")
_ABSENT = {"", "N/A", "NA", "NONE"}
_ENERGY = re.compile(r"([0-9]+(?:\.[0-9]+)?) *(?:eV|V)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class RawRecord:
    """The text of a record without its `//` line, and where it comes from; `truncated` if there is no such line."""

    file: str
    text: str
    truncated: bool = False


@dataclass(frozen=True, slots=True)
class MassRecord:
    """What is used of a record; texts are None where the record does not state them."""

    accession: str
    smiles: str | None
    inchi: str | None
    inchikey: str | None
    licence: str | None
    ms_type: str
    ion_mode: str | None
    ionisation: str | None
    energy: str | None
    instrument: str | None
    position: list[float]
    intensity: list[float]

    @property
    def energy_ev(self) -> float | None:
        """Energy of the electrons, eV; None if it is not stated as one number."""
        match = _ENERGY.fullmatch(self.energy or "")
        return float(match[1]) if match else None


def read_records(raw: Path) -> Iterator[RawRecord]:
    """Yield the records of a tar archive (gzipped or not), of the .txt files of a folder, or of one text file.

    A file may hold several records. Raises InputError if `raw` is missing, empty or damaged (after the records
    before the damage), or holds no record.
    """
    raw, found = Path(raw), False
    for file, lines in _folder_files(raw) if raw.is_dir() else _file_or_archive(raw):
        for record in _split(file, lines):
            found = True
            yield record
    if not found:
        raise InputError(f"{raw}: no MassBank record found")


def _folder_files(folder: Path) -> Iterator[tuple[str, Iterable[bytes]]]:
    for path in sorted(folder.rglob("*.txt")):
        try:
            with path.open("rb") as handle:
                yield path.relative_to(folder).as_posix(), handle
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error


def _file_or_archive(path: Path) -> Iterator[tuple[str, Iterable[bytes]]]:
    try:
        with path.open("rb") as file:
            head = file.read(512)
            file.seek(0)
            if not head:
                raise InputError(f"{path}: the file is empty")
            if head.startswith(GZIP_MAGIC):
                with gzip.open(file) as unpacked:
                    head = unpacked.peek(512)
                    yield from _members(path, unpacked, head)  # type: ignore[arg-type]
            else:
                yield from _members(path, file, head)
    except (zlib.error, EOFError, gzip.BadGzipFile, tarfile.TarError) as error:
        raise InputError(f"{path}: damaged archive ({error})") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error


def _members(path: Path, stream: IO[bytes], head: bytes) -> Iterator[tuple[str, Iterable[bytes]]]:
    if head[257:262] != b"ustar":
        if b"\0" in head:
            raise InputError(f"{path}: neither a tar archive nor text; the file may be damaged")
        yield path.name, stream
        return
    with tarfile.open(fileobj=stream, mode="r|") as archive:
        for member in archive:
            handle = archive.extractfile(member) if member.isfile() and member.name.endswith(".txt") else None
            if handle is not None:
                yield member.name, handle
    # what follows the last member holds the checksum of a gzipped archive
    while stream.read(1 << 20):
        pass


def _split(file: str, lines: Iterable[bytes]) -> Iterator[RawRecord]:
    """Yield the records of a file; text after the last `//` is a truncated one, blank lines are nothing."""
    held: list[bytes] = []
    size = 0
    for line in lines:
        if line.rstrip() == b"//":
            yield _raw_record(file, held, truncated=False)
            held, size = [], 0
            continue
        size += len(line)
        if size <= MAX_RECORD_BYTES:
            held.append(line)
    if any(line.strip() for line in held):
        yield _raw_record(file, held, truncated=True)


def _raw_record(file: str, lines: list[bytes], truncated: bool) -> RawRecord:
    return RawRecord(file, b"".join(lines).decode("utf-8", errors="replace"), truncated)


def accessions(text: str) -> list[str]:
    """Return the accessions a text states: one, if it is one whole record."""
    return [value.strip() for value in re.findall(r"^ACCESSION:([^\n]*)", text, re.MULTILINE)]


def parse_record(text: str) -> MassRecord:
    """Return the EI mass spectrum of a record; raises UnusableRecord for one that is damaged, or is something else.

    Positions are m/z, intensities the record's relative ones (base peak 999).
    """
    fields, peak_lines = _fields(text)
    stated = {name: value for name, value in fields.items() if value.upper() not in _ABSENT}
    ms_type = stated.get("AC$MASS_SPECTROMETRY MS_TYPE")
    ionisation = stated.get("AC$INSTRUMENT_TYPE")
    if ms_type != "MS":
        raise UnusableRecord(RejectReason.UNSUPPORTED_SPECTRUM, f"MS_TYPE is {ms_type}, not MS")
    if "EI" not in (ionisation or "").split("-") and stated.get("AC$MASS_SPECTROMETRY IONIZATION") != "EI":
        raise UnusableRecord(RejectReason.UNSUPPORTED_SPECTRUM, f"{ionisation} is no electron ionisation")
    position, intensity = _peaks(fields.get("PK$NUM_PEAK"), peak_lines)
    energies = (f"AC$MASS_SPECTROMETRY IONIZATION_{name}" for name in ("ENERGY", "POTENTIAL"))
    return MassRecord(
        accession=fields["ACCESSION"],
        smiles=stated.get("CH$SMILES"),
        inchi=stated.get("CH$IUPAC"),
        inchikey=stated.get("CH$LINK INCHIKEY"),
        licence=stated.get("LICENSE"),
        ms_type=ms_type,
        ion_mode=stated.get("AC$MASS_SPECTROMETRY ION_MODE"),
        ionisation=ionisation,
        energy=next((stated[name] for name in energies if name in stated), None),
        instrument=stated.get("AC$INSTRUMENT"),
        position=position,
        intensity=intensity,
    )


def _fields(text: str) -> tuple[dict[str, str], list[str]]:
    """Return the value of every tag (with its subtag), the first of several, and the lines of the peak list."""
    fields: dict[str, str] = {}
    peak_lines: list[str] = []
    name = ""
    for line in text.splitlines():
        if line.startswith("  "):
            if name == "PK$PEAK":
                peak_lines.append(line)
            continue
        name, _, value = (part.strip() for part in line.partition(":"))
        if name in _WITH_SUBTAG:
            subtag, _, value = value.partition(" ")
            name = f"{name} {subtag}"
        if name in fields and name in _ONCE:
            raise UnusableRecord(RejectReason.REPEATED_FIELD, f"two lines {name}: {fields[name]!r} and {value!r}")
        fields.setdefault(name, value.strip())
    return fields, peak_lines


def _peaks(stated_count: str | None, lines: list[str]) -> tuple[list[float], list[float]]:
    if not lines:
        raise UnusableRecord(RejectReason.EMPTY_PEAK_LIST, "no peak")
    if stated_count != str(len(lines)):
        raise UnusableRecord(
            RejectReason.PEAK_COUNT_MISMATCH, f"PK$NUM_PEAK is {stated_count}, but {len(lines)} peaks are listed"
        )
    position, intensity = zip(*(_peak(number, line) for number, line in enumerate(lines)), strict=True)
    if not any(intensity):
        raise UnusableRecord(RejectReason.EMPTY_PEAK_LIST, "every intensity is 0")
    return list(position), list(intensity)


def _peak(number: int, line: str) -> tuple[float, float]:
    """Return m/z and relative intensity of `m/z int. rel.int.`."""
    try:
        mz, _, relative = values = [float(word) for word in line.split()]
    except ValueError:
        raise UnusableRecord(RejectReason.MALFORMED_PEAK, f"peak {number}: {line.strip()[:80]!r}") from None
    if not all(map(math.isfinite, values)):
        raise UnusableRecord(RejectReason.NUMBER_NOT_FINITE, f"peak {number}: {line.strip()[:80]!r}")
    if mz <= 0 or relative < 0:
        raise UnusableRecord(RejectReason.MALFORMED_PEAK, f"peak {number}: {line.strip()[:80]!r}")
    return mz, relative
