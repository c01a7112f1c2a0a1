"""The state of a run as text for people."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from spectraflow.watching.epochs import Epochs
from spectraflow.watching.job_details import epochs_of, label_of, tail_of
from spectraflow.watching.job_names import shown
from spectraflow.watching.log_tails import clock
from spectraflow.watching.run_state import STATES, Job, JobState, RunState, Start


def as_lines(state: RunState, now: float, *, all_jobs: bool = False) -> Iterator[str]:
    """Return the lines that tell people the state; all_jobs: name the jobs that are done, too."""
    yield _summary(state)
    yield from (_start_line(start, now) for start in state.starts)
    if not state.starts:
        yield "no start on record here (another logger?): jobs that have a benchmark are done, no more is known"
    yield ""
    yield from _table(state.by_rule())
    sections: tuple[JobState, ...] = ("running", "interrupted", "failed")
    for name in ("done", *sections) if all_jobs else sections:
        jobs = state.of(name)
        if jobs:
            yield f"\n{name}"
        for job in jobs:
            yield from _job_lines(state.folder, job, now)


def _summary(state: RunState) -> str:
    total = sum(state.by_rule().values(), Counter[str]())
    planned = f" of {total.total() - total['before']}" if state.starts else ""
    words = {"waiting": "waiting" if state.condition == "running" else "not begun"}
    counts = [f"{total[name]} {words.get(name, name)}" for name in STATES[2:] if total[name]]
    before = f"; {total['before']} were done before" if total["before"] else ""
    return f"{state.folder}: {state.condition}, " + ", ".join([f"{total['done']}{planned} jobs done", *counts]) + before


def _start_line(start: Start, now: float) -> str:
    if start.alive:
        how = f"goes on for {clock(now - start.opened)}"
    else:
        how = "was killed" if start.closed is None else f"ended after {clock(start.closed - start.opened)}"
    return f"start of {_time(start.opened)}, process {start.pid} on {start.host}: {how}"


def _table(counts: dict[str, Counter[str]]) -> Iterator[str]:
    columns = [name for name in STATES if any(one[name] for one in counts.values())]
    width = max((len(rule) for rule in counts), default=0)
    if counts:
        yield f"{'rule':<{width}}" + "".join(f"{name:>13}" for name in columns)
    for rule, one in counts.items():
        yield f"{rule:<{width}}" + "".join(f"{one[name] or '':>13}" for name in columns).rstrip()


def _job_lines(folder: Path, job: Job, now: float) -> Iterator[str]:
    label, epochs = label_of(folder, job), epochs_of(folder, job, now)
    text = f"  {shown(job.name)}" + (f" ({label})" if label else "")
    if job.state == "running":
        text += f", for {clock(now - job.started)}"
    elif job.ended is not None:
        text += f", {_time(job.ended)} after {clock(job.ended - job.started)}"
    yield text + (f", {_epoch_words(job, epochs)}" if epochs else "")
    if job.state == "failed":
        log, lines = tail_of(folder, job)
        yield f"    {log}" if log else "    it has no log"
        yield from (f"    | {line}" for line in lines)


def _epoch_words(job: Job, epochs: Epochs) -> str:
    if epochs.total is None:
        return (f"{epochs.done} epochs done before, " if epochs.done else "") + "no epoch ended yet"
    text = f"epoch {epochs.done} of {epochs.total}"
    if job.state != "running" or epochs.seconds_each is None:
        return text
    left = f"at most {clock(epochs.seconds_left or 0)} of training left" if epochs.done < epochs.total else "evaluates"
    return f"{text}, {epochs.seconds_each:.3g} s each, {left}"


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).strftime("%Y-%m-%d %H:%M:%S")
