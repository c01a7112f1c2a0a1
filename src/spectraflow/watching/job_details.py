"""What the files of a run folder tell of a job that is not done: its label, its epochs, the end of its log."""

from pathlib import Path

from spectraflow.training.run_folder import read_label
from spectraflow.watching.epochs import Epochs, read_epochs
from spectraflow.watching.log_tails import first_tail
from spectraflow.watching.run_state import Job

TAIL_LINES = 10


def epochs_of(folder: Path, job: Job, now: float) -> Epochs | None:
    """Return how far a training is; None if the job is done or no training."""
    if job.training is None or job.state == "done":
        return None
    return read_epochs([folder / log for log in job.logs], folder / job.training, job.started, now)


def label_of(folder: Path, job: Job) -> str | None:
    """Return what people call the run that a job trains."""
    return read_label(folder / job.training, {}) or None if job.training else None


def tail_of(folder: Path, job: Job) -> tuple[str, list[str]]:
    """Return the path of a job's log, empty if it has none, and its last lines."""
    return first_tail((str(folder / log) for log in job.logs), TAIL_LINES)
