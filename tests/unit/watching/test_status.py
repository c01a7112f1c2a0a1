import json
import os

import pytest
from typer.testing import CliRunner

from spectraflow.cli import app
from spectraflow.errors import InputError
from spectraflow.watching.status import latest_run
from tests.unit.watching.starts import CLOSED, ended, planned, started


def status(*arguments):
    return CliRunner().invoke(app, ["status", *map(str, arguments)])


@pytest.fixture
def failed_run(write_start):
    events = (
        started(1, "train_a/0123", 2, training="runs/0123"),
        ended(1, 12, "failed"),
        started(2, "b", 3),
        ended(2, 4),
    )
    folder = write_start(1.0, planned(train_a=1, b=1, c=2), *events, CLOSED)
    log = folder / "logs" / "train_a" / "0123.log"
    log.parent.mkdir(parents=True)
    log.write_text("epoch 3/10  1.0 s  train/loss 0.5\nValueError: a bad thing\n")
    (folder / "runs" / "0123").mkdir(parents=True)
    (folder / "runs" / "0123" / "label.txt").write_text("the best model\ngrid\n")
    return folder


def test_failed_jobs_are_told_with_the_end_of_their_log(failed_run):
    result = status(failed_run)
    assert result.exit_code == 1
    assert "failed, 1 of 4 jobs done, 1 failed, 2 not begun" in result.output
    assert "train_a 0123 (the best model)" in result.output
    assert "epoch 3 of 10" in result.output
    assert "    | ValueError: a bad thing" in result.output.splitlines()
    assert "  b, " not in result.output
    assert "  b, " in status(failed_run, "--jobs").output


def test_json_holds_the_same(failed_run):
    result = status(failed_run, "--json")
    assert result.exit_code == 1
    values = json.loads(result.output)
    assert values["condition"] == "failed"
    assert values["rules"]["c"]["waiting"] == 2
    jobs = {job["name"]: job for job in values["jobs"]}
    assert jobs["train_a/0123"]["last_lines"][-1] == "ValueError: a bad thing"
    assert jobs["train_a/0123"]["epochs"]["done"] == 3
    assert jobs["b"] == {"name": "b", "state": "done", "started": 3, "ended": 4}


def test_a_run_without_failures_exits_with_0(write_start):
    result = status(write_start(1.0, planned(a=1), started(1, "a", 2), ended(1, 3), CLOSED))
    assert result.exit_code == 0
    assert "finished, 1 of 1 jobs done" in result.output


def test_the_latest_run_is_the_default(tmp_path, write_start):
    old = write_start(1.0, planned(a=1), folder=tmp_path / "results" / "old")
    new = write_start(2.0, planned(a=1), folder=tmp_path / "results" / "new")
    (tmp_path / "results" / "README.md").touch()
    (tmp_path / "results" / "no-run").mkdir()
    for folder, at in ((old, 500), (new, 400)):
        for path in (folder / "events").iterdir():
            os.utime(path, (at, at))
    assert latest_run(tmp_path / "results") == old
    with pytest.raises(InputError, match="no run folder"):
        latest_run(tmp_path)


def test_no_run_folder_is_said():
    result = status("absent")
    assert result.exit_code == 1
    assert "absent: no such run folder" in result.output
