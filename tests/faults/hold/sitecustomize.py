"""Imported by every Python process of a fault test: holds a process that is about to rename a file into place.

The folder in HOLD_FOLDER says what is held: its file `armed` holds the name of the file and how many renames pass
first. A held process writes its id to `held` and waits; it holds once, then the folder must be armed anew.
"""

import os
import sys
import threading
from pathlib import Path
from typing import Any

_passed = 0


def _hold(folder: Path, event: str, arguments: tuple[Any, ...]) -> None:
    global _passed
    if event != "os.rename":
        return
    try:
        name, passing = (folder / "armed").read_text().split()
    except FileNotFoundError:
        return
    if Path(os.fsdecode(arguments[1])).name != name:
        return
    _passed += 1
    if _passed > int(passing):
        (folder / "armed").unlink()
        (folder / "writing").write_text(str(os.getpid()))
        (folder / "writing").rename(folder / "held")
        threading.Event().wait()


if "HOLD_FOLDER" in os.environ:
    _folder = Path(os.environ["HOLD_FOLDER"])
    sys.addaudithook(lambda event, arguments: _hold(_folder, event, arguments))
