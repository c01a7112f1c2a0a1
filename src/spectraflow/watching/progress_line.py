"""One line of progress: rewritten in place on a terminal, now and then a line of its own elsewhere."""

import os
import threading
import time
from collections.abc import Sequence
from typing import TextIO

from tqdm import tqdm

from spectraflow.watching.log_tails import clock

LINE_EVERY = 30.0
"""Seconds between lines where they are not rewritten."""
_FORMAT = "{n_fmt}/{total_fmt} jobs |{bar:16}| {elapsed}{postfix}"


class ProgressLine:
    """Shows jobs done of all, time since the start, and the jobs that run."""

    def __init__(self, stream: TextIO, *, in_place: bool = True) -> None:
        self._stream = stream
        self._in_place = in_place and _has_size(stream)
        self._bar: tqdm | None = None
        self._stop = threading.Event()
        self._begun = self._last = time.monotonic()

    def begin(self, total: int) -> None:
        """Start the clock; a second call changes nothing."""
        if self._bar is not None:
            return
        self._begun = self._last = time.monotonic()
        self._bar = tqdm(
            total=total,
            file=self._stream,
            bar_format=_FORMAT,
            dynamic_ncols=True,
            leave=False,
            disable=not self._in_place,
        )
        if self._in_place:
            threading.Thread(target=self._tick, daemon=True).start()
        else:
            self.say(f"{total} jobs to run")

    def update(self, done: int, total: int, running: Sequence[str], failed: int) -> None:
        """Show a new state; a line of its own waits until a job runs, as between two jobs none does for a moment."""
        if self._bar is None:
            return
        trouble = f"{failed} failed, " if failed else ""
        names = ", ".join(running) if running else "none"
        if self._in_place:
            self._bar.total, self._bar.n = total, done
            self._bar.set_postfix_str(f"{trouble}running: {names}")
        elif running and time.monotonic() - self._last >= LINE_EVERY:
            self._last = time.monotonic()
            elapsed = clock(self._last - self._begun)
            self.say(f"{done}/{total} jobs, {elapsed}, {trouble}running: {names}")

    def say(self, text: str) -> None:
        """Write lines that stay, above the progress."""
        self.clear()
        self._stream.write(f"{text}\n")
        self._stream.flush()

    def clear(self) -> None:
        """Take the progress off the screen until it is next shown."""
        if self._bar is not None and self._in_place:
            self._bar.clear()

    def close(self) -> None:
        """Take the progress off the screen for good."""
        self._stop.set()
        if self._bar is not None:
            self._bar.close()

    def _tick(self) -> None:
        while self._bar is not None and not self._stop.wait(1.0):
            self._bar.refresh()


def _has_size(stream: TextIO) -> bool:
    """Return whether a stream is a terminal on which a line can be rewritten; some have no rows and columns."""
    try:
        return min(os.get_terminal_size(stream.fileno())) > 0
    except (OSError, ValueError):
        return False
