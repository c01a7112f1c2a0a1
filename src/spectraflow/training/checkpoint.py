"""Checkpoints: one safetensors file with its state as JSON in the header; written whole or not at all."""

import json
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from spectraflow.errors import InputError
from spectraflow.files import atomic_path
from spectraflow.provenance import code_of, file_sha256, settings_hash


def save_checkpoint(path: Path, tensors: dict[str, Tensor], state: dict[str, Any]) -> None:
    """Write tensors and a JSON-able state to `path` atomically."""
    copies = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    with atomic_path(path) as temporary:
        save_file(copies, temporary, metadata={"state": json.dumps(state)})


def load_checkpoint(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return tensors (CPU) and state; raises InputError if the file is missing, corrupt or of another kind."""
    try:
        with safe_open(str(path), framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
            state = json.loads((file.metadata() or {}).get("state", "{}"))
    except (OSError, SafetensorError, json.JSONDecodeError) as error:
        raise InputError(f"{path}: not a readable checkpoint ({error})") from error
    return tensors, state


def fit_identity(settings: Any, step: str, inputs: Iterable[Path]) -> str:
    """Return what a checkpoint must have been written for: settings, the code of the step, and its inputs' bytes.

    Args:
        settings: JSON-able settings that matter for the numbers.
        step: module whose code trains, as in provenance.code_of.
        inputs: files the step reads.
    """
    checksums = [file_sha256(path) for path in inputs]
    return settings_hash({"settings": settings, "code": code_of(step), "inputs": checksums})


def resume_from(path: Path, identity: str) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """Return a checkpoint to go on from, or None (with a warning if there is one that cannot be used)."""
    if not path.exists():
        return None
    try:
        tensors, state = load_checkpoint(path)
    except InputError as error:
        warnings.warn(f"{error}; training starts from the beginning", stacklevel=2)
        return None
    if state.get("identity") != identity:
        warnings.warn(f"{path} is of other settings, code or data; training starts from the beginning", stacklevel=2)
        return None
    return tensors, state


def with_prefix(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors with `prefix.` before their names."""
    return {f"{prefix}.{name}": tensor for name, tensor in tensors.items()}


def take_prefix(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors whose names start with `prefix.`, without it."""
    start = f"{prefix}."
    return {name.removeprefix(start): tensor for name, tensor in tensors.items() if name.startswith(start)}


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Return the optimiser's per-parameter state as `index.name` tensors."""
    state = optimizer.state_dict()["state"]
    return {f"{i}.{k}": torch.as_tensor(v) for i, entry in state.items() for k, v in entry.items()}


def load_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Put tensors from optimizer_tensors back."""
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        index, key = name.split(".", 1)
        state.setdefault(int(index), {})[key] = tensor
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
