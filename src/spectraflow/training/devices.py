"""Where training runs: Lightning Fabric picks the device, never the run's identity."""

import os

import torch
from lightning_fabric import Fabric


def make_fabric(precision: str = "32-true") -> Fabric:
    """Return a Fabric on one device: a GPU if there is one, else the CPU (SPECTRAFLOW_ACCELERATOR overrides).

    On the CPU, sums of several threads are taken in a fixed order, so that equal seeds give equal numbers.
    """
    accelerator = os.environ.get("SPECTRAFLOW_ACCELERATOR", "auto")
    fabric = Fabric(accelerator=accelerator, devices=1, precision=precision)  # type: ignore[arg-type]
    if fabric.device.type == "cpu":
        torch.use_deterministic_algorithms(True, warn_only=True)
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    return fabric
