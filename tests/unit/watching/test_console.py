import io
import logging
import os
from types import SimpleNamespace

import pytest
from snakemake.settings.enums import Quietness
from snakemake_interface_logger_plugins.common import LogEvent

from snakemake_logger_plugin_spectraflow import LogHandler, LogHandlerSettings
from spectraflow.watching.console import QUIET_JOBS

COMMON = {
    "printshellcmds": False,
    "nocolor": True,
    "quiet": set(),
    "debug_dag": False,
    "verbose": False,
    "show_failed_logs": True,
    "stdout": False,
    "dryrun": False,
}


@pytest.fixture
def console(tmp_path, monkeypatch):
    """Return a function that gives a handler, its screen, and a way to send it records."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(QUIET_JOBS, "")  # what is set below is undone only if it was known before
    monkeypatch.delenv(QUIET_JOBS)

    def make(settings=None, **common):
        screen = io.StringIO()
        monkeypatch.setattr("sys.stderr", screen)
        monkeypatch.setattr("sys.stdout", screen)
        handler = LogHandler(SimpleNamespace(**{**COMMON, **common}), settings)

        def send(message, event=None, level=logging.INFO, **values):
            record = {"msg": message, "levelno": level, "levelname": logging.getLevelName(level), **values}
            handler.handle(logging.makeLogRecord(record | ({"event": event} if event else {})))

        return handler, screen, send

    return make


def run_of_two(send):
    send("stats", LogEvent.RUN_INFO, stats={"a": 2, "total": 2})
    send("Select jobs to execute...")
    for job, name in enumerate("xy"):
        values = {"benchmark": None, "output": [], "log": [f"results/r/logs/a/{name}.log"]}
        send("info", LogEvent.JOB_INFO, jobid=job, rule_name="a", **values)
    send("done", LogEvent.JOB_FINISHED, job_id=0)
    send(None, LogEvent.PROGRESS, done=1, total=2)


def test_a_run_says_what_went_wrong_and_little_else(console, tmp_path):
    handler, screen, send = console()
    run_of_two(send)
    log = tmp_path / "results/r/logs/a/y.log"
    log.parent.mkdir(parents=True)
    log.write_text("".join(f"line {number}\n" for number in range(100)) + "ValueError: no\n")
    send("Error", LogEvent.JOB_ERROR, logging.ERROR, jobid=1, rule_name="a", log=[str(log)], rule_msg=None)
    send("Trying to restart job 1.")
    send("the command again", LogEvent.ERROR, logging.ERROR, exception="CalledProcessError")
    handler.close()
    text = screen.getvalue()
    assert f"failed: a y ({log})" in text
    assert "    ValueError: no" in text
    assert "line 99" in text
    assert "line 3\n" not in text, "only the end of the log"
    assert "tried again: a y" in text
    assert "1 of 2 jobs done" in text
    assert "spectraflow status results/r" in text
    for noise in ("Select jobs", "the command again", "None", "\r"):
        assert noise not in text


def test_messages_that_are_no_noise_are_shown(console):
    _, screen, send = console()
    send("Nothing to be done (all requested files are present and up to date).")
    send("a wrong setting", LogEvent.ERROR, logging.ERROR, exception="WorkflowError")
    send("take care", level=logging.WARNING)
    assert screen.getvalue().splitlines() == [
        "Nothing to be done (all requested files are present and up to date).",
        "a wrong setting",
        "take care",
    ]


def test_a_dry_run_looks_as_ever_and_leaves_no_record(console, tmp_path):
    handler, screen, send = console(dryrun=True, stdout=True)
    run_of_two(send)
    handler.close()
    assert "Select jobs to execute..." in screen.getvalue()
    assert not list(tmp_path.iterdir())
    assert QUIET_JOBS not in os.environ


def test_jobs_are_quiet_unless_asked_for(console):
    console(LogHandlerSettings(job_output=True))
    console(verbose=True)
    assert QUIET_JOBS not in os.environ
    console()
    assert os.environ[QUIET_JOBS] == "1"


def test_quiet_all_is_silent_but_recorded(console, tmp_path):
    handler, screen, send = console(quiet={Quietness.ALL})
    run_of_two(send)
    handler.close()
    assert screen.getvalue() == ""
    assert list((tmp_path / "results/r/events").iterdir())


def test_trouble_with_the_record_does_not_stop_a_run(console, tmp_path):
    (tmp_path / "results").write_text("no folder")
    handler, screen, send = console()
    run_of_two(send)
    send("take care", level=logging.WARNING)
    handler.close()
    assert "take care" in screen.getvalue()
