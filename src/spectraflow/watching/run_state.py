"""What became of the jobs of a run folder, from the records of its starts and the benchmarks of its jobs."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from spectraflow.errors import InputError
from spectraflow.watching.benchmarks import read_benchmarks
from spectraflow.watching.event_file import FOLDER, read_events, still_written
from spectraflow.watching.job_names import BENCHMARKS, rule_of

STATES = ("before", "done", "running", "failed", "interrupted", "waiting")
"""Of jobs, as they are counted; before: done by an earlier start, and not taken up by the last one so far."""
JobState = Literal["done", "running", "failed", "interrupted"]
Condition = Literal["running", "failed", "interrupted", "finished", "unknown"]


@dataclass
class Job:
    """One job; times in seconds, logs and the folder of a training's history as the record has them."""

    name: str
    state: JobState
    started: float
    ended: float | None = None
    logs: list[str] = field(default_factory=list)
    training: str | None = None


@dataclass
class Start:
    """One start of Snakemake: the jobs it planned, by rule, and those it has begun, by name."""

    opened: float
    pid: int
    host: str
    alive: bool
    planned: Counter[str] = field(default_factory=Counter)
    jobs: dict[str, Job] = field(default_factory=dict)
    closed: float | None = None

    @property
    def waiting(self) -> Counter[str]:
        """Planned jobs that were not begun, by rule."""
        return self.planned - Counter(rule_of(name) for name in self.jobs)


@dataclass
class RunState:
    """The jobs of a run folder by name, what its last start, and any other that goes on, still plans, and those."""

    folder: Path
    jobs: dict[str, Job]
    waiting: Counter[str]
    starts: list[Start]

    @property
    def condition(self) -> Condition:
        """What the run is: interrupted if its last start left jobs behind, unknown without a record of one."""
        if any(start.alive for start in self.starts):
            return "running"
        states = {job.state for job in self.jobs.values()}
        if "failed" in states:
            return "failed"
        if "interrupted" in states or self.waiting.total():
            return "interrupted"
        return "finished" if self.starts else "unknown"

    def current(self, job: Job) -> bool:
        """Return whether the last start, or another that goes on, took a job up."""
        return any(job.name in start.jobs for start in self.starts)

    def by_rule(self) -> dict[str, Counter[str]]:
        """Return how many jobs of every rule are in each of STATES, rules in the order in which they began."""
        counts: dict[str, Counter[str]] = {}
        for job in self.of("done", "running", "failed", "interrupted"):
            before = job.state == "done" and self.starts and not self.current(job)
            counts.setdefault(rule_of(job.name), Counter())["before" if before else job.state] += 1
        for rule, waiting in self.waiting.items():
            counts.setdefault(rule, Counter())["waiting"] = waiting
        return counts

    def of(self, *states: JobState) -> list[Job]:
        """Return the jobs in these states, by their start."""
        return sorted((job for job in self.jobs.values() if job.state in states), key=lambda job: job.started)


def read_state(folder: Path) -> RunState:
    """Return the state of a run folder; raises InputError if it is none.

    Jobs are done that have a benchmark or that any start has finished. Only the last start, and others that go on,
    tell of jobs that run, failed or were interrupted: what an earlier one left, a later one took up.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder}: no such run folder; a run makes results/<name>")
    starts = [start for path in sorted((folder / FOLDER).glob("*.jsonl")) if (start := _read_start(path)) is not None]
    current = [start for number, start in enumerate(starts, 1) if start.alive or number == len(starts)]
    jobs = {
        one.name: Job(one.name, "done", one.started, one.ended) for one in read_benchmarks(folder / BENCHMARKS)
    } | _done(start for start in starts if start not in current)
    for start in current:
        jobs |= start.jobs
    return RunState(folder, jobs, sum((start.waiting for start in current), Counter()), current)


def _done(starts: Iterable[Start]) -> dict[str, Job]:
    return {job.name: job for start in starts for job in start.jobs.values() if job.state == "done"}


def _read_start(path: Path) -> Start | None:
    header = next(read_events(path), None)
    if header is None or header.get("event") != "opened":
        return None
    alive = still_written(path, header)  # before its events are read: they may end in between
    start = Start(header["at"], header["pid"], header["host"], alive=False)
    names: dict[int, str] = {}
    for event in read_events(path):
        _take(start, names, event)
    start.alive = alive and start.closed is None
    if not start.alive:
        for job in start.jobs.values():
            job.state = "interrupted" if job.state == "running" else job.state
    return start


def _take(start: Start, names: dict[int, str], event: dict[str, Any]) -> None:
    at = event["at"]
    match event["event"]:
        case "planned":
            start.planned = Counter(event["jobs"])
        case "started":
            names[event["job"]] = event["name"]
            training = event.get("training") or [None]
            start.jobs[event["name"]] = Job(event["name"], "running", at, None, event["logs"], training[0])
        case "finished" | "failed" as result if event["job"] in names:
            job = start.jobs[names[event["job"]]]
            job.state, job.ended = ("done" if result == "finished" else "failed"), at
            job.logs = event.get("logs") or job.logs
        case "closed":
            start.closed = at
