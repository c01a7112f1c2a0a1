"""The one training loop, its checkpoints, devices, seeds and tracking."""
