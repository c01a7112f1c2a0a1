"""Where training runs: Lightning Fabric picks the device, never the run's identity."""

import os

from lightning_fabric import Fabric


def make_fabric(precision: str = "32-true") -> Fabric:
    """Return a Fabric on one device: a GPU if there is one, else the CPU (SPECTRAFLOW_ACCELERATOR overrides)."""
    accelerator = os.environ.get("SPECTRAFLOW_ACCELERATOR", "auto")
    return Fabric(accelerator=accelerator, devices=1, precision=precision)  # type: ignore[arg-type]
