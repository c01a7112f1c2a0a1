"""How far a training is, from its log."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from spectraflow.training.run_folder import HISTORY

_EPOCH = re.compile(r"^epoch (\d+)/(\d+) ", re.MULTILINE)
_RESUMED = re.compile(r"^resumed after epoch (\d+)$", re.MULTILINE)


@dataclass(frozen=True)
class Epochs:
    """Epochs done of how many (None before the first ends), seconds an epoch takes, seconds until the last one ends."""

    done: int
    total: int | None = None
    seconds_each: float | None = None
    seconds_left: float | None = None


def read_epochs(logs: Sequence[Path], training: Path, started: float, now: float) -> Epochs:
    """Return how far the training is that writes its history into a folder; `started`, `now`: seconds.

    An epoch takes the time since the start of the job, loading included, over the epochs done since then.
    """
    text, written = _read(logs)
    epochs = _EPOCH.findall(text)
    if not epochs:
        resumed = _RESUMED.findall(text)
        return Epochs(int(resumed[-1]) if resumed else 0)
    history = training / HISTORY
    ended = history.stat().st_mtime if history.is_file() else written
    done, total = map(int, epochs[-1])
    each = max(0.0, ended - started) / len(epochs)
    return Epochs(done, total, each, max(0.0, (total - done) * each - max(0.0, now - ended)))


def _read(logs: Sequence[Path]) -> tuple[str, float]:
    for log in logs:
        try:
            return log.read_text(encoding="utf-8", errors="replace").replace("\r", "\n"), log.stat().st_mtime
        except OSError:
            continue
    return "", 0.0
