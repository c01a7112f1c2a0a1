"""MLflow under load and under faults: the store ends with what the run folders hold; trainings never fail for it."""

import contextlib
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from spectraflow.errors import InputError
from spectraflow.files import read_json, write_json
from spectraflow.training import run_folder
from spectraflow.training.postgres import find_programs
from tests.faults.workplace import TARGET, Workplace
from tests.waiting import PATIENCE, wait_until

pytestmark = pytest.mark.slow

JOBS = Path(__file__).with_name("tracking_jobs.py")
SPECTRAFLOW = (sys.executable, "-m", "spectraflow")
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


@dataclass
class Server:
    """A tracking server of the command `spectraflow tracking serve` that can be killed and started again."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = field(default=None)

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        log = self.folder.with_suffix(".txt")
        command = (
            *SPECTRAFLOW,
            "tracking",
            "serve",
            "--folder",
            self.folder,
            "--port",
            str(self.port),
            "--workers",
            "2",
        )
        with log.open("wb") as stream:
            self.process = subprocess.Popen(
                command, stdout=stream, stderr=stream, env=ENVIRONMENT, start_new_session=True
            )
        wait_until(lambda: f"tracking server on {self.uri}" in log.read_text(), self.process, log)

    def kill(self) -> None:
        """Kill command, MLflow and PostgreSQL at once."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(PATIENCE)

    def stop(self) -> str:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(PATIENCE)
        return self.folder.with_suffix(".txt").read_text()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A tracking server on PostgreSQL, in a folder that the user who runs PostgreSQL can enter."""
    pytest.importorskip("psycopg", reason="needs psycopg: pip install 'spectraflow[server]'")
    try:
        find_programs()
    except InputError as error:
        pytest.skip(str(error))
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    folder = Path(tempfile.mkdtemp(prefix="tracking-"))
    folder.chmod(0o755)
    started = Server(folder / "server", port)
    started.start()
    yield started
    printed = started.stop()
    shutil.rmtree(folder)
    assert "tracking server stopped" in printed


@pytest.fixture
def trainings(tmp_path: Path) -> Callable[..., subprocess.Popen[bytes]]:
    """Start so many training processes; `twice` of the runs are logged by two of them."""

    def start(uri: str, processes: int, twice: int = 0, hold: Path | None = None) -> subprocess.Popen[bytes]:
        folders = [str(tmp_path / "runs" / f"{number:012x}") for number in range(processes - twice)]
        write_json(
            tmp_path / "jobs.json", {"uri": uri, "folders": folders + folders[:twice], "epochs": 4, "hold": hold}
        )
        with (tmp_path / "output.txt").open("wb") as stream:
            command = (sys.executable, JOBS, tmp_path / "jobs.json")
            return subprocess.Popen(command, stdout=stream, stderr=stream, env=ENVIRONMENT)

    return start


def in_files(runs: Path) -> dict[str, Any]:
    """Return what run folders hold: parameters, metrics by epoch, last scores."""
    found = {}
    for folder in runs.iterdir():
        settings, history = run_folder.read_settings(folder), run_folder.read_history(folder)
        training = {f"training.{name}": str(value) for name, value in settings["settings"]["training"].items()}
        metrics = read_json(folder / run_folder.METRICS)
        found[folder.name] = {
            "experiment": settings["method"],
            "parameters": {"seed": str(settings["settings"]["seed"]), "data_version": "v1", **training},
            "history": {name: [(r["epoch"], r[name]) for r in history] for name in history[0]},
            "scores": {"accuracy": metrics["parts"]["test"]["accuracy"]["value"], "best": metrics["best_epoch"]},
        }
    return found


def in_store(uri: str, names: Collection[str] = ()) -> dict[str, Any]:
    """Return the same of the runs of a store, or of some; a run that is there twice or is not whole is a failure."""
    from mlflow import MlflowClient
    from mlflow.entities import Run

    client = MlflowClient(tracking_uri=uri)
    experiments = {experiment.experiment_id: experiment.name for experiment in client.search_experiments()}

    def describe(run: Run) -> dict[str, Any]:
        assert run.info.status == "FINISHED"
        artifacts = {artifact.path for artifact in client.list_artifacts(run.info.run_id)}
        assert {"metrics.jsonl", "training_curves.png"} <= artifacts
        by_epoch = set(run.data.metrics) - {"best_epoch", "final/test/accuracy"}
        history = {name: client.get_metric_history(run.info.run_id, name) for name in by_epoch}
        return {
            "experiment": experiments[run.info.experiment_id],
            "parameters": dict(run.data.params),
            "history": {name: sorted((m.step, m.value) for m in metrics) for name, metrics in history.items()},
            "scores": {"accuracy": run.data.metrics["final/test/accuracy"], "best": run.data.metrics["best_epoch"]},
        }

    runs = [(run.data.tags["spectraflow.run_id"], run) for run in client.search_runs(list(experiments))]
    wanted = [(name, run) for name, run in runs if not names or name in names]
    assert len(dict(wanted)) == len(wanted)
    with ThreadPoolExecutor(8) as pool:
        return dict(zip(dict(wanted), pool.map(describe, dict(wanted).values()), strict=True))


def test_32_processes_lose_nothing_in_a_sqlite_store(trainings, tmp_path):
    uri = f"sqlite:///{tmp_path}/mlflow/mlflow.db"
    assert trainings(uri, 32, twice=2).wait(PATIENCE) == 0
    assert "was not updated" not in (tmp_path / "output.txt").read_text()
    assert in_store(uri) == in_files(tmp_path / "runs")
    assert len(in_files(tmp_path / "runs")) == 30


def test_32_processes_lose_nothing_on_a_server_with_postgresql(server, trainings, tmp_path, monkeypatch):
    monkeypatch.setitem(ENVIRONMENT, "MLFLOW_HTTP_REQUEST_TIMEOUT", "600")
    assert trainings(server.uri, 32, twice=2).wait(PATIENCE) == 0
    assert "was not updated" not in (tmp_path / "output.txt").read_text()
    assert in_store(server.uri) == in_files(tmp_path / "runs")


def test_trainings_end_without_a_killed_server_and_a_sync_fills_the_gap(server, trainings, tmp_path, monkeypatch):
    monkeypatch.setitem(ENVIRONMENT, "MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    hold = tmp_path / "hold"
    running = trainings(server.uri, 4, hold=hold)
    waiting = Path(f"{hold}.waiting")
    wait_until(lambda: waiting.exists() and len(waiting.read_text().split()) == 4, running, tmp_path / "output.txt")
    server.kill()
    hold.touch()
    assert running.wait(PATIENCE) == 0
    assert (tmp_path / "output.txt").read_text().count("UserWarning: MLflow at") == 4
    server.start()
    sync = (*SPECTRAFLOW, "tracking", "sync", "--uri", server.uri, tmp_path / "runs")
    subprocess.run(sync, check=True, env=ENVIRONMENT, timeout=PATIENCE)
    expected = in_files(tmp_path / "runs")
    assert in_store(server.uri, expected.keys()) == expected


def test_a_run_over_a_damaged_store_ends_as_usual_and_fills_the_store_once_it_is_gone(place: Workplace, undisturbed):
    store = place.results / "mlflow" / "mlflow.db"
    store.parent.mkdir(exist_ok=True)
    store.write_bytes(b"garbage" * 10_000)
    (place.folder / "tracked.yaml").write_text("tracking: {enabled: true}\n", encoding="utf-8")
    marker = store.with_name("synced.json")

    def run() -> str:
        command = [sys.executable, "-m", "snakemake", TARGET, marker.relative_to(place.folder), "--cores", "2"]
        environment = {**ENVIRONMENT, "SPECTRAFLOW_ACCELERATOR": "cpu"}
        command += ["--configfile", "faults.yaml", "tracked.yaml"]
        done = subprocess.run(
            command, cwd=place.folder, env=environment, timeout=PATIENCE, capture_output=True, text=True
        )
        assert done.returncode == 0, (done.stdout + done.stderr)[-8000:]
        return done.stdout + done.stderr

    run()
    assert place.tables().same_as(undisturbed)
    assert f"MLflow at sqlite:///{store.relative_to(place.folder)} was not updated" in place.logs()
    missed = json.loads(marker.read_text())
    assert missed["reached"] is False
    assert f"{store} cannot be used" in missed["error"]
    assert "move it away" in missed["error"]
    store.unlink()
    printed = run()
    assert "train_km3aid" not in printed
    assert json.loads(marker.read_text())["reached"] is True
    (folder,) = (place.results / "km3aid" / "runs").iterdir()
    with contextlib.closing(sqlite3.connect(store)) as connection:
        logged = connection.execute("SELECT value FROM tags WHERE key = 'spectraflow.run_id'").fetchall()
    assert (folder.name,) in logged
    assert "Nothing to be done" in run()
