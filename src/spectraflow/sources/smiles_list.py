"""SMILES lists of any length: `id<TAB>SMILES` (PubChem's CID-SMILES) or one SMILES a line (.smi)."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from spectraflow.errors import InputError
from spectraflow.files import write_json
from spectraflow.molecules.standardise import MAX_SMILES_LENGTH, UnusableMolecule, molecule_row, parse_smiles
from spectraflow.parallel import chunked, ordered_map
from spectraflow.sources.accounting import count_rejects, require_equal
from spectraflow.sources.raw_files import read_blocks
from spectraflow.tables import MOLECULES, REJECTS, RejectReason, TableWriter

CHUNK_LINES = 2_000
# longer lines are cut while they are read: they cannot be used, whatever follows
MAX_LINE_BYTES = 8 * MAX_SMILES_LENGTH


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the file: its number from 1 and its text without the line end."""

    number: int
    text: str


def ingest(
    raw: Path,
    source: str,
    molecules: Path,
    rejects: Path,
    counts: Path,
    *,
    limit: int | None = None,
    every: int = 1,
    processes: int = 1,
) -> dict[str, Any]:
    """Turn a SMILES list into the tables molecules and rejects, and return and write the accounting.

    The first line with text decides the format: with a tab, every line is `id<TAB>SMILES`; otherwise a line is a
    SMILES and perhaps a name after a space, and the line number is the id. Every line is a molecule or a reject.
    Ids are not compared with each other, so memory does not grow with the file. Raises InputError if the file
    cannot be used as a whole and AccountingError if the counts do not add up; then no output appears.
    """
    lines = read_lines(raw)
    lines = islice(lines, 0, None if limit is None else limit * every, every)
    tabbed, lines = _detect_format(lines)
    read_chunk = partial(read_lines_chunk, source=source, tabbed=tabbed)
    read, reasons = 0, Counter[tuple[str, str]]()
    with TableWriter(molecules, MOLECULES) as molecule_writer, TableWriter(rejects, REJECTS) as reject_writer:
        for found, good, bad in ordered_map(read_chunk, chunked(lines, CHUNK_LINES), processes):
            read += found
            reasons += count_rejects(bad)
            molecule_writer.write(good)
            reject_writer.write(bad)
        if read == 0:
            raise InputError(f"{raw}: the file holds no line")
        require_equal(source, "lines", read, molecule_writer.rows, reject_writer.rows)
        summary = {
            "source": source,
            "format": "id<TAB>SMILES" if tabbed else "SMILES",
            "records": read,
            "molecules": molecule_writer.rows,
            "record_rejects": reject_writer.rows,
            "rejects": {f"{stage}/{reason}": count for (stage, reason), count in sorted(reasons.items())},
        }
        write_json(counts, summary)
    return summary


def read_lines(path: Path) -> Iterator[Line]:
    """Yield the lines of a plain or gzipped text file, each cut at 160,000 bytes, in bounded memory."""
    number, rest = 1, b""
    for block in read_blocks(path):
        *whole, rest = (rest[:MAX_LINE_BYTES] + block).split(b"\n")
        for raw in whole:
            yield Line(number, _text(raw))
            number += 1
    if rest:
        yield Line(number, _text(rest))


def _text(raw: bytes) -> str:
    return raw[:MAX_LINE_BYTES].decode("utf-8", errors="replace").rstrip("\r\n")


def _detect_format(lines: Iterator[Line]) -> tuple[bool, Iterator[Line]]:
    """Return whether lines read `id<TAB>SMILES`, and the lines again."""
    seen: list[Line] = []
    for line in lines:
        seen.append(line)
        if line.text.strip() or len(seen) == CHUNK_LINES:
            break
    tabbed = bool(seen) and "\t" in seen[-1].text.strip()

    def again() -> Iterator[Line]:
        yield from seen
        yield from lines

    return tabbed, again()


def read_lines_chunk(lines: list[Line], source: str, tabbed: bool) -> tuple[int, pa.Table, pa.Table]:
    """Return the number of lines, the molecules and the rejects of a chunk; never raises for what a line holds."""
    good: list[dict[str, Any]] = []
    bad: list[dict[str, Any]] = []
    for line in lines:
        native_id = str(line.number)
        try:
            native_id, smiles = _split_line(line, tabbed)
            good.append(molecule_row(parse_smiles(smiles), f"{source}:{native_id}"))
        except UnusableMolecule as error:
            bad.append(_reject(line, native_id, error.reason, error.message))
        except Exception as error:  # RDKit raises RuntimeError and others for what it did not foresee
            bad.append(
                _reject(line, native_id, RejectReason.UNREADABLE_MOLECULE, f"{type(error).__name__}: {error}"[:300])
            )
    return len(lines), pa.Table.from_pylist(good, schema=MOLECULES), pa.Table.from_pylist(bad, schema=REJECTS)


def _split_line(line: Line, tabbed: bool) -> tuple[str, str]:
    if not tabbed:
        words = line.text.split(maxsplit=1)
        return str(line.number), words[0] if words else ""
    if not line.text.strip():
        raise UnusableMolecule(RejectReason.EMPTY_MOLECULE, "empty line")
    native_id, tab, rest = line.text.partition("\t")
    if not tab:
        raise UnusableMolecule(RejectReason.MALFORMED_LINE, f"no tab between id and SMILES: {line.text[:80]!r}")
    if not native_id.strip():
        raise UnusableMolecule(RejectReason.MISSING_ID, f"no id: {line.text[:80]!r}")
    words = rest.split(maxsplit=1)
    return native_id.strip(), words[0] if words else ""


def _reject(line: Line, native_id: str, reason: RejectReason, message: str) -> dict[str, str]:
    return {"native_id": native_id, "stage": "record", "reason": reason, "message": f"line {line.number}: {message}"}
