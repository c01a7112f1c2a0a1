"""Raw text files, plain or gzipped, as a stream of byte blocks."""

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from spectraflow.errors import InputError

BLOCK_BYTES = 1 << 20
GZIP_MAGIC = b"\x1f\x8b"
_CONTROL_BYTES = bytes(set(range(32)) - set(b"\t\n\r"))


def read_blocks(path: Path) -> Iterator[bytes]:
    """Yield the text of a raw file in blocks of at most 1 MiB; gzip is told by its first bytes, not by the name.

    Raises InputError if the file is missing, empty, neither gzip nor text, or a damaged gzip stream (after the
    blocks before the damage).
    """
    path = Path(path)
    try:
        with path.open("rb") as handle:
            head = handle.read(4096)
            if not head:
                raise InputError(f"{path}: the file is empty")
            gzipped = head.startswith(GZIP_MAGIC)
            if not gzipped and _is_binary(head):
                raise InputError(f"{path}: neither text nor gzip; the file may be damaged")
            handle.seek(0)
            if gzipped:
                with gzip.open(handle) as unpacked:
                    yield from _blocks(unpacked)  # type: ignore[arg-type]
            else:
                yield from _blocks(handle)
    except (zlib.error, EOFError, gzip.BadGzipFile) as error:
        raise InputError(f"{path}: damaged gzip file ({error})") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error


def _is_binary(head: bytes) -> bool:
    """Compressed bytes hold 11 % control characters; text with a damaged character here and there far fewer."""
    return len(head) >= 64 and len(head.translate(None, _CONTROL_BYTES)) < 0.95 * len(head)


def _blocks(handle: IO[bytes]) -> Iterator[bytes]:
    while block := handle.read(BLOCK_BYTES):
        yield block
