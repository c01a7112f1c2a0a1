"""`spectraflow status`: the state of a run folder as text, or as JSON for machines."""

import json
import time
from pathlib import Path
from typing import Any

from spectraflow.errors import InputError
from spectraflow.watching.event_file import FOLDER
from spectraflow.watching.job_details import epochs_of, label_of, tail_of
from spectraflow.watching.job_names import BENCHMARKS
from spectraflow.watching.run_state import STATES, Job, RunState, read_state
from spectraflow.watching.status_text import as_lines


def latest_run(results: Path) -> Path:
    """Return the run folder in which a job began or ended last; raises InputError if there is none."""
    times = {path: _last_change(path) for path in Path(results).glob("*") if path.is_dir()}
    known = {path: at for path, at in times.items() if at is not None}
    if not known:
        raise InputError(f"{results}: no run folder in here; a run makes results/<name>")
    return max(known, key=lambda path: known[path])


def _last_change(folder: Path) -> float | None:
    files = [*(folder / FOLDER).glob("*.jsonl"), folder / BENCHMARKS]
    return max((path.stat().st_mtime for path in files if path.exists()), default=None)


def print_status(folder: Path, *, as_json: bool = False, all_jobs: bool = False) -> int:
    """Print the state of a run folder; return 1 if a job has failed, else 0.

    all_jobs: name the jobs that are done, too; JSON always names them.
    """
    state, now = read_state(folder), time.time()
    if as_json:
        print(json.dumps(as_values(state, now), indent=2))
    else:
        print("\n".join(as_lines(state, now, all_jobs=all_jobs)))
    return int(bool(state.of("failed")))


def as_values(state: RunState, now: float) -> dict[str, Any]:
    """Return the state for JSON; times in seconds since 1970, durations in seconds."""
    return {
        "folder": str(state.folder),
        "condition": state.condition,
        "starts": [
            {"at": start.opened, "ended": start.closed, "alive": start.alive, "pid": start.pid, "host": start.host}
            for start in state.starts
        ],
        "rules": {rule: {name: counts[name] for name in STATES} for rule, counts in state.by_rule().items()},
        "jobs": [_job_values(state.folder, job, now) for job in state.of("done", "running", "failed", "interrupted")],
    }


def _job_values(folder: Path, job: Job, now: float) -> dict[str, Any]:
    values = {"name": job.name, "state": job.state, "started": job.started, "ended": job.ended}
    if job.state != "done":
        epochs = epochs_of(folder, job, now)
        values |= {"logs": job.logs, "label": label_of(folder, job), "epochs": vars(epochs) if epochs else None}
    if job.state == "failed":
        values["last_lines"] = tail_of(folder, job)[1]
    return values
