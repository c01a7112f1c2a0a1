"""The numbers and files of a run folder in MLflow: history by epoch, last scores, artifacts, curves."""

import math
import re
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spectraflow.files import read_json
from spectraflow.training import run_folder

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Run

STEP_METRIC = "seconds"
"""Wall time of an epoch: in every record, and never the same in two trainings of the same run."""
BATCH = 900
ARTIFACTS = (
    run_folder.SETTINGS,
    run_folder.HISTORY,
    run_folder.METRICS,
    run_folder.WEIGHTS,
    run_folder.RETRIEVAL,
)
CURVES = "training_curves.png"
_UNNAMEABLE = re.compile(r"[^\w\-./ ]", re.ASCII)
_DETAILS = ("groups/label/", "groups/count/", "property/target/")
"""Scores of single groups or targets and by number of groups: hundreds a run, which stay in metrics.json."""


def _metric_name(name: str) -> str:
    """Return a name MLflow accepts: letters, digits and ``_-. /`` alone."""
    worded = name.replace("<=", "to ").replace("<", "below ").replace(">", "above ")
    return _UNNAMEABLE.sub("_", worded)


def log_history(
    client: "MlflowClient", run: "Run", records: Sequence[Mapping[str, Any]], logged: Mapping[int, float]
) -> None:
    """Log the epochs that are not `logged`; an epoch goes out in one batch, which the store takes whole or not."""
    batch: list[Metric] = []
    for epoch in _epochs(records, run.info.start_time):
        if epoch[0].step in logged:
            continue
        if len(batch) + len(epoch) > BATCH:
            client.log_batch(run.info.run_id, metrics=batch)
            batch = []
        batch += epoch
    if batch:
        client.log_batch(run.info.run_id, metrics=batch)


def _epochs(records: Sequence[Mapping[str, Any]], begun: int) -> Iterator[list["Metric"]]:
    """Yield the metrics of each epoch, their time that of its end: the same in whichever process makes them."""
    from mlflow.entities import Metric

    seconds = 0.0
    for record in records:
        seconds += float(record[STEP_METRIC])
        at, step = begun + int(seconds * 1000), int(record["epoch"])
        yield [Metric(_metric_name(name), float(value), at, step) for name, value in record.items()]


def log_last_scores(client: "MlflowClient", run: "Run", folder: Path) -> None:
    """Log the scores of a finished run as far as they differ from what the store has."""
    from mlflow.entities import Metric

    known, now = run.data.metrics, int(time.time() * 1000)
    values = {_metric_name(name): value for name, value in _last_scores(folder).items()}
    fresh = [
        Metric(name, value, now if name in known else written_at(folder), 0)
        for name, value in values.items()
        if name not in known or not _same(known[name], value)
    ]
    for start in range(0, len(fresh), BATCH):
        client.log_batch(run.info.run_id, metrics=fresh[start : start + BATCH])


def log_files(client: "MlflowClient", run: "Run", folder: Path) -> None:
    """Copy the files of a finished run that the store lacks or has in another size, and draw its curves."""
    sizes = {artifact.path: artifact.file_size for artifact in client.list_artifacts(run.info.run_id)}
    for path in (folder / name for name in ARTIFACTS):
        if path.exists() and sizes.get(path.name) != path.stat().st_size:
            client.log_artifact(run.info.run_id, str(path))
    if CURVES not in sizes:
        _log_curves(client, run.info.run_id, folder)


def written_at(folder: Path) -> int:
    """Return when a run was finished, in milliseconds since 1970."""
    return int((folder / run_folder.METRICS).stat().st_mtime * 1000)


def _same(stored: float, value: float) -> bool:
    """Tell whether a stored number is `value`; stores keep the largest number in place of infinity."""
    if math.isnan(value):
        return math.isnan(stored)
    return stored == (math.copysign(sys.float_info.max, value) if math.isinf(value) else value)


def _last_scores(folder: Path) -> dict[str, float]:
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


def _log_curves(client: "MlflowClient", mlflow_run: str, folder: Path) -> None:
    from matplotlib.figure import Figure

    records = run_folder.read_history(folder)
    names = sorted({name for record in records for name in record if "/" in name})
    groups = {"loss": [n for n in names if "loss" in n], "accuracy": [n for n in names if "loss" not in n]}
    figure = Figure(figsize=(10, 4))
    for axis, (title, group) in zip(figure.subplots(1, 2), groups.items(), strict=True):
        for name in group:
            axis.plot([r["epoch"] for r in records], [r.get(name) for r in records], label=name)
        axis.set(xlabel="epoch", title=title)
        if group:
            axis.legend(fontsize="small")
    client.log_figure(mlflow_run, figure, CURVES)
