"""MLflow as a mirror of run folders: the files are the truth, the store can be rebuilt from them at any time."""

import threading
import time
import warnings
from collections.abc import Iterable
from pathlib import Path

from spectraflow.errors import InputError
from spectraflow.files import write_json
from spectraflow.training import run_folder
from spectraflow.training.tracking_marker import marked
from spectraflow.training.tracking_runs import sync_run
from spectraflow.training.tracking_store import connect, store_errors, without_password

LONGEST_PAUSE = 600.0
LAST_COPY_SECONDS = 120.0


def initialise(uri: str | None, out: Path, attempt: int | None = None) -> None:
    """Create the store, unless it is there, and write a marker; null if there is to be none.

    With `attempt` (see `next_attempt`), a store that cannot be used is written into the marker instead of raised.
    """
    if uri is None:
        write_json(out, None)
        return
    with marked(out, uri, attempt) as found:
        client = connect(uri, whole=True)
        with store_errors(uri):
            found["experiments"] = len(client.search_experiments())


def sync_runs(uri: str, folders: Iterable[Path], marker: Path | None = None, attempt: int | None = None) -> int:
    """Rebuild the store from run folders, or from folders that hold them; returns how many runs were found.

    `marker` is a JSON file to write afterwards, naming store and runs; `attempt` as for `initialise`.
    """
    found = sorted({path.parent for folder in folders for path in Path(folder).rglob(run_folder.SETTINGS)})
    if not found:
        raise InputError("no run folder found (a run folder holds settings.json)")
    with marked(marker, uri, attempt) as written:
        client = connect(uri, whole=True)
        with store_errors(uri):
            client.search_experiments(max_results=1)
            for folder in found:
                sync_run(client, uri, folder)
        written["runs"] = [folder.name for folder in found]
    return len(found)


class Mirror:
    """Copies a run folder to the store while it is being written; a store that fails never stops a training.

    Copies are made in a thread, so that the training does not wait for a store that is slow, locked or gone. After a
    failure the pause before the next copy doubles, up to `LONGEST_PAUSE`; only the first failure is reported.
    """

    def __init__(self, folder: Path, uri: str | None, every_seconds: float = 15.0) -> None:
        self.folder, self.uri, self.every_seconds = folder, uri, every_seconds
        self._pause = every_seconds
        self._due = time.monotonic() + every_seconds
        self._copy: threading.Thread | None = None
        self._error: Exception | None = None
        self._reported = False

    def update(self) -> None:
        """Begin to copy what is new, at most once in `every_seconds`; returns at once."""
        if self.uri is None or (self._copy is not None and self._copy.is_alive()):
            return
        self._report()
        if time.monotonic() >= self._due:
            self._begin(self.uri)

    def finish(self, seconds: float = LAST_COPY_SECONDS) -> None:
        """Copy what is new now; gives up after `seconds`."""
        if self.uri is None:
            return
        deadline = time.monotonic() + seconds
        if self._ended(deadline):
            self._begin(self.uri)
            self._ended(deadline)
        self._report()

    def _begin(self, uri: str) -> None:
        self._copy = threading.Thread(target=self._run, args=(uri,), name="tracking", daemon=True)
        self._copy.start()

    def _run(self, uri: str) -> None:
        try:
            sync_run(connect(uri), uri, self.folder)
        except Exception as error:  # the files are the truth: whatever the store raises is only reported
            self._error = error
            self._pause = min(2 * self._pause, LONGEST_PAUSE)
        else:
            self._error = None
            self._pause = self.every_seconds
        self._due = time.monotonic() + self._pause

    def _ended(self, deadline: float) -> bool:
        if self._copy is not None:
            self._copy.join(max(0.0, deadline - time.monotonic()))
            if self._copy.is_alive():
                self._error = TimeoutError("no answer in time")
                return False
        return True

    def _report(self) -> None:
        if self._error is None or self._reported or self.uri is None:
            return
        self._reported = True
        warnings.warn(
            f"MLflow at {without_password(self.uri)} was not updated ({type(self._error).__name__}: {self._error}); "
            "the training goes on, and `spectraflow tracking sync` fills the gap",
            stacklevel=3,
        )
