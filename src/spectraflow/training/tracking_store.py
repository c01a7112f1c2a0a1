"""MLflow stores: how to reach one, and what to tell a user whose store cannot be used."""

import fcntl
import logging
import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spectraflow.errors import SpectraflowError
from spectraflow.files import atomic_path

if TYPE_CHECKING:
    from mlflow import MlflowClient

_DEFAULTS = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}
"""MLflow's own defaults would try a dead server for minutes; variables that the user set win."""
_QUIET = {
    "mlflow": logging.WARNING,
    "alembic": logging.WARNING,
    "mlflow.store.db.utils": logging.CRITICAL,
    "urllib3.connectionpool": logging.ERROR,
}
_SQLITE = "sqlite:///"
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


class TrackingError(SpectraflowError):
    """The MLflow store cannot be used now; the run folders keep all it should hold."""


def without_password(uri: str) -> str:
    """Return the address of a store as it may be shown."""
    return re.sub(r"(//[^:/@]*:)[^@/]+@", r"\1***@", uri)


def sqlite_path(uri: str) -> Path | None:
    """Return the database file of a SQLite store, None for other stores."""
    return Path(uri.removeprefix(_SQLITE)).resolve() if uri.startswith(_SQLITE) else None


def artifact_root(uri: str) -> str | None:
    """Return where artifacts of a SQLite store go: a folder beside the database; None leaves it to a server."""
    path = sqlite_path(uri)
    return None if path is None else (path.parent / "artifacts").as_uri()


def connect(uri: str, *, whole: bool = False) -> "MlflowClient":
    """Return a client of a store; a SQLite store that does not exist is created, whole or not at all.

    `whole` checks all of a SQLite file rather than its first page. Raises TrackingError for a file that cannot be read.
    """
    for name, value in _DEFAULTS.items():
        os.environ.setdefault(name, value)
    for name, level in _QUIET.items():
        logging.getLogger(name).setLevel(level)
    from mlflow import MlflowClient

    with store_errors(uri):
        path = sqlite_path(uri)
        if path is not None:
            _spare_disk()
            _create_sqlite(path, uri)
            _check_sqlite(path, whole=whole)
        return MlflowClient(tracking_uri=uri)


@cache
def _spare_disk() -> None:
    """Let SQLite not wait for the disk in this process: what a power failure spoils is rebuilt from the run folders."""
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    def begin(connection: Any, record: Any) -> None:
        if isinstance(connection, sqlite3.Connection):
            connection.execute("PRAGMA synchronous = OFF")

    event.listen(Engine, "connect", begin)


def _create_sqlite(path: Path, uri: str) -> None:
    """Create a store that is not there; MLflow does so in place, step by step, and a kill would leave a broken one."""
    from mlflow import MlflowClient

    path.parent.mkdir(parents=True, exist_ok=True)
    if _has_content(path):
        return
    with turn(uri):
        if not _has_content(path):
            with atomic_path(path) as temporary:
                MlflowClient(tracking_uri=f"{_SQLITE}{temporary}")


def _has_content(path: Path) -> bool:
    return path.exists() and path.stat().st_size > 0


def _check_sqlite(path: Path, *, whole: bool) -> None:
    """Raise an error if the file is no SQLite database: MLflow would try for minutes to open it."""
    try:
        with closing(sqlite3.connect(path)) as connection:
            (found,) = connection.execute("PRAGMA quick_check(1)" if whole else "PRAGMA schema_version").fetchone()
        if whole and found != "ok":
            raise sqlite3.DatabaseError(found)
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", None) not in _BUSY:
            raise


@contextmanager
def turn(uri: str) -> Iterator[None]:
    """Wait for this process's turn to write to a SQLite store; a server sees to that itself.

    SQLite lets waiting writers poll, so that of dozens some give up ("database is locked"); a file lock queues them.
    """
    path = sqlite_path(uri)
    if path is None:
        yield
        return
    with path.with_name(f"{path.name}.lock").open("a") as handle:
        with suppress(OSError):  # a file system without locks
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


@contextmanager
def store_errors(uri: str) -> Iterator[None]:
    """Turn whatever a store raises into a TrackingError that says what to do."""
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (MlflowException, SQLAlchemyError, sqlite3.Error, OSError) as error:
        raise TrackingError(_explain(without_password(uri), sqlite_path(uri), error)) from error


def _explain(shown: str, path: Path | None, error: Exception) -> str:
    words = str(error).splitlines() or [""]
    reason = f"{type(error).__name__}: {words[0][:300]}"
    if path is not None:
        return (
            f"the MLflow store {path} cannot be used ({reason}); if the file is damaged, move it away: "
            "the same command writes a new one from the run folders"
        )
    return (
        f"the MLflow server at {shown} cannot be used ({reason}); start it (`make tracking-server`) or change "
        "tracking.uri, and run the same command again: the run folders keep everything"
    )
