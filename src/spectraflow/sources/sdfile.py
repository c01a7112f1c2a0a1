"""SD files as a stream of record texts, and the properties of one record.

Format: BIOVIA CTfile formats, chapter "SDFiles": a mol block, data items (`> <name>`, value lines, a blank line),
and the separator `$$$$`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from spectraflow.errors import InputError
from spectraflow.sources.raw_files import read_blocks

MAX_RECORD_BYTES = 1 << 25
_SEPARATOR = re.compile(rb"^\$\$\$\$[^\n]*(?:\n|\Z)", re.MULTILINE)
_PROPERTY = re.compile(r"^>[^<\n]*<([^\n]*?)>[^\n]*(?:\n|\Z)((?:(?!>)[^\n]+(?:\n|\Z))*)", re.MULTILINE)
_BLOCK_END = "\nM  END"


@dataclass(frozen=True, slots=True)
class SdRecord:
    """One record of an SD file: its text without the separator, and where it stands."""

    ordinal: int
    line: int
    text: str
    truncated: bool = False


def read_records(path: Path, limit: int | None = None) -> Iterator[SdRecord]:
    """Yield the records of an SD file, plain or gzipped, holding one block and one record at a time.

    `ordinal` counts from 1, `line` is the record's first line. A last record without `$$$$` comes with
    ``truncated=True``. Raises InputError if the file is missing, empty, holds no record, is a damaged gzip
    (naming how many records were read before) or has a record beyond 32 MiB.
    """
    ordinal = 0
    try:
        for record in _records(Path(path)):
            if limit is not None and ordinal >= limit:
                return
            ordinal = record.ordinal
            yield record
    except InputError as error:
        raise InputError(f"{error}; {ordinal} records were read before" if ordinal else str(error)) from error
    if ordinal == 0:
        raise InputError(f"{path}: the file holds no record")


def _records(path: Path) -> Iterator[SdRecord]:
    ordinal, line, rest = 1, 1, b""
    for block in read_blocks(path):
        buffer = rest + block
        # a separator line may go on in the next block, so only whole lines are searched
        whole = buffer.rfind(b"\n") + 1
        start = 0
        for separator in _SEPARATOR.finditer(buffer, 0, whole):
            raw = buffer[start : separator.start()]
            yield SdRecord(ordinal, line, _text(raw))
            ordinal, line, start = ordinal + 1, line + raw.count(b"\n") + 1, separator.end()
        rest = buffer[start:]
        if len(rest) > MAX_RECORD_BYTES:
            raise InputError(f"{path}: no record separator ($$$$) in {len(rest):,} bytes after line {line}")
    for part, complete in _last_parts(rest):
        if complete or part.strip():
            yield SdRecord(ordinal, line, _text(part), truncated=not complete)
            ordinal, line = ordinal + 1, line + part.count(b"\n") + 1


def _last_parts(rest: bytes) -> Iterator[tuple[bytes, bool]]:
    """Yield what follows the last whole line that was searched: a separator may end the file without a newline."""
    separator = _SEPARATOR.search(rest)
    if separator is None:
        yield rest, False
    else:
        yield rest[: separator.start()], True
        yield rest[separator.end() :], False


def _text(raw: bytes) -> str:
    text = raw.decode("utf-8", errors="replace")
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def split_record(text: str) -> tuple[str, list[tuple[str, str]]]:
    """Return the mol block and the data items (name, value without its last newline) of a record, in file order.

    Data items are sought after `M  END`; without that line the block is the text up to the first data item.
    """
    found = text.find(_BLOCK_END)
    end = found + len(_BLOCK_END) if found >= 0 else 0
    properties = [(m[1].strip(), m[2].rstrip("\n")) for m in _PROPERTY.finditer(text, end)]
    if end:
        return text[:end] + "\n", properties
    first = _PROPERTY.search(text)
    return text[: first.start()] if first else text, properties
