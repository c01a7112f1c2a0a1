"""MLflow as a mirror of run folders: the files are the truth, the store can be rebuilt from them at any time."""

import logging
import os
import re
import time
import warnings
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spectraflow.errors import InputError
from spectraflow.files import read_json, write_json
from spectraflow.training import run_folder

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

RUN_TAG = "spectraflow.run_id"
STEP_METRIC = "seconds"
BATCH = 900
PARAMETER_LENGTH = 500


def _client(uri: str) -> "MlflowClient":
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    logging.getLogger("mlflow").setLevel(logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=uri)


def _artifact_root(uri: str) -> str | None:
    """Return where artifacts of a SQLite store go: a folder beside the database; None leaves it to a server."""
    if not uri.startswith("sqlite:///"):
        return None
    return (Path(uri.removeprefix("sqlite:///")).resolve().parent / "artifacts").as_uri()


def _experiment(client: "MlflowClient", name: str, uri: str) -> str:
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(name)
    if found is not None:
        return str(found.experiment_id)
    try:
        return str(client.create_experiment(name, artifact_location=_artifact_root(uri)))
    except MlflowException:
        found = client.get_experiment_by_name(name)  # another job was first
        if found is None:
            raise
        return str(found.experiment_id)


def initialise(uri: str, out: Path) -> None:
    """Create the store and write a marker; concurrent first jobs on a fresh SQLite file would race in its migration."""
    if uri.startswith("sqlite:///"):
        Path(uri.removeprefix("sqlite:///")).resolve().parent.mkdir(parents=True, exist_ok=True)
    client = _client(uri)
    write_json(out, {"uri": uri, "experiments": len(client.search_experiments())})


