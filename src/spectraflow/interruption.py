"""What a workflow that was killed leaves behind: jobs that would go on alone, and Snakemake's lock of the folder."""

import fcntl
import os
import select
import shutil
import socket
import threading
from pathlib import Path
from typing import IO

STARTED_BY = "SPECTRAFLOW_STARTED_BY"
"""Environment variable with the process id of the Snakemake that started a job."""

_held: list[IO[str]] = []


def release_dead_lock(folder: Path, main: bool = True) -> None:
    """Remove Snakemake's lock from `folder` (`.snakemake`) if the Snakemake that wrote it was killed.

    Every Snakemake of this workflow holds a shared lock on a file there for as long as it lives; the kernel gives
    it back even after SIGKILL. Who can have it alone knows that all others are dead. A lock that was written on
    another machine stays: some file systems keep such locks to one machine. `main` is false in the Snakemake that
    runs one job of a cluster.
    """
    folder.mkdir(parents=True, exist_ok=True)
    handle = (folder / "spectraflow.lock").open("a+", encoding="utf-8")
    _held.append(handle)
    try:
        if main:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _remove_own_locks(folder / "locks", handle)
        fcntl.flock(handle, fcntl.LOCK_SH)
    except OSError:
        return  # another one lives, or the file system cannot tell: Snakemake's own lock decides


def _remove_own_locks(locks: Path, handle: IO[str]) -> None:
    host = socket.gethostname()
    handle.seek(0)
    if handle.read() == host:
        shutil.rmtree(locks, ignore_errors=True)
    if not locks.exists() or not any(locks.iterdir()):
        handle.truncate(0)
        handle.write(host)
        handle.flush()


def end_with_workflow() -> None:
    """End this process at once when the Snakemake that started it dies, so that no two jobs write the same files.

    Does nothing for a command that was started by hand.
    """
    started_by = int(os.environ.get(STARTED_BY, 0))
    if started_by in _ancestors():
        end_with(started_by, "Snakemake was killed")


def end_with(process: int, reason: str) -> None:
    """End this process at once, with `reason` as its error, when another one (a process id) is no more.

    Does nothing where the operating system has no pidfd (not Linux).
    """
    if hasattr(os, "pidfd_open"):
        threading.Thread(target=_end_after, args=(os.pidfd_open(process), reason), daemon=True).start()


def _end_after(process: int, reason: str) -> None:
    select.select([process], [], [])
    os.write(2, f"error: {reason}; this job ends\n".encode())
    os._exit(1)


def _ancestors() -> list[int]:
    found: list[int] = []
    pid = os.getppid()
    while pid > 0:
        found.append(pid)
        try:
            status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
        except OSError:
            break
        pid = int(status.partition("PPid:")[2].split()[0])
    return found
