"""From Snakemake's log events to the record of a start."""

import os
from collections.abc import Sequence
from logging import LogRecord
from pathlib import Path

from snakemake_interface_logger_plugins.common import LogEvent

from spectraflow.training.run_folder import HISTORY
from spectraflow.watching.event_file import EventFile
from spectraflow.watching.job_names import place_of, shown


class Recorder:
    """Keeps the names and states of the jobs of one start, and writes each event to the record of the run folder."""

    def __init__(self) -> None:
        self.names: dict[int, str] = {}
        self.running: dict[int, float] = {}
        self.failed: dict[int, float] = {}
        self.logs: dict[int, list[str]] = {}
        self.done = 0
        self.total = 0
        self.started: float | None = None
        self._file = EventFile()

    @property
    def folder(self) -> Path | None:
        """The run folder, once a job has told it."""
        return self._file.folder

    def name(self, job: int) -> str:
        """Return a job's name for people."""
        return shown(self.names.get(job, f"job {job}"))

    def take(self, record: LogRecord) -> None:
        """Note what an event says; other records say nothing."""
        values, at = record.__dict__, record.created
        match values.get("event"):
            case LogEvent.RUN_INFO if "total" in (values.get("stats") or {}):
                self._plan(values["stats"], at)
            case LogEvent.JOB_INFO:
                self._start(values, at)
            case LogEvent.JOB_FINISHED:
                self._finish(values["job_id"], at)
            case LogEvent.JOB_ERROR:
                self._fail(values, at)
            case LogEvent.PROGRESS:
                self.done, self.total = values["done"], values["total"]

    def close(self, at: float) -> None:
        """End the record."""
        self._file.close(at)

    def _plan(self, stats: dict[str, int], at: float) -> None:
        self.started = at if self.started is None else self.started
        self.total = stats["total"]
        self._file.write("planned", at, jobs={rule: count for rule, count in stats.items() if rule != "total"})

    def _start(self, values: dict[str, object], at: float) -> None:
        job, rule = int(str(values["jobid"])), str(values["rule_name"])
        logs, outputs = _texts(values.get("log")), _texts(values.get("output"))
        place = place_of(rule, [*logs, *_texts(values.get("benchmark"))])
        self.names[job] = place[1] if place else rule
        self.logs[job] = logs
        self.running[job] = at
        self.failed.pop(job, None)
        if place and self._file.folder is None:
            self._file.open(place[0], at if self.started is None else self.started)
        training = [str(path.parent) for path in map(Path, outputs) if path.name == HISTORY]
        paths = {"logs": self._relative(logs), "training": self._relative(training)}
        self._file.write("started", at, job=job, name=self.names[job], **paths)

    def _finish(self, job: int, at: float) -> None:
        self.running.pop(job, None)
        self._file.write("finished", at, job=job)

    def _fail(self, values: dict[str, object], at: float) -> None:
        job = int(str(values["jobid"]))
        self.names.setdefault(job, str(values["rule_name"]))
        self.logs[job] = _texts(values.get("log"))
        self.running.pop(job, None)
        self.failed[job] = at
        self._file.write("failed", at, job=job, logs=self._relative(self.logs[job]), message=values.get("rule_msg"))

    def _relative(self, paths: Sequence[str]) -> list[str]:
        """Return paths as seen from the run folder, so that it may be moved."""
        return [os.path.relpath(path, self.folder) if self.folder else path for path in paths]


def _texts(value: object) -> list[str]:
    if value is None or isinstance(value, str):
        return [value] if value else []
    return [str(one) for one in value] if isinstance(value, Sequence) else []
