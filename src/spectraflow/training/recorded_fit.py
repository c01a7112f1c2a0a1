"""The fit loop of a run folder: history after every epoch, mirrored to MLflow, gone on from if it was killed."""

from pathlib import Path

from lightning_fabric import Fabric

from spectraflow.settings import TrainingSettings
from spectraflow.training import run_folder
from spectraflow.training.fit import History, Task, fit
from spectraflow.training.tracking import Mirror

CHECKPOINT = "fit.safetensors"


def recorded_fit(
    task: Task,
    settings: TrainingSettings,
    fabric: Fabric,
    out: Path,
    checkpoints: Path,
    identity: str,
    mirror: Mirror,
) -> History:
    """Train `task.model` and leave its best weights in it; `out` gets metrics.jsonl after every epoch.

    The checkpoint in `checkpoints` stays until `forget_checkpoint`, so that a job killed while it evaluates does not
    train again.
    """

    def record(history: History) -> None:
        run_folder.write_history(out, history.records)
        mirror.update()

    history = fit(task, settings, fabric, checkpoints / CHECKPOINT, identity, record)
    run_folder.write_history(out, history.records)
    return history


def forget_checkpoint(checkpoints: Path) -> None:
    """Remove the checkpoint of a finished run, if there is one."""
    (checkpoints / CHECKPOINT).unlink(missing_ok=True)
