"""The fit loop of a run folder: history after every epoch, mirrored to MLflow, gone on from if it was killed."""

from pathlib import Path
from typing import TYPE_CHECKING

from spectraflow.settings import TrainingSettings
from spectraflow.training import run_folder
from spectraflow.training.distributed import leave_processes
from spectraflow.training.fit import History, Task, fit
from spectraflow.training.tracking import Mirror

if TYPE_CHECKING:
    from lightning_fabric import Fabric

CHECKPOINT = "fit.safetensors"


def recorded_fit(
    task: Task,
    settings: TrainingSettings,
    fabric: "Fabric",
    out: Path,
    checkpoints: Path,
    identity: str,
    mirror: Mirror,
) -> History:
    """Train `task.model` and leave its best weights in it; `out` gets metrics.jsonl after every epoch.

    The checkpoint in `checkpoints` stays until `forget_checkpoint`, so that a job killed while it evaluates does not
    train again. Of several processes only the first comes back, alone: the others have nothing left to do and exit.
    """

    def record(history: History) -> None:
        run_folder.write_history(out, history.records)
        mirror.update()

    history = fit(task, settings, fabric, checkpoints / CHECKPOINT, identity, record)
    leave_processes()
    if not fabric.is_global_zero:
        raise SystemExit(0)
    run_folder.write_history(out, history.records)
    return history


def forget_checkpoint(checkpoints: Path) -> None:
    """Remove the checkpoint of a finished run, if there is one."""
    (checkpoints / CHECKPOINT).unlink(missing_ok=True)
