import contextlib

import pytest
from mlflow import MlflowClient

from spectraflow.training import run_folder
from spectraflow.training.tracking_runs import sync_run
from spectraflow.training.tracking_store import connect


class Killed(BaseException):
    """What stands for the end of a process."""


WRITES = ("create_experiment", "create_run", "log_batch", "log_artifact", "log_figure", "set_terminated")


def killed_after(client, writes):
    """Let a client die at its next write after so many."""
    left = iter(range(writes))

    def guarded(write):
        def call(*arguments, **options):
            if next(left, None) is None:
                raise Killed
            return write(*arguments, **options)

        return call

    for name in WRITES:
        setattr(client, name, guarded(getattr(client, name)))
    return client


def sync(uri, folder, client=None):
    sync_run(client or connect(uri), uri, folder)


def history(uri, run, name="train/loss"):
    found = MlflowClient(tracking_uri=uri).get_metric_history(run.info.run_id, name)
    return sorted((metric.step, metric.value) for metric in found)


def test_syncing_twice_changes_nothing_and_all_epochs_are_there(uri, run, runs_in):
    sync(uri, run)
    (first,) = runs_in()
    sync(uri, run)
    (found,) = runs_in()
    assert found.info.run_id == first.info.run_id
    assert found.info.end_time == first.info.end_time
    assert found.data.params["objective.alpha"] == "0.2"
    assert found.data.tags["data_version"] == "v1"
    assert found.info.run_name == "K 0123456789ab"
    assert found.info.status == "FINISHED"
    assert found.data.metrics["final/test/exact/published/to 10"] == 0.5
    assert history(uri, found) == [(0, 2.0), (1, 1.0), (2, 0.0)]
    assert history(uri, found, "best_epoch") == [(0, 2.0)]
    artifacts = {artifact.path for artifact in MlflowClient(tracking_uri=uri).list_artifacts(found.info.run_id)}
    assert artifacts >= {"settings.json", "training_curves.png"}


def test_a_new_label_renames_the_run(uri, run, runs_in):
    sync(uri, run)
    (run / "label.txt").write_text("renamed\n")
    sync(uri, run)
    (found,) = runs_in()
    assert found.info.run_name == "renamed 0123456789ab"


def test_whenever_a_process_is_killed_the_next_sync_completes_the_run(uri, run, runs_in):
    finished, writes = False, 0
    while not finished:
        folder = run.with_name(f"{writes:012x}")
        run.rename(folder)
        settings = run_folder.read_settings(folder)
        run_folder.write_settings(folder, settings | {"run_id": folder.name, "method": f"method{writes}"})
        run = folder
        with contextlib.suppress(Killed):
            sync(uri, run, killed_after(connect(uri), writes))
            finished = True
        sync(uri, run)
        (found,) = runs_in(f"method{writes}")
        assert found.info.status == "FINISHED"
        assert found.data.params == {"objective.alpha": "0.2", "data_version": "v1"}
        assert history(uri, found) == [(0, 2.0), (1, 1.0), (2, 0.0)]
        assert history(uri, found, "best_epoch") == [(0, 2.0)]
        writes += 1
    assert writes > len(WRITES)


def test_of_two_mlflow_runs_of_one_folder_one_is_kept_and_completed(uri, run, runs_in):
    sync(uri, run)
    (first,) = runs_in()
    client = connect(uri)
    client.create_run(first.info.experiment_id, tags={"spectraflow.run_id": run.name}, start_time=0)
    assert len(runs_in()) == 2
    sync(uri, run)
    (found,) = runs_in()
    assert history(uri, found) == [(0, 2.0), (1, 1.0), (2, 0.0)]
    assert found.info.status == "FINISHED"


def test_a_run_that_another_process_removed_meanwhile_is_logged_to_the_one_that_is_left(uri, run, runs_in):
    client = connect(uri)
    log_batch = client.log_batch

    def late(run_id, **values):
        if client.log_batch is not log_batch:
            client.log_batch = log_batch
            client.delete_run(run_id)
        return log_batch(run_id, **values)

    client.log_batch = late
    sync(uri, run, client)
    (found,) = runs_in()
    assert history(uri, found) == [(0, 2.0), (1, 1.0), (2, 0.0)]


def test_a_failing_store_is_not_taken_for_a_removed_run(uri, run):
    from mlflow.exceptions import MlflowException

    client = connect(uri)

    def broken(*arguments, **options):
        raise MlflowException("broken")

    client.log_batch = broken
    with pytest.raises(MlflowException, match="broken"):
        sync(uri, run, client)


def test_two_processes_that_log_the_same_epochs_leave_one_value_each(uri, run, runs_in):
    ahead, behind = connect(uri), connect(uri)
    get_history = behind.get_metric_history

    def before_the_other(run_id, name):
        known = get_history(run_id, name)
        sync(uri, run, ahead)
        return known

    behind.get_metric_history = before_the_other
    from spectraflow.training import tracking_runs

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(tracking_runs, "turn", lambda uri: contextlib.nullcontext())
        sync(uri, run, behind)
    (found,) = runs_in()
    assert history(uri, found) == [(0, 2.0), (1, 1.0), (2, 0.0)]
    assert history(uri, found, "best_epoch") == [(0, 2.0)]


def test_a_run_trained_anew_replaces_the_numbers_of_the_old_training(uri, run, runs_in):
    sync(uri, run)
    run_folder.write_history(run, [{"epoch": e, "train/loss": 9.0, "seconds": 3.0 + e} for e in range(2)])
    sync(uri, run)
    (found,) = runs_in()
    assert history(uri, found) == [(0, 9.0), (1, 9.0)]
