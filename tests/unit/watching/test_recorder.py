import logging

import pytest
from snakemake_interface_logger_plugins.common import LogEvent

from spectraflow.watching.recorder import Recorder
from spectraflow.watching.run_state import read_state


@pytest.fixture
def recorder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Recorder()


def take(recorder, event, at=1.0, **values):
    record = logging.makeLogRecord({"event": event, "created": at, **values})
    recorder.take(record)


def job_info(recorder, job, rule, name, outputs=(), at=1.0):
    logs, benchmark = [f"results/x/logs/{name}.log"], f"results/x/benchmarks/{name}.tsv"
    files = {"log": logs, "benchmark": benchmark, "output": list(outputs)}
    take(recorder, LogEvent.JOB_INFO, at, jobid=job, rule_name=rule, **files)


def test_events_of_snakemake_become_the_state_of_the_run(recorder, tmp_path):
    take(recorder, LogEvent.RUN_INFO, stats={"train": 1, "all": 1, "total": 2})
    job_info(
        recorder, 3, "train", "train/ab", ["results/x/runs/ab/model.bin", "results/x/runs/ab/metrics.jsonl"], at=2.0
    )
    assert recorder.folder == tmp_path / "results" / "x"
    (job,) = read_state(recorder.folder).of("running")
    assert (job.name, job.started, job.logs, job.training) == ("train/ab", 2.0, ["logs/train/ab.log"], "runs/ab")
    take(recorder, LogEvent.JOB_FINISHED, 5.0, job_id=3)
    take(recorder, LogEvent.PROGRESS, done=1, total=2)
    recorder.close(6.0)
    state = read_state(recorder.folder)
    assert [job.ended for job in state.of("done")] == [5.0]
    assert state.waiting == {"all": 1}
    assert (recorder.done, recorder.total, recorder.running) == (1, 2, {})


def test_a_failed_job_is_failed_until_it_starts_again(recorder):
    take(recorder, LogEvent.RUN_INFO, stats={"a": 1, "total": 1})
    job_info(recorder, 0, "a", "a/x")
    take(recorder, LogEvent.JOB_ERROR, jobid=0, rule_name="a", log=["results/x/logs/a/x.log"], rule_msg=None)
    assert (list(recorder.failed), recorder.name(0)) == ([0], "a x")
    assert read_state(recorder.folder).of("failed")
    job_info(recorder, 0, "a", "a/x")
    assert not recorder.failed
    assert read_state(recorder.folder).of("running")
    recorder.close(9.0)


def test_jobs_without_log_are_named_by_their_rule(recorder):
    take(recorder, LogEvent.JOB_INFO, jobid=0, rule_name="all", log=[], benchmark=None, output=[])
    assert recorder.name(0) == "all"
    assert recorder.folder is None
