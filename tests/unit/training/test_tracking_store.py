import os
import sqlite3

import mlflow
import pytest

from spectraflow.training.tracking_store import TrackingError, connect, turn, without_password


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("postgresql+psycopg://user:se:cret@host/mlflow", "postgresql+psycopg://user:***@host/mlflow"),
        ("http://user:secret@host:5000", "http://user:***@host:5000"),
        ("http://host:5000", "http://host:5000"),
        ("sqlite:////a/b@c.db", "sqlite:////a/b@c.db"),
    ],
)
def test_passwords_are_not_shown(uri, shown):
    assert without_password(uri) == shown


def test_a_file_that_is_no_database_is_named_and_kept(tmp_path):
    path = tmp_path / "mlflow.db"
    path.write_bytes(b"garbage" * 1000)
    with pytest.raises(
        TrackingError, match=rf"{path} cannot be used \(DatabaseError: file is not a database\).*move it"
    ):
        connect(f"sqlite:///{path}")
    assert path.read_bytes() == b"garbage" * 1000


def test_a_truncated_database_is_told_before_work_starts(uri, tmp_path):
    path = tmp_path / "mlflow" / "mlflow.db"
    with path.open("r+b") as handle:
        handle.truncate(path.stat().st_size // 2)
    with pytest.raises(TrackingError, match=r"malformed|not a database"):
        connect(uri, whole=True)


def test_a_store_whose_creation_is_interrupted_is_created_by_the_next(tmp_path, empty_store, monkeypatch):
    path = tmp_path / "new" / "mlflow.db"

    def interrupted(tracking_uri):
        sqlite3.connect(tracking_uri.removeprefix("sqlite:///")).execute("CREATE TABLE half (a)")
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(mlflow, "MlflowClient", interrupted)
        with pytest.raises(KeyboardInterrupt):
            connect(f"sqlite:///{path}")
    assert not path.exists()
    assert [e.name for e in connect(f"sqlite:///{path}").search_experiments()] == ["Default"]


def test_limits_of_requests_that_the_user_set_are_kept(uri, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.delenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "77")
    connect(uri)
    assert os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == "77"
    assert int(os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"]) < 7


def test_writers_of_a_sqlite_store_wait_for_each_other(uri, tmp_path):
    import fcntl

    with turn(uri), (tmp_path / "mlflow" / "mlflow.db.lock").open("a") as other, pytest.raises(BlockingIOError):
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with (tmp_path / "mlflow" / "mlflow.db.lock").open("a") as other:
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
