"""Files that appear whole or not at all."""

import errno
import glob
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from spectraflow.errors import DiskFullError, UnreadableFileError

_FULL = tuple(os.strerror(code) for code in (errno.ENOSPC, errno.EDQUOT))


@contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """Yield a temporary path beside `target`; rename it on success, remove it on any exception.

    What a killed process left of the same target is removed first. Raises DiskFullError if there is no space left.
    """
    target = Path(target)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(target)
        yield temporary
        temporary.replace(target)
    except Exception as error:
        if not out_of_space(error):
            raise
        temporary.unlink(missing_ok=True)
        raise DiskFullError(_full_message(target)) from error
    finally:
        temporary.unlink(missing_ok=True)


def out_of_space(error: BaseException) -> bool:
    """Return whether an error says that a disk or a quota is full, whichever library raised it."""
    return any(text in str(error) for text in _FULL)


def _full_message(target: Path) -> str:
    disk = shutil.disk_usage(next(folder for folder in target.absolute().parents if folder.exists()))
    return (
        f"{target}: no space left ({disk.free / 1e6:,.1f} of {disk.total / 1e6:,.1f} MB free), nothing of it was kept; "
        "make room and start the same command again"
    )


def _remove_leftovers(target: Path) -> None:
    for path in target.parent.glob(f".{glob.escape(target.name)}.*.partial"):
        owner = path.name.split(".")[-2]
        if owner.isdecimal() and not _alive(int(owner)):
            path.unlink(missing_ok=True)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        pass
    return True


def write_text(target: Path, text: str) -> None:
    """Write `text` (UTF-8) to `target` atomically."""
    with atomic_path(target) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(target: Path, value: Any) -> None:
    """Write `value` as indented JSON to `target` atomically."""
    write_text(target, json.dumps(value, indent=2, sort_keys=True, default=str) + "\n")


def read_json(path: Path) -> Any:
    """Return the JSON value in `path`; raises UnreadableFileError if it holds none."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except ValueError as error:
        raise UnreadableFileError(path, f"not readable as JSON ({error})") from error
