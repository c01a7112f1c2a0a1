"""Ends of logs, and durations, as text."""

from collections.abc import Iterable
from pathlib import Path

TAIL_BYTES = 65_536


def clock(seconds: float) -> str:
    """Return a duration as `h:mm:ss`, with days before it if there are any."""
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return f"{f'{days} d ' if days else ''}{hours}:{minutes:02}:{rest:02}"


def last_lines(path: Path, count: int) -> list[str]:
    """Return the last lines of a log that hold anything, as a terminal would show them; none if it cannot be read."""
    try:
        with Path(path).open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - TAIL_BYTES))
            text = file.read().decode("utf-8", errors="replace")
    except OSError:
        return []
    lines = (line.rstrip("\r").rpartition("\r")[2].rstrip() for line in text.split("\n"))
    return [line for line in lines if line][-count:] if count else []


def first_tail(paths: Iterable[str], count: int) -> tuple[str, list[str]]:
    """Return the first of some logs that holds anything, and its last lines; the first log if none does."""
    paths = list(paths)
    tails = ((path, last_lines(Path(path), count)) for path in paths)
    return next((found for found in tails if found[1]), (paths[0] if paths else "", []))
