import json
import socket
import threading
import time
import warnings

import pytest

from spectraflow.errors import InputError
from spectraflow.training import tracking
from spectraflow.training.tracking import Mirror, initialise, sync_runs
from spectraflow.training.tracking_store import TrackingError


@pytest.fixture
def silent_server(monkeypatch):
    """A server that accepts every request and never answers; requests to it wait for half a minute."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


@pytest.fixture
def no_server(monkeypatch):
    """An address where nothing listens."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"


def test_a_store_that_fails_never_stops_a_training(run):
    with pytest.warns(UserWarning, match="tracking sync"):
        Mirror(run, "sqlite:////proc/nowhere/mlflow.db").finish()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Mirror(run, None).finish()


def test_a_training_does_not_wait_for_a_store_but_at_its_end(run, silent_server):
    mirror = Mirror(run, silent_server, every_seconds=0)
    mirror.update()
    copying = mirror._copy
    assert copying is not None
    assert copying.is_alive()
    mirror.update()
    assert mirror._copy is copying
    with pytest.warns(UserWarning, match=f"{silent_server} was not updated"):
        mirror.finish(seconds=0.1)
    assert copying.is_alive()


def test_failures_are_reported_once_and_tried_again_at_growing_pauses(run, no_server):
    mirror = Mirror(run, no_server, every_seconds=100)
    with pytest.warns(UserWarning, match="was not updated"):
        mirror.finish()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        mirror.finish()
        mirror.update()
    assert 390 < mirror._due - time.monotonic() < 401


def test_after_a_failure_a_reached_store_gets_all_and_the_pause_is_the_first_again(run, uri, runs_in, monkeypatch):
    mirror = Mirror(run, uri, every_seconds=100)
    with monkeypatch.context() as patched:
        patched.setattr(tracking, "sync_run", lambda *arguments: 1 / 0)
        with pytest.warns(UserWarning, match="ZeroDivisionError"):
            mirror.finish()
    mirror.finish()
    (found,) = runs_in()
    assert found.info.status == "FINISHED"
    assert 90 < mirror._due - time.monotonic() < 101


def test_updates_come_at_most_once_in_a_pause(run, monkeypatch):
    copies = threading.Semaphore(0)
    monkeypatch.setattr(tracking, "connect", lambda uri: None)
    monkeypatch.setattr(tracking, "sync_run", lambda *arguments: copies.release())
    mirror = Mirror(run, "http://anywhere", every_seconds=1000)
    mirror.update()
    mirror._due = 0.0
    mirror.update()
    assert copies.acquire(timeout=60)
    mirror._ended(time.monotonic() + 60)
    mirror.update()
    assert not copies.acquire(blocking=False)


def test_syncing_by_hand_fails_and_says_what_to_do(run, no_server, tmp_path):
    with pytest.raises(TrackingError, match=f"{no_server} cannot be used.*make tracking-server"):
        sync_runs(no_server, [run], tmp_path / "marker.json")
    assert not (tmp_path / "marker.json").exists()


def test_in_the_workflow_the_marker_says_that_the_store_was_missed(run, no_server, tmp_path, capsys):
    sync_runs(no_server, [run], tmp_path / "synced.json", attempt=3)
    initialise(no_server, tmp_path / "initialised.json", attempt=0)
    for name, attempt in (("synced.json", 3), ("initialised.json", 0)):
        marker = json.loads((tmp_path / name).read_text())
        assert marker["reached"] is False
        assert marker["attempt"] == attempt
        assert no_server in marker["error"]
    assert capsys.readouterr().err.count("warning: the MLflow server") == 2


def test_without_tracking_the_marker_is_null(tmp_path):
    initialise(None, tmp_path / "initialised.json", attempt=0)
    assert json.loads((tmp_path / "initialised.json").read_text()) is None


def test_the_marker_names_store_and_runs(run, uri, tmp_path):
    initialise(uri, tmp_path / "initialised.json", attempt=0)
    assert sync_runs(uri, [tmp_path / "runs"], tmp_path / "synced.json", attempt=1) == 1
    marker = json.loads((tmp_path / "synced.json").read_text())
    assert marker == {"attempt": 1, "reached": True, "runs": [run.name], "uri": uri}


def test_a_folder_without_runs_is_an_error(tmp_path):
    with pytest.raises(InputError, match="no run folder"):
        sync_runs("sqlite:///x.db", [tmp_path])
