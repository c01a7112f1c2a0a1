import pytest

from spectraflow.errors import InputError
from spectraflow.watching.event_file import EventFile
from spectraflow.watching.run_state import read_state
from tests.unit.watching.starts import CLOSED, ended, planned, started


def counts(state):
    return {rule: {name: n for name, n in one.items() if n} for rule, one in state.by_rule().items()}


def test_finished_run(write_start):
    folder = write_start(
        1.0, planned(a=2), started(1, "a/x", 2), started(2, "a/y", 3), ended(1, 4), ended(2, 5), CLOSED
    )
    state = read_state(folder)
    assert state.condition == "finished"
    assert counts(state) == {"a": {"done": 2}}
    assert [(job.name, job.started, job.ended) for job in state.of("done")] == [("a/x", 2, 4), ("a/y", 3, 5)]


def test_running_run_tells_waiting_jobs_apart(tmp_path):
    file = EventFile()
    file.write("planned", 1.0, jobs={"a": 3, "b": 1})
    file.open(tmp_path / "run", 1.0)
    for event in (started(1, "a/x", 2), started(2, "a/y", 3), ended(1, 4)):
        file.write(event.pop("event"), event.pop("at"), **event)
    state = read_state(tmp_path / "run")
    file.close(9.0)
    assert state.condition == "running"
    assert counts(state) == {"a": {"done": 1, "running": 1, "waiting": 1}, "b": {"waiting": 1}}


def test_jobs_of_a_dead_start_are_interrupted(write_start):
    state = read_state(write_start(1.0, planned(a=2), started(1, "a/x", 2)))
    assert state.condition == "interrupted"
    assert counts(state) == {"a": {"interrupted": 1, "waiting": 1}}


def test_a_retried_job_counts_once_with_its_last_end(write_start):
    events = (started(1, "a", 2), ended(1, 3, "failed"), started(1, "a", 4), ended(1, 6))
    state = read_state(write_start(1.0, planned(a=1), *events, CLOSED))
    assert state.condition == "finished"
    assert counts(state) == {"a": {"done": 1}}


def test_failure_of_the_last_start_is_told_until_another_begins(write_start):
    folder = write_start(1.0, planned(a=1, b=1), started(1, "a", 2), ended(1, 3), started(2, "b", 3))
    write_start(10.0, planned(b=1), started(7, "b", 11), ended(7, 12, "failed"), CLOSED)
    state = read_state(folder)
    assert state.condition == "failed"
    assert counts(state) == {"a": {"before": 1}, "b": {"failed": 1}}
    write_start(20.0, planned(b=1), started(7, "b", 21), ended(7, 22), CLOSED)
    assert read_state(folder).condition == "finished"


def test_an_older_start_that_goes_on_is_told_too(write_start):
    folder = write_start(1.0, planned(a=1), started(1, "a", 2), locked=False)
    write_start(5.0, planned(b=1), started(1, "b", 6), ended(1, 7), CLOSED)
    state = read_state(folder)
    assert state.condition == "running"
    assert counts(state) == {"a": {"running": 1}, "b": {"done": 1}}


def test_jobs_are_known_from_benchmarks_where_no_start_was_recorded(tmp_path, write_benchmark):
    write_benchmark(tmp_path / "run", "a/x", seconds=5, ended=100)
    state = read_state(tmp_path / "run")
    assert state.condition == "unknown"
    assert [(job.name, job.state, job.started) for job in state.jobs.values()] == [("a/x", "done", 95)]


def test_a_job_that_runs_again_is_not_done(write_start, write_benchmark):
    folder = write_start(200.0, planned(a=1), started(1, "a/x", 201), locked=False)
    write_benchmark(folder, "a/x", seconds=5, ended=100)
    assert counts(read_state(folder)) == {"a": {"running": 1}}


def test_starts_do_not_mix_between_run_folders(tmp_path, write_start):
    one = write_start(1.0, planned(a=1), started(1, "a", 2), ended(1, 3, "failed"), CLOSED)
    two = write_start(2.0, planned(a=1), started(1, "a", 2), ended(1, 3), CLOSED, folder=tmp_path / "two")
    assert (read_state(one).condition, read_state(two).condition) == ("failed", "finished")


def test_folder_that_is_none_is_refused(tmp_path):
    with pytest.raises(InputError, match="no such run folder"):
        read_state(tmp_path / "absent")
