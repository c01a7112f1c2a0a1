"""Gzip files whose bytes do not depend on when or where they are written."""

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast


@contextmanager
def gzip_text(path: Path) -> Iterator[BinaryIO]:
    """Open a gzip file for writing bytes, without a time stamp or a file name in its header."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as raw, gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0, compresslevel=6) as handle:
        yield cast(BinaryIO, handle)
