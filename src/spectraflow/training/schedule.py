"""Learning-rate schedules as functions of epoch, step and validation history, so that a resume needs no state."""

import math
from collections.abc import Sequence

from spectraflow.settings import TrainingSettings

WARMUP_EPOCHS = 2
"""Epochs in which the schedule noam rises to the full rate."""
LOWEST_SHARE = 0.1
"""Share of the full rate with which the schedule noam begins and ends."""


def epochs_since_best(history: Sequence[float]) -> int:
    """Return how many epochs ago the lowest value was seen; 0 if it is the last one."""
    return len(history) - 1 - min(range(len(history)), key=history.__getitem__) if history else 0


def _plateau_halvings(history: Sequence[float], patience: int) -> int:
    best, waited, halvings = math.inf, 0, 0
    for value in history:
        if value < best:
            best, waited = value, 0
        else:
            waited += 1
        if waited > patience:
            waited, halvings = 0, halvings + 1
    return halvings


def learning_rate(settings: TrainingSettings, epoch: int, history: Sequence[float]) -> float:
    """Return the rate of `epoch` (from 0), given the monitored losses of the epochs before it.

    plateau halves after `plateau_patience` epochs without improvement (ReduceLROnPlateau, mode min, factor 0.5);
    cosine falls from the full rate to zero over all epochs; milestones divides by ten at each listed epoch.
    inverse_root and noam change within an epoch: see `step_rate` and `warmed_rate`.
    """
    if settings.schedule == "plateau":
        return settings.learning_rate * 0.5 ** _plateau_halvings(history, settings.plateau_patience)
    if settings.schedule == "cosine":
        return settings.learning_rate * 0.5 * (1 + math.cos(math.pi * epoch / settings.epochs))
    if settings.schedule == "milestones":
        return settings.learning_rate * 0.1 ** sum(epoch >= milestone for milestone in settings.milestones)
    return settings.learning_rate


def step_rate(settings: TrainingSettings, step: int) -> float:
    """Return the rate of batch `step` (from 0, over all epochs) of the schedule inverse_root.

    It rises linearly to the full rate at `warmup_steps` and then falls with the root of the step: Noam's schedule
    (Vaswani et al. 2017, eq. 3), whose factor f and width d make the full rate f / sqrt(d * warmup_steps).
    """
    done = step + 1
    return settings.learning_rate * min(done / settings.warmup_steps, math.sqrt(settings.warmup_steps / done))


def warmed_rate(settings: TrainingSettings, step: int, steps_per_epoch: int) -> float:
    """Return the rate of batch `step` (from 0, over all epochs) of the schedule noam, chemprop 1's `NoamLR`.

    It rises linearly from a tenth of the full rate to all of it within two epochs, and then falls exponentially to the
    tenth, which it reaches with the last epoch. Fits of up to two epochs only rise.
    """
    warmup, total = WARMUP_EPOCHS * steps_per_epoch, settings.epochs * steps_per_epoch
    if step <= warmup:
        return settings.learning_rate * (LOWEST_SHARE + (1 - LOWEST_SHARE) * step / warmup)
    return settings.learning_rate * LOWEST_SHARE ** min(1, (step - warmup) / max(1, total - warmup))
