"""The same command in several processes: torchrun starts them, and they end with it."""

import os
import sys
from functools import cache

from spectraflow.errors import ConfigError
from spectraflow.interruption import end_with

LAUNCHED = "TORCHELASTIC_RUN_ID"
DEVICES = "SPECTRAFLOW_DEVICES"
ACCELERATOR = "SPECTRAFLOW_ACCELERATOR"


def launched_processes() -> int:
    """Return how many processes torchrun started together with this one; 1 if it did not start this one."""
    return int(os.environ["WORLD_SIZE"]) if LAUNCHED in os.environ else 1


def run_on_devices() -> None:
    """Run this very command once a device if SPECTRAFLOW_DEVICES asks for several; otherwise just return.

    The process becomes torchrun, and holds the devices' slots for as long as that lives. torchrun starts the command
    anew, where this returns at once. Raises ConfigError if there are not so many devices.
    """
    count = number_from(DEVICES)
    if LAUNCHED in os.environ or count == 1:
        return
    if os.environ.get(ACCELERATOR) != "cpu":
        _take_gpus(count)
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # else it warns of unused parameters that there are not
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // count)))
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(count)]
    os.execv(sys.executable, [*torchrun, "--module", "spectraflow", *sys.argv[1:]])


def _take_gpus(count: int) -> None:
    """Take GPUs, if there are any, for the program that takes the place of this one."""
    from spectraflow.training.devices import take_gpus, uses_gpus

    if not uses_gpus():
        return
    chosen, descriptors = take_gpus(count)
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = visible.split(",") if visible else [str(i) for i in range(max(chosen) + 1)]
    os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(names[i] for i in chosen)
    for descriptor in descriptors:
        os.set_inheritable(descriptor, True)


def number_from(variable: str) -> int:
    """Return the number in an environment variable, 1 if it is not set; raises ConfigError unless it is 1 or more."""
    text = os.environ.get(variable) or "1"
    if not text.isdecimal() or int(text) < 1:
        raise ConfigError(f"{variable} must be a number of 1 or more (given: {text!r})")
    return int(text)


@cache
def end_with_launcher() -> None:
    """End this process when torchrun dies: it would train on beside the job that is started in its place."""
    end_with(os.getppid(), "torchrun was killed")


def launch_is_over() -> None:
    """Let this process, the only one left of its launch, go on as if it had been started alone."""
    os.environ.pop(LAUNCHED, None)