def _flatten(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in values.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{name}.")
        else:
            yield name, str(value)[:PARAMETER_LENGTH]


_UNNAMEABLE = re.compile(r"[^\w\-./ ]", re.ASCII)
_DETAILS = ("groups/label/", "groups/count/")
"""Scores of single groups and by number of groups: hundreds a run, which stay in metrics.json."""


def _metric_name(name: str) -> str:
    """Return a name MLflow accepts: letters, digits and ``_-. /`` alone."""
    worded = name.replace("<=", "to ").replace("<", "below ").replace(">", "above ")
    return _UNNAMEABLE.sub("_", worded)


def _find(client: "MlflowClient", experiment: str, run_id: str) -> "Run | None":
    found = client.search_runs([experiment], filter_string=f"tags.`{RUN_TAG}` = '{run_id}'", max_results=1)
    return found[0] if found else None


def _start(client: "MlflowClient", experiment: str, settings: Mapping[str, Any]) -> str:
    from mlflow.entities import Param

    tags = {
        RUN_TAG: settings["run_id"],
        "mlflow.runName": settings["run_id"],
        "mlflow.source.git.commit": settings.get("git_commit", "unknown"),
        "data_version": settings.get("data_version", "unknown"),
        "device": settings.get("device", "unknown"),
    }
    run = client.create_run(experiment, tags=tags)
    described = {k: v for k, v in settings.items() if k in ("parameters", "molecules", "data_version", "git_commit")}
    parameters = [Param(k, v) for k, v in _flatten({**settings["settings"], **described})]
    for start in range(0, len(parameters), 100):
        client.log_batch(run.info.run_id, params=parameters[start : start + 100])
    return str(run.info.run_id)


def _log_history(client: "MlflowClient", mlflow_run: str, records: Iterable[Mapping[str, Any]]) -> None:
    from mlflow.entities import Metric

    logged = {metric.step for metric in client.get_metric_history(mlflow_run, STEP_METRIC)}
    now = int(time.time() * 1000)
    metrics = [
        Metric(_metric_name(name), float(value), now, int(record["epoch"]))
        for record in records
        if int(record["epoch"]) not in logged
        for name, value in sorted(record.items(), key=lambda item: item[0] == STEP_METRIC)
    ]
    for start in range(0, len(metrics), BATCH):
        client.log_batch(mlflow_run, metrics=metrics[start : start + BATCH])


def _final_metrics(folder: Path) -> dict[str, float]:
    """Return the last numbers of a run by name, scores of single functional groups left out."""
    metrics = read_json(folder / run_folder.METRICS)
    values: dict[str, float] = {"best_epoch": metrics["best_epoch"]}
    values |= {f"cost/{name}": value for name, value in metrics.get("cost", {}).items()}
    for part, figures in metrics.get("parts", {}).items():
        for name, interval in figures.items():
            if interval["value"] is not None and not name.startswith(_DETAILS):
                values[f"final/{part}/{name}"] = interval["value"]
    retrieval = folder / run_folder.RETRIEVAL
    if retrieval.exists():
        found = read_json(retrieval)
        for size, hits in found["scorings"][found["main_scoring"]]["sizes"].items():
            for k, interval in hits.items():
                values[f"final/retrieval/{size}/hit{k}"] = interval["value"]
    return values


def _finish(client: "MlflowClient", mlflow_run: str, folder: Path) -> None:
    from mlflow.entities import Metric

    now = int(time.time() * 1000)
    known = client.get_run(mlflow_run).data.metrics
    values = {_metric_name(name): value for name, value in _final_metrics(folder).items()}
    fresh = [Metric(name, value, now, 0) for name, value in values.items() if known.get(name) != value]
    for start in range(0, len(fresh), BATCH):
        client.log_batch(mlflow_run, metrics=fresh[start : start + BATCH])
    present = {artifact.path for artifact in client.list_artifacts(mlflow_run)}
    for name in (run_folder.SETTINGS, run_folder.HISTORY, run_folder.METRICS, run_folder.WEIGHTS, run_folder.RETRIEVAL):
        if name not in present and (folder / name).exists():
            client.log_artifact(mlflow_run, str(folder / name))
    if "training_curves.png" not in present:
        _log_curves(client, mlflow_run, folder)
    client.set_terminated(mlflow_run, "FINISHED")


def _log_curves(client: "MlflowClient", mlflow_run: str, folder: Path) -> None:
    from matplotlib.figure import Figure

    records = run_folder.read_history(folder)
    names = sorted({name for record in records for name in record if "/" in name})
    groups = {"loss": [n for n in names if "loss" in n], "accuracy": [n for n in names if "loss" not in n]}
    figure = Figure(figsize=(10, 4), layout="constrained")
    for axis, (title, group) in zip(figure.subplots(1, 2), groups.items(), strict=True):
        for name in group:
            axis.plot([r["epoch"] for r in records], [r.get(name) for r in records], label=name)
        axis.set(xlabel="epoch", title=title)
        if group:
            axis.legend(fontsize="small")
    client.log_figure(mlflow_run, figure, "training_curves.png")


def sync_run(uri: str, folder: Path) -> None:
    """Bring one run of the store up to its folder; logging the same folder twice changes nothing."""
    settings = run_folder.read_settings(folder)
    client = _client(uri)
    experiment = _experiment(client, settings["method"], uri)
    found = _find(client, experiment, settings["run_id"])
    mlflow_run = found.info.run_id if found else _start(client, experiment, settings)
    client.set_tag(mlflow_run, "mlflow.runName", f"{run_folder.read_label(folder, settings)} {settings['run_id']}")
    _log_history(client, mlflow_run, run_folder.read_history(folder))
    if (folder / run_folder.METRICS).exists():
        _finish(client, mlflow_run, folder)


def sync_runs(uri: str, folders: Iterable[Path], marker: Path | None = None) -> int:
    """Rebuild the store from run folders, or from folders that hold them; returns how many runs were found.

    `marker` is a JSON file to write afterwards, naming store and runs.
    """
    found = sorted({path.parent for folder in folders for path in Path(folder).rglob(run_folder.SETTINGS)})
    if not found:
        raise InputError("no run folder found (a run folder holds settings.json)")
    for folder in found:
        sync_run(uri, folder)
    if marker is not None:
        write_json(marker, {"uri": uri, "runs": [folder.name for folder in found]})
    return len(found)


class Mirror:
    """Copies a run folder to the store while it is being written; a store that fails never stops a training."""

    def __init__(self, folder: Path, uri: str | None, every_seconds: float = 15.0) -> None:
        self.folder, self.uri, self.every_seconds = folder, uri, every_seconds
        self._last = time.monotonic()

    def update(self) -> None:
        """Copy what is new, at most once in `every_seconds`."""
        if time.monotonic() - self._last >= self.every_seconds:
            self.finish()

    def finish(self) -> None:
        """Copy what is new now."""
        if self.uri is None:
            return
        try:
            sync_run(self.uri, self.folder)
        except Exception as error:  # the files are the truth: whatever the store raises is only reported
            warnings.warn(
                f"MLflow at {self.uri} was not updated ({type(error).__name__}: {error}); "
                "`spectraflow tracking sync` fills the gap",
                stacklevel=2,
            )
        self._last = time.monotonic()
