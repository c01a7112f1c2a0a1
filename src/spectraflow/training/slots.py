"""Which job may use which device: a lock on a file for every place on a device, given back by the kernel.

The locks are held by an open file, so that a job that is killed gives its places back at once.
"""

import fcntl
import hashlib
import os
import shlex
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

FOLDER = "SPECTRAFLOW_DEVICE_LOCKS"
"""Environment variable with the folder of the locks; without it, one a user in the folder of temporary files."""
JOBS_PER_DEVICE = "SPECTRAFLOW_JOBS_PER_DEVICE"
"""Environment variable with how many jobs may be on one device at a time; 1 without it."""
POLL_SECONDS = 0.5


def lock_folder() -> Path:
    """Return the folder that all jobs of this machine keep their locks in."""
    given = os.environ.get(FOLDER)
    folder = Path(given) if given else Path(tempfile.gettempdir()) / f"spectraflow-devices-{os.getuid()}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def take_slots(folder: Path, devices: Sequence[str], count: int, jobs_per_device: int) -> tuple[list[str], list[int]]:
    """Return `count` different devices with a place for this job, and the file descriptors that hold the places.

    Waits until there are so many, and says on stderr who holds them. A job takes all of its places or none, and jobs
    that choose among the same devices do so one after the other: none waits for a place while it holds another, and
    one that needs several is not overtaken by those that need one.

    Args:
        folder: of the lock files.
        devices: names of the devices to choose from, the same in all jobs (UUIDs).
        count: devices needed; raises ValueError if there are not so many.
        jobs_per_device: jobs that may be on one device at a time.
    """
    if count > len(devices):
        raise ValueError(f"{count} devices needed, {len(devices)} there")
    announced = False
    with _turn(folder, devices, jobs_per_device):
        while True:
            held = _try(folder, devices, count, jobs_per_device)
            if held:
                return list(held), list(held.values())
            if not announced:
                _announce(folder, devices, count, jobs_per_device)
                announced = True
            time.sleep(POLL_SECONDS)


def holders(folder: Path, devices: Sequence[str], jobs_per_device: int) -> list[str]:
    """Return a line for every place that is taken: the device, and the job that holds it."""
    lines = []
    for device in devices:
        for place in range(jobs_per_device):
            path = _path(folder, device, place)
            if not path.exists():
                continue
            descriptor = _lock(path)
            if descriptor is None:
                lines.append(f"{device}: {path.read_text(encoding='utf-8').strip()}")
            else:
                os.close(descriptor)
    return lines


def _try(folder: Path, devices: Sequence[str], count: int, jobs_per_device: int) -> dict[str, int]:
    held: dict[str, int] = {}
    for place in range(jobs_per_device):  # devices without a job first
        for device in devices:
            if len(held) < count and device not in held:
                descriptor = _lock(_path(folder, device, place))
                if descriptor is not None:
                    held[device] = descriptor
    if len(held) < count:
        for descriptor in held.values():
            os.close(descriptor)
        return {}
    for descriptor in held.values():
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, f"process {os.getpid()}, {shlex.join(sys.argv)[:200]}\n".encode(), 0)
    return {device: held[device] for device in devices if device in held}


def _path(folder: Path, device: str, place: int) -> Path:
    return folder / f"{device.replace('/', '_')}.{place}.lock"


def _lock(path: Path) -> int | None:
    """Return a descriptor that holds the lock, or None if another process does."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


@contextmanager
def _turn(folder: Path, devices: Sequence[str], jobs_per_device: int) -> Iterator[None]:
    """Wait for this job's turn to choose among `devices`."""
    name = hashlib.sha256(" ".join(sorted(devices)).encode()).hexdigest()[:12]
    path = folder / f"queue-{name}.lock"
    descriptor = _lock(path)
    if descriptor is None:
        _announce(folder, devices, 1, jobs_per_device)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        yield
    finally:
        os.close(descriptor)


def _announce(folder: Path, devices: Sequence[str], count: int, jobs_per_device: int) -> None:
    wanted = "a device" if count == 1 else f"{count} devices"
    lines = [f"waiting for {wanted} that other jobs use:", *holders(folder, devices, jobs_per_device)]
    print("\n  ".join(lines), file=sys.stderr, flush=True)
