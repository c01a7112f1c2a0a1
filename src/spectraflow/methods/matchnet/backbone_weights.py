"""Published weights of backbones from local files."""

import json
import pickle
import re
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from spectraflow.errors import InputError
from spectraflow.methods.matchnet.settings import IMAGENET, WEIGHT_FILES
from spectraflow.provenance import file_sha256

PREFIXES = {"resnet": "resnet.", "efficientnet_b": "efficientnet.", "densenet": "features."}
"""What a network with a classifier puts before the names of the tensors without it."""
CLASSIFIERS = ("classifier.", "_fc.")
COMPUTATION = ("hidden_act", "layer_type", "downsample_in_bottleneck", "downsample_in_first_stage", "batch_norm_eps")
"""Settings of a transformers model that change the maps but not the shapes of the weights."""


def weights_file(weights: Path) -> Path:
    """Return the file of weights that a path names, itself or in a transformers folder, or the installed one.

    Raises InputError if there is none.
    """
    if str(weights) == IMAGENET:
        from spectraflow.methods.matchnet.efficientnet_lite import imagenet_weights

        return imagenet_weights()
    candidates = [weights / name for name in WEIGHT_FILES] if weights.is_dir() else [weights]
    for path in candidates:
        if path.is_file():
            return path
    raise InputError(f"{weights}: no weights ({' or '.join(WEIGHT_FILES) if weights.is_dir() else 'no such file'})")


def weights_sha256(weights: str | None) -> str:
    """Return the checksum of the weights, or `random`."""
    return "random" if weights is None else file_sha256(weights_file(Path(weights)))


def load_weights(network: nn.Module, name: str, weights: Path) -> None:
    """Fill a network with the weights of a safetensors or PyTorch file, or of a transformers folder.

    Names may have the prefix they bear in a network with a classifier, whose own tensors are left out. Raises
    InputError naming the file and the first tensor that is missing, unknown or of another shape.
    """
    path = weights_file(weights)
    if weights.is_dir():
        _check_computation(network, weights / "config.json")
    prefix = next((one for start, one in PREFIXES.items() if name.startswith(start)), "")
    found = {_plain_name(key, prefix): value for key, value in _read(path).items() if not key.startswith(CLASSIFIERS)}
    wanted = network.state_dict()
    for key, value in wanted.items():
        if key not in found and not key.endswith("num_batches_tracked"):
            raise InputError(f"{path}: lacks the tensor '{key}' of {name}")
        if key in found and found[key].shape != value.shape:
            shapes = f"{tuple(found[key].shape)}, but {tuple(value.shape)} in {name}"
            raise InputError(f"{path}: the tensor '{key}' is of shape {shapes}")
    if unknown := next((key for key in found if key not in wanted), None):
        raise InputError(f"{path}: {name} has no tensor '{unknown}'")
    network.load_state_dict({key: value.to(wanted[key].dtype) for key, value in found.items()}, strict=False)


def _plain_name(key: str, prefix: str) -> str:
    # names in the first published DenseNets have a dot more
    return re.sub(r"(denselayer\d+\.(?:norm|conv))\.(\d)\.", r"\1\2.", key.removeprefix(prefix))


def _read(path: Path) -> dict[str, Tensor]:
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        found: Any = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, SafetensorError, pickle.UnpicklingError, EOFError) as error:
        raise InputError(f"{path}: not a readable file of weights ({error})") from error
    if not isinstance(found, dict) or not all(isinstance(value, Tensor) for value in found.values()):
        raise InputError(f"{path}: holds no state dict")
    return found


def _check_computation(network: nn.Module, config: Path) -> None:
    settings: Any = getattr(network, "config", None)
    expected = {} if settings is None else settings.to_dict()
    try:
        found = json.loads(config.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{config}: not a readable configuration of a transformers model ({error})") from error
    for key in COMPUTATION:
        if key in found and key in expected and found[key] != expected[key]:
            raise InputError(f"{config}: {key} is {found[key]!r}, but {expected[key]!r} in the backbone")
