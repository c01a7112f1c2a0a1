"""One run folder and its MLflow run: what is missing there is logged, what contradicts the folder is replaced."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spectraflow.training import run_folder
from spectraflow.training.tracking_metrics import STEP_METRIC, log_files, log_history, log_last_scores, written_at
from spectraflow.training.tracking_store import TrackingError, artifact_root, turn

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

RUN_TAG = "spectraflow.run_id"
PARAMETER_LENGTH = 500
ATTEMPTS = 3


def sync_run(client: "MlflowClient", uri: str, folder: Path) -> None:
    """Bring one run of the store up to its folder; logging the same folder twice changes nothing.

    Safe beside other processes that log the same folder: both choose the same MLflow run, and times of metrics follow
    from the files, so that the store sees equal rows as one.
    """
    from mlflow.exceptions import MlflowException

    settings = run_folder.read_settings(folder)
    for attempt in range(ATTEMPTS):
        with turn(uri):
            run = _own_run(client, _experiment(client, settings["method"], uri), settings, folder)
        finished = (folder / run_folder.METRICS).exists()  # the last file of a training: read before the others
        try:
            with turn(uri):
                logged = _log(client, run, settings, folder, finished=finished)
            if logged and finished:
                _finish(client, uri, run, folder)
            if logged:
                return
        except MlflowException:
            if attempt == ATTEMPTS - 1 or client.get_run(run.info.run_id).info.lifecycle_stage == "active":
                raise  # otherwise another process removed this run as a duplicate
    raise TrackingError(f"{folder}: other processes keep changing its MLflow run")


def _experiment(client: "MlflowClient", name: str, uri: str) -> str:
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(name)
    if found is not None:
        return str(found.experiment_id)
    try:
        return str(client.create_experiment(name, artifact_location=artifact_root(uri)))
    except MlflowException:
        found = client.get_experiment_by_name(name)  # another job was first
        if found is None:
            raise
        return str(found.experiment_id)


def _own_run(client: "MlflowClient", experiment: str, settings: Mapping[str, Any], folder: Path) -> "Run":
    """Return the one run of the folder; without a unique key in MLflow, all but one of several are removed."""
    wanted = f"tags.`{RUN_TAG}` = '{settings['run_id']}'"
    found = client.search_runs([experiment], filter_string=wanted)
    if not found:
        begun = int((folder / run_folder.SETTINGS).stat().st_mtime * 1000)
        client.create_run(experiment, start_time=begun, tags=_tags(settings, folder))
        found = client.search_runs([experiment], filter_string=wanted)
    own, *others = sorted(found, key=lambda run: (run.info.start_time, run.info.run_id))
    for other in others:
        client.delete_run(other.info.run_id)
    return own


def _log(client: "MlflowClient", run: "Run", settings: Mapping[str, Any], folder: Path, *, finished: bool) -> bool:
    """Log what is missing; False if the run was of an earlier training of the same folder and had to be removed."""
    parameters = dict(_parameters(settings))
    records = run_folder.read_history(folder)
    logged = {metric.step: metric.value for metric in client.get_metric_history(run.info.run_id, STEP_METRIC)}
    if _contradict(run.data.params, parameters) or _contradict(logged, _seconds(records)):
        client.delete_run(run.info.run_id)
        return False
    _log_description(client, run, parameters, _tags(settings, folder))
    log_history(client, run, records, logged)
    if finished:
        log_last_scores(client, run, folder)
    return True


def _finish(client: "MlflowClient", uri: str, run: "Run", folder: Path) -> None:
    """Copy the files of a run that is finished, which need no turn, and call it finished."""
    log_files(client, run, folder)
    if run.info.status != "FINISHED":
        with turn(uri):
            client.set_terminated(run.info.run_id, "FINISHED", end_time=written_at(folder))


def _contradict(stored: Mapping[Any, Any], wanted: Mapping[Any, Any]) -> bool:
    return any(stored[key] != value for key, value in wanted.items() if key in stored)


def _seconds(records: Iterable[Mapping[str, Any]]) -> dict[int, float]:
    return {int(record["epoch"]): float(record[STEP_METRIC]) for record in records}


def _tags(settings: Mapping[str, Any], folder: Path) -> dict[str, str]:
    return {
        RUN_TAG: settings["run_id"],
        "mlflow.runName": f"{run_folder.read_label(folder, settings)} {settings['run_id']}".strip(),
        "mlflow.source.git.commit": settings.get("git_commit", "unknown"),
        "data_version": settings.get("data_version", "unknown"),
        "device": settings.get("device", "unknown"),
    }


def _parameters(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    described = {k: v for k, v in settings.items() if k in ("parameters", "molecules", "data_version")}
    return _flatten({**settings["settings"], **described})


def _flatten(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in values.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{name}.")
        else:
            yield name, str(value)[:PARAMETER_LENGTH]


def _log_description(
    client: "MlflowClient", run: "Run", parameters: Mapping[str, str], tags: Mapping[str, str]
) -> None:
    from mlflow.entities import Param, RunTag

    new_tags = [RunTag(key, value) for key, value in tags.items() if run.data.tags.get(key) != value]
    missing = [Param(key, value) for key, value in parameters.items() if key not in run.data.params]
    for start in range(0, max(len(missing), len(new_tags)), 100):
        client.log_batch(run.info.run_id, params=missing[start : start + 100], tags=new_tags[start : start + 100])
