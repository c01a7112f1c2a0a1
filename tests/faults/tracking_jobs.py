"""Small fake trainings that log through the real `Mirror`, each in a process of its own.

    python tracking_jobs.py JOBS.json

JOBS.json: `uri`; `epochs`; `folders`, one process each (a folder that is named twice is logged by two processes at
once); `hold`, a file or null: after the first epoch each process adds a line to `<hold>.waiting` and goes on when the
file exists. MLflow is imported once and the processes are forked from there. The exit status is 1 if one failed.
"""

import json
import multiprocessing
import sys
import time
import warnings
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure  # noqa: F401
from mlflow.store.tracking import rest_store, sqlalchemy_store  # noqa: F401

from spectraflow.training import run_folder
from spectraflow.training.tracking import Mirror

NAMES = ("train/loss", "val/loss", "val/accuracy", "learning_rate")


def start_folder(folder: Path, number: int) -> None:
    """Write the settings of a run; runs belong to two experiments."""
    settings = {"seed": number, "training": {f"option{i}": i * number for i in range(8)}}
    described = {"method": f"method{number % 2}", "run_id": folder.name, "label": f"run {number}"}
    run_folder.write_settings(folder, {**described, "settings": settings, "data_version": "v1"})


def record(number: int, epoch: int) -> dict[str, float]:
    """Return what an epoch of a run measured."""
    values = {name: number + epoch / 64 + i / 4 for i, name in enumerate(NAMES)}
    return {"epoch": epoch, **values, "seconds": 1.0 + number / 128 + epoch / 1024}


def train(job: dict[str, Any], folder: Path, number: int) -> None:
    """Write a run folder epoch by epoch and mirror it as training jobs do, at every epoch."""
    warnings.simplefilter("always")
    mirror = Mirror(folder, job["uri"], every_seconds=0)
    records: list[dict[str, float]] = []
    for epoch in range(job["epochs"]):
        records.append(record(number, epoch))
        run_folder.write_history(folder, records)
        mirror.update()
        if epoch == 0 and job["hold"]:
            mirror.finish()
            wait(Path(job["hold"]), number)
    interval = {"value": number / 32, "low": 0.0, "high": 1.0, "n": 10}
    parts = {"test": {"accuracy": interval}}
    run_folder.write_metrics(folder, {"best_epoch": len(records) - 1, "epochs": len(records), "parts": parts})
    mirror.finish(seconds=1200)


def wait(hold: Path, number: int) -> None:
    """Say that this process waits, and wait until the file is there."""
    with Path(f"{hold}.waiting").open("a", encoding="utf-8") as handle:
        handle.write(f"{number}\n")
    while not hold.exists():
        time.sleep(0.05)


def main() -> None:
    """Start all processes and wait for them."""
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    numbers = {name: number for number, name in enumerate(dict.fromkeys(job["folders"]))}
    for name, number in numbers.items():
        start_folder(Path(name), number)
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=train, args=(job, Path(name), numbers[name])) for name in job["folders"]]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    sys.exit(any(process.exitcode for process in processes))


if __name__ == "__main__":
    main()
