"""Waiting for what another process does."""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

PATIENCE = 1800.0
"""Seconds after which a test gives up waiting; on a busy machine a start of Python takes minutes."""


def wait_until(condition: Callable[[], object], process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait for a condition while a process runs; its end or lost patience fails with its output."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert process.poll() is None, log.read_text()[-8000:]
        assert time.monotonic() < deadline, log.read_text()[-8000:]
        time.sleep(0.05)
