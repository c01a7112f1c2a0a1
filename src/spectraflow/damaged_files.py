"""Damaged files that the workflow itself made: set aside, so that the same command makes them again."""

import os
from contextlib import suppress
from pathlib import Path

RESULTS = "SPECTRAFLOW_RESULTS"
"""Environment variable with the results folder of the workflow that started a command; unset if a user did."""

RAW = "raw"


def set_aside(path: Path) -> Path | None:
    """Rename a damaged file of the workflow's results out of the way and return its new place.

    Returns None, and touches nothing, if no workflow started this command or the file is not one it can make again:
    raw files and files elsewhere are the user's.
    """
    results = os.environ.get(RESULTS)
    if not results:
        return None
    inside = Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow a link to a user's file
    try:
        below = inside.relative_to(os.path.abspath(results))  # noqa: PTH100
    except ValueError:
        return None
    if below.parts[:1] == (RAW,) or inside.is_symlink() or inside.is_dir():
        return None
    aside = inside.with_name(f".{inside.name}.damaged")
    with suppress(FileNotFoundError):  # another job that reads it was first
        inside.replace(aside)
    return Path(path).with_name(aside.name)


def advice(path: Path) -> str:
    """Set a damaged file aside if that is safe, and return what to do now."""
    aside = set_aside(path)
    if aside is None:
        return f"if the workflow made it, remove {path} and start the workflow again; it is made anew"
    return f"it now lies at {aside}; start the same command again and it is made anew"
