"""Where training runs: Lightning Fabric on the devices this job may use, never part of the run's identity."""

import os
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from types import ModuleType
from typing import TYPE_CHECKING

import torch

from spectraflow.errors import ConfigError
from spectraflow.training.launched import ACCELERATOR, end_with_launcher, launched_processes, number_from
from spectraflow.training.slots import JOBS_PER_DEVICE, lock_folder, take_slots

if TYPE_CHECKING:
    from lightning_fabric import Fabric


def make_fabric(precision: str = "32-true") -> "Fabric":
    """Return a Fabric on one device: a GPU if there is one, else the CPU (SPECTRAFLOW_ACCELERATOR overrides).

    A GPU is taken for as long as the process lives; if all are taken by other jobs, this waits for one. In a process
    that was started together with others, the Fabric is that of all of them. On the CPU, sums of several threads are
    taken in a fixed order, so that equal seeds give equal numbers.
    """
    with _version_alone("torchmetrics"):
        from lightning_fabric import Fabric

    accelerator = os.environ.get(ACCELERATOR, "auto")
    if launched_processes() > 1:
        fabric = _shared_fabric(accelerator, precision)
    else:
        devices = [_own_gpu()] if uses_gpus() else 1
        fabric = Fabric(accelerator=accelerator, devices=devices, precision=precision)  # type: ignore[arg-type]
    _keep_order_of_sums(fabric.device)
    return fabric


@contextmanager
def _version_alone(package: str) -> Iterator[None]:
    """Let imports find of an installed package its version and nothing else.

    lightning_fabric imports torchmetrics, for as long as all of itself takes, to ask for its version.
    """
    if package in sys.modules:
        yield
        return
    try:
        found = version(package)
    except PackageNotFoundError:
        yield
        return
    stand_in = ModuleType(package)
    stand_in.__version__ = found  # type: ignore[attr-defined]
    sys.modules[package] = stand_in
    try:
        yield
    finally:
        del sys.modules[package]


def job_device() -> torch.device:
    """Return the device of a job that trains nothing: the one `make_fabric` would take.

    Fabric's import takes longer than many such jobs compute, so it is left out where the device is plain.
    """
    accelerator = os.environ.get(ACCELERATOR, "auto")
    if launched_processes() > 1 or accelerator not in ("auto", "cpu", "gpu", "cuda"):
        return make_fabric().device
    if uses_gpus():
        return torch.device("cuda", _own_gpu())
    if accelerator != "cpu" and (accelerator != "auto" or torch.backends.mps.is_available()):
        return make_fabric().device
    _keep_order_of_sums(torch.device("cpu"))
    return torch.device("cpu")


def _keep_order_of_sums(device: torch.device) -> None:
    if device.type == "cpu":
        torch.set_deterministic_debug_mode("warn")  # use_deterministic_algorithms would import torch's compiler
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]


def peak_memory(device: torch.device) -> float:
    """Return the largest memory of the process, or of its GPU, in GB."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 1e9
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def uses_gpus() -> bool:
    """Return whether this job computes on CUDA devices."""
    return os.environ.get(ACCELERATOR, "auto") in ("auto", "gpu", "cuda") and torch.cuda.is_available()


def take_gpus(count: int) -> tuple[list[int], list[int]]:
    """Return the numbers of `count` visible GPUs for this job, and the file descriptors that hold them.

    Waits for other jobs. Raises ConfigError if fewer are visible.
    """
    names = visible_gpus()
    if count > len(names):
        raise ConfigError(f"{count} devices are asked for, {len(names)} are visible")
    taken, descriptors = take_slots(lock_folder(), names, count, number_from(JOBS_PER_DEVICE))
    return [names.index(name) for name in taken], descriptors


def visible_gpus() -> list[str]:
    """Return the UUIDs of the visible GPUs, the same in jobs that see and number them differently."""
    return [str(torch.cuda.get_device_properties(i).uuid) for i in range(torch.cuda.device_count())]


@cache
def _own_gpu() -> int:
    """Take one GPU, which nothing gives back before the process ends, and return its number."""
    return take_gpus(1)[0][0]


def _shared_fabric(accelerator: str, precision: str) -> "Fabric":
    from lightning_fabric import Fabric
    from lightning_fabric.strategies import DDPStrategy

    end_with_launcher()
    fabric = Fabric(
        accelerator=accelerator,
        devices=launched_processes(),
        # a modality that no molecule of a batch has leaves its encoder without gradients
        strategy=DDPStrategy(find_unused_parameters=True),
        precision=precision,  # type: ignore[arg-type]
    )
    fabric.launch()
    return fabric
