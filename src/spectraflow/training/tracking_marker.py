"""Markers of the tracking steps: whether the store was reached, in a form that makes Snakemake fill a gap."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from spectraflow.errors import InputError
from spectraflow.files import read_json, write_json
from spectraflow.training.tracking_store import TrackingError, sqlite_path, without_password


def next_attempt(marker: str | Path, uri: str | None) -> int:
    """Return the number of the attempt that a marker calls for, a parameter of the rule that writes it.

    It stays what it was as long as the store was reached and is still the one in use, so that nothing is done again. It
    grows by one if the store was missed, is another one now or lost its SQLite file: a changed parameter makes
    Snakemake run the step again.
    """
    try:
        written = read_json(Path(marker))
    except (OSError, InputError):
        return 0
    if not isinstance(written, dict) or uri is None:
        return 0
    path = sqlite_path(uri)
    there = written.get("uri") == without_password(uri) and (path is None or path.exists())
    return int(written.get("attempt", 0)) + (0 if written.get("reached", True) and there else 1)


@contextmanager
def marked(out: Path | None, uri: str, attempt: int | None) -> Iterator[dict[str, Any]]:
    """Write a marker after the block, with what the block put into the yielded dictionary.

    With `attempt`, a store that cannot be used is written into the marker and reported; without, it is an error.
    """
    found: dict[str, Any] = {}
    state: dict[str, Any] = {"uri": without_password(uri), "attempt": attempt or 0, "reached": True}
    try:
        yield found
    except TrackingError as error:
        if attempt is None:
            raise
        print(f"warning: {error}", file=sys.stderr)
        state |= {"reached": False, "error": str(error)}
    if out is not None:
        write_json(out, {**found, **state})
