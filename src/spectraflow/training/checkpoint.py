"""Checkpoints: one safetensors file with its state as JSON in the header; written whole or not at all."""

import json
import warnings
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from spectraflow.errors import InputError, UnreadableFileError
from spectraflow.files import atomic_path
from spectraflow.provenance import code_of, file_sha256, settings_hash


def save_checkpoint(path: Path, tensors: dict[str, Tensor], state: dict[str, Any]) -> None:
    """Write tensors and a JSON-able state to `path` atomically, with a checksum of both."""
    copies = {name: t.detach().cpu().clone(memory_format=torch.contiguous_format) for name, t in tensors.items()}
    text = json.dumps(state)
    with atomic_path(path) as temporary:
        save_file(copies, temporary, metadata={"state": text, "crc32": _checksum(copies, text)})


def _checksum(tensors: Mapping[str, Tensor], state: str) -> str:
    """Return the CRC-32 over state, names, shapes and bytes of CPU tensors: a flipped bit is not seen otherwise."""
    value = zlib.crc32(state.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        value = zlib.crc32(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode(), value)
        value = zlib.crc32(tensor.reshape(-1).view(torch.uint8).numpy(), value)  # type: ignore[arg-type]
    return f"{value:08x}"


def load_checkpoint(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return tensors (CPU) and state.

    Raises:
        InputError: the file is missing or may not be read.
        UnreadableFileError: the file is damaged or of another kind.
    """
    try:
        with safe_open(str(path), framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
            described = file.metadata() or {}
        text = described.get("state", "{}")
        state = json.loads(text)
    except OSError as error:
        raise InputError(f"{path}: not a readable checkpoint ({error})") from error
    except (SafetensorError, ValueError) as error:
        raise UnreadableFileError(path, f"not a readable checkpoint ({error})") from error
    if not isinstance(state, dict):
        raise UnreadableFileError(path, f"not a readable checkpoint (its state is a {type(state).__name__})")
    misnamed = "state" in described and not described.keys() <= {"state", "crc32"}  # a bit of the name has changed
    if misnamed or described.get("crc32", (found := _checksum(tensors, text))) != found:
        raise UnreadableFileError(path, "not a readable checkpoint (its checksum is wrong: bytes have changed)")
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
