"""A finished run folder, and empty MLflow stores that do not have to be set up anew for every test."""

import shutil
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from spectraflow.training import run_folder
from spectraflow.training.tracking_store import connect


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The folder of a finished run of three epochs."""
    folder = tmp_path / "runs" / "0123456789ab"
    folder.mkdir(parents=True)
    run_folder.write_settings(
        folder,
        {
            "method": "km3aid",
            "run_id": folder.name,
            "label": "K",
            "settings": {"objective": {"alpha": 0.2}},
            "data_version": "v1",
        },
    )
    run_folder.write_history(folder, [{"epoch": e, "train/loss": 2.0 - e, "seconds": 1.0 + e / 8} for e in range(3)])
    interval = {"value": 0.5, "low": 0.4, "high": 0.6, "n": 10}
    run_folder.write_metrics(
        folder, {"best_epoch": 2, "epochs": 3, "parts": {"test": {"exact/published/<=10": interval}}}
    )
    return folder


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database of a store without runs."""
    path = tmp_path_factory.mktemp("store") / "mlflow.db"
    connect(f"sqlite:///{path}")
    return path


@pytest.fixture
def uri(empty_store: Path, tmp_path: Path) -> str:
    """A store without runs for one test."""
    (tmp_path / "mlflow").mkdir()
    return f"sqlite:///{shutil.copy(empty_store, tmp_path / 'mlflow' / 'mlflow.db')}"


@pytest.fixture
def runs_in(uri: str):
    """Return the runs of one experiment of the store."""

    def search(method: str = "km3aid") -> list[Run]:
        client = MlflowClient(tracking_uri=uri)
        experiment = client.get_experiment_by_name(method)
        return list(client.search_runs([experiment.experiment_id])) if experiment else []

    return search
