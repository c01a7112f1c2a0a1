import warnings

import pytest

from spectraflow.errors import InputError
from spectraflow.training import run_folder
from spectraflow.training.tracking import Mirror, initialise, sync_runs


@pytest.fixture
def run(tmp_path):
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
    run_folder.write_history(folder, [{"epoch": e, "train/loss": 2.0 - e, "seconds": 1.0} for e in range(3)])
    interval = {"value": 0.5, "low": 0.4, "high": 0.6, "n": 10}
    run_folder.write_metrics(
        folder, {"best_epoch": 2, "epochs": 3, "parts": {"test": {"exact/published/<=10": interval}}}
    )
    return folder


def test_syncing_twice_changes_nothing_and_all_epochs_are_there(tmp_path, run):
    from mlflow import MlflowClient

    uri = f"sqlite:///{tmp_path}/mlflow/mlflow.db"
    initialise(uri, tmp_path / "initialised.json")
    assert sync_runs(uri, [tmp_path / "runs"]) == 1
    assert sync_runs(uri, [tmp_path / "runs"]) == 1
    client = MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name("km3aid")
    (found,) = client.search_runs([experiment.experiment_id])
    assert found.data.params["objective.alpha"] == "0.2"
    assert found.data.tags["data_version"] == "v1"
    assert found.info.run_name == "K 0123456789ab"
    (run / "label.txt").write_text("renamed\n")
    sync_runs(uri, [run])
    assert client.get_run(found.info.run_id).info.run_name == "renamed 0123456789ab"
    assert found.info.status == "FINISHED"
    assert found.data.metrics["final/test/exact/published/to 10"] == 0.5
    assert [m.value for m in client.get_metric_history(found.info.run_id, "train/loss")] == [2.0, 1.0, 0.0]
    assert {a.path for a in client.list_artifacts(found.info.run_id)} >= {"settings.json", "training_curves.png"}


def test_a_store_that_fails_never_stops_a_training(run):
    with pytest.warns(UserWarning, match="tracking sync"):
        Mirror(run, "sqlite:////proc/nowhere/mlflow.db").finish()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Mirror(run, None).finish()


def test_a_folder_without_runs_is_an_error(tmp_path):
    with pytest.raises(InputError, match="no run folder"):
        sync_runs("sqlite:///x.db", [tmp_path])


def test_single_groups_stay_in_the_files_and_other_scores_get_valid_names(tmp_path, run):
    from mlflow import MlflowClient

    interval = {"value": 0.5, "low": 0.4, "high": 0.6, "n": 10}
    names = (
        "groups/micro_f1",
        "tuned/groups/tier/low/f1",
        "groups/label/Azo compound/f1",
        "groups/count/3/micro_f1",
        "¹H, α",
    )
    parts = {"test": dict.fromkeys(names, interval)}
    cost = {"seconds": 3.5, "peak_memory_gb": 1.0}
    run_folder.write_metrics(run, {"best_epoch": 2, "epochs": 3, "cost": cost, "parts": parts})
    uri = f"sqlite:///{tmp_path}/mlflow/mlflow.db"
    initialise(uri, tmp_path / "initialised.json")
    sync_runs(uri, [run])
    client = MlflowClient(tracking_uri=uri)
    (found,) = client.search_runs([client.get_experiment_by_name("km3aid").experiment_id])
    final = {name for name in found.data.metrics if name.startswith("final/")}
    assert final == {"final/test/groups/micro_f1", "final/test/tuned/groups/tier/low/f1", "final/test/_H_ _"}
    assert found.data.metrics["cost/seconds"] == 3.5
