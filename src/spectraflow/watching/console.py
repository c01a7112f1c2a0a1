"""The console of a run: one line of progress, failed jobs with the end of their log, and nothing else.

A dry run, `--verbose` and everything outside a run look as Snakemake itself makes them.
"""

import os
import re
import sys
import time
from dataclasses import dataclass, field
from logging import LogRecord

from snakemake.logging import ColorizingTextHandler, DefaultFilter, DefaultFormatter
from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent
from snakemake_interface_logger_plugins.settings import LogHandlerSettingsBase

from spectraflow.watching.log_tails import clock, first_tail
from spectraflow.watching.progress_line import ProgressLine
from spectraflow.watching.recorder import Recorder

QUIET_JOBS = "SPECTRAFLOW_QUIET_JOBS"
"""Set for the shells of jobs that run below a quiet console: their output goes to their logs alone."""
TAIL_LINES = 20
_HIDDEN_EVENTS = frozenset(LogEvent) - {LogEvent.ERROR, LogEvent.DEBUG_DAG}
_HIDDEN_ERRORS = frozenset({"RuleException", "CalledProcessError"})
"""What Snakemake says of a failed command: the whole command again."""
_HIDDEN_MESSAGES = re.compile(
    "Assuming unrestricted|Building DAG|Using shell|Select jobs|Conda environments: ignored|Elapsed time"
    "|Singularity containers: ignored|Group jobs: inactive|Config file .* is extended|Removing temporary|None$"
    "|Job failed, going on|Exiting because a job execution failed"
)
_RESTART = re.compile(r"Trying to restart job (\d+)\.")


@dataclass
class LogHandlerSettings(LogHandlerSettingsBase):
    """Options of the console."""

    job_output: bool = field(
        default=False, metadata={"help": "Show what jobs print, as their logs have it.", "required": False}
    )


class LogHandler(LogHandlerBase):
    """Takes Snakemake's log in, writes the record of the run folder and the console."""

    def __post_init__(self) -> None:
        """Choose between the quiet console and Snakemake's own."""
        common = self.common_settings
        self._recorder = Recorder()
        self._own_look = common.dryrun or common.verbose or common.debug_dag
        quiet = set(common.quiet or ())
        self._silent = any(str(one).lower().endswith("all") for one in quiet)
        stream = sys.stdout if common.stdout else sys.stderr
        self._plain = ColorizingTextHandler(common.nocolor, stream, DefaultFormatter(quiet, common.show_failed_logs))
        if self._own_look:
            filters = (common.debug_dag, common.verbose, common.dryrun, common.printshellcmds)
            self._plain.addFilter(DefaultFilter(quiet, *filters).filter)
        shows_jobs = isinstance(self.settings, LogHandlerSettings) and self.settings.job_output
        self._progress = ProgressLine(stream, in_place=not shows_jobs)
        if not self._own_look and not shows_jobs:
            os.environ[QUIET_JOBS] = "1"

    @property
    def writes_to_stream(self) -> bool:
        """This is the console."""
        return True

    @property
    def writes_to_file(self) -> bool:
        """The record is no log file of Snakemake's."""
        return False

    @property
    def has_filter(self) -> bool:
        """It chooses what is shown itself."""
        return True

    @property
    def has_formatter(self) -> bool:
        """It writes its own lines."""
        return True

    @property
    def needs_rulegraph(self) -> bool:
        """It does not."""
        return False

    def emit(self, record: LogRecord) -> None:
        """Take one log record; trouble in here never stops a run."""
        try:
            if not self.common_settings.dryrun:
                self._recorder.take(record)
            if self._own_look:
                self._plain.handle(record)
            elif not self._silent:
                self._show(record)
        except Exception:
            self.handleError(record)

    def close(self) -> None:
        """Say how the run ended, and end its record."""
        recorder = self._recorder
        self._progress.close()
        if recorder.started is not None and not (self._own_look or self._silent):
            self._progress.say(self._summary())
        recorder.started = None
        recorder.close(time.time())
        super().close()

    def _show(self, record: LogRecord) -> None:
        recorder, event = self._recorder, getattr(record, "event", None)
        restart = _RESTART.match(record.getMessage())
        if event == LogEvent.RUN_INFO and recorder.total:
            self._progress.begin(recorder.total)
        elif event == LogEvent.JOB_ERROR:
            self._progress.say(self._failure(int(record.__dict__["jobid"])))
        elif restart:
            self._progress.say(f"tried again: {recorder.name(int(restart[1]))}")
        elif _is_told(record):
            self._progress.clear()
            self._plain.handle(record)
        names = [recorder.name(job) for job in recorder.running]
        self._progress.update(recorder.done, recorder.total, names, len(recorder.failed))

    def _failure(self, job: int) -> str:
        log, lines = first_tail(self._recorder.logs[job], TAIL_LINES if self.common_settings.show_failed_logs else 0)
        head = f"failed: {self._recorder.name(job)}" + (f" ({log})" if log else "")
        return "\n".join([head, *(f"    {line}" for line in lines)])

    def _summary(self) -> str:
        recorder = self._recorder
        seconds = time.time() - (recorder.started or time.time())
        text = f"{recorder.done} of {recorder.total} jobs done in {clock(seconds)}"
        if recorder.failed:
            text += f", {len(recorder.failed)} failed: " + ", ".join(map(recorder.name, recorder.failed))
        if recorder.done < recorder.total and recorder.folder is not None:
            text += f"\nmore: spectraflow status {os.path.relpath(recorder.folder)}"
        return text


def _is_told(record: LogRecord) -> bool:
    """Return whether a record that is no news of a job is shown."""
    event = getattr(record, "event", None)
    if event == LogEvent.ERROR:
        return getattr(record, "exception", "") not in _HIDDEN_ERRORS
    if event in _HIDDEN_EVENTS:
        return False
    return _HIDDEN_MESSAGES.match(record.getMessage().lstrip()) is None
