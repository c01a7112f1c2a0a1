import math

import pytest
from mlflow import MlflowClient

from spectraflow.training import run_folder
from spectraflow.training.tracking import sync_runs


def test_single_groups_stay_in_the_files_and_other_scores_get_valid_names(uri, run, runs_in):
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
    sync_runs(uri, [run])
    (found,) = runs_in()
    final = {name for name in found.data.metrics if name.startswith("final/")}
    assert final == {"final/test/groups/micro_f1", "final/test/tuned/groups/tier/low/f1", "final/test/_H_ _"}
    assert found.data.metrics["cost/seconds"] == 3.5


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_scores_that_are_no_numbers_are_logged_once(uri, run, runs_in, value):
    run_folder.write_metrics(run, {"best_epoch": 2, "epochs": 3, "cost": {"score": value}})
    sync_runs(uri, [run])
    sync_runs(uri, [run])
    (found,) = runs_in()
    assert len(MlflowClient(tracking_uri=uri).get_metric_history(found.info.run_id, "cost/score")) == 1


def test_a_score_measured_anew_is_the_last_value(uri, run, runs_in):
    for best in (2, 1):
        run_folder.write_metrics(run, {"best_epoch": best, "epochs": 3})
        sync_runs(uri, [run])
    (found,) = runs_in()
    assert found.data.metrics["best_epoch"] == 1


def test_an_epoch_with_more_metrics_than_a_batch_leaves_room_for_goes_out_whole(uri, run, runs_in):
    wide = {f"m{number}": float(number) for number in range(500)}
    run_folder.write_history(run, [{"epoch": e, **wide, "seconds": 1.0 + e} for e in range(3)])
    sync_runs(uri, [run])
    (found,) = runs_in()
    client = MlflowClient(tracking_uri=uri)
    for name in ("m0", "m499", "seconds"):
        assert [metric.step for metric in client.get_metric_history(found.info.run_id, name)] == [0, 1, 2]


def test_a_half_copied_file_is_copied_again(uri, run, runs_in, tmp_path):
    sync_runs(uri, [run])
    (copied,) = (tmp_path / "mlflow" / "artifacts").rglob("metrics.json")
    copied.write_text("{")
    sync_runs(uri, [run])
    assert copied.read_text() == (run / "metrics.json").read_text()
