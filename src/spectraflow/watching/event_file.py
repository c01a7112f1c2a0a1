"""The record of one start of Snakemake: a JSON line an event, in `events/` of the run folder, locked while it goes on.

The lock goes with the process, however that ends, so that a reader knows whether running jobs are still looked after.
"""

import fcntl
import json
import os
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

FOLDER = "events"


class EventFile:
    """Writes one record; events before the folder is known are held back."""

    def __init__(self) -> None:
        self.folder: Path | None = None
        self._held: list[str] = []
        self._file: IO[str] | None = None

    def open(self, folder: Path, started: float) -> None:
        """Begin the record in a run folder, with all events so far; `started` (seconds) names it."""
        self.folder = folder.absolute()
        (folder / FOLDER).mkdir(parents=True, exist_ok=True)
        target = self.folder / FOLDER / f"{started:.3f}-{os.getpid()}.jsonl"
        hidden = target.with_name(f".{target.name}.partial")
        self._file = hidden.open("x", encoding="utf-8")
        header = {"event": "opened", "at": started, "pid": os.getpid(), "host": socket.gethostname()}
        self._file.write(_line({**header, "locked": _locked(self._file)}) + "".join(self._held))
        self._file.flush()
        hidden.replace(target)

    def write(self, event: str, at: float, **values: Any) -> None:
        """Write an event that happened at a time (seconds)."""
        line = _line({"event": event, "at": round(at, 3), **values})
        if self._file is None:
            self._held.append(line)
        else:
            self._file.write(line)
            self._file.flush()

    def close(self, at: float) -> None:
        """End the record."""
        if self._file is not None:
            self.write("closed", at)
            self._file.close()
            self._file = None


def read_events(path: Path) -> Iterator[dict[str, Any]]:
    """Return the events of a record; a line that is being written, or was cut off, is left out."""
    with Path(path).open(encoding="utf-8", errors="replace") as file:
        for line in file:
            try:
                event = json.loads(line)
            except ValueError:
                continue
            if isinstance(event, dict):
                yield event


def still_written(path: Path, header: Mapping[str, Any]) -> bool:
    """Return whether the process that opened a record lives; where files cannot be locked, it is taken to live."""
    if not header.get("locked"):
        return True
    with Path(path).open(encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
    return False


def _line(event: Mapping[str, Any]) -> str:
    return json.dumps(event, separators=(",", ":"), default=str) + "\n"


def _locked(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
    except OSError:
        return False
    return True
