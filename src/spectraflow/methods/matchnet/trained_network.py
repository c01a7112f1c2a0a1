"""A trained network as its run folder holds it, and the backbone that shows it spectra it was not trained on."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from spectraflow.errors import InputError
from spectraflow.methods.matchnet.feature_extractor import MOLECULES_AT_ONCE, FeatureExtractor, as_half
from spectraflow.methods.matchnet.feature_store import require_features_of
from spectraflow.methods.matchnet.matchers import NetworkMatcher, load_network
from spectraflow.methods.matchnet.settings import MatchnetRun, RenderingSettings
from spectraflow.spectra.rendering import image_of_columns
from spectraflow.training import run_folder

Images = NDArray[np.uint8]
Maps = NDArray[np.float16]


def load_trained(run: Path, device: torch.device) -> NetworkMatcher:
    """Return the network of a run folder on a device; raises InputError if the run is something else."""
    settings = run_folder.read_settings(run)
    kind = (settings.get("settings") or {}).get("kind")
    if settings.get("method") != "matchnet" or kind != "network":
        raise InputError(f"{run}: a run of kind {kind or settings.get('method')}, not a matching network")
    return load_network(run / run_folder.WEIGHTS, device)[0]


def open_extractor(folder: Path | None, settings: MatchnetRun, device: torch.device) -> FeatureExtractor:
    """Return the backbone that a model of images was trained behind.

    Raises InputError if no folder of features is given, or one of another backbone or rendering.
    """
    if folder is None:
        raise InputError("a model of images needs its backbone: give the folder of cached features")
    require_features_of(folder, settings)
    return FeatureExtractor.open(folder, device)


def images_of(columns: NDArray[np.float32], rendering: RenderingSettings) -> Images:
    """Return images (n, W, W) of columns (n, 2, W), high and low."""
    return image_of_columns(columns[:, 0], columns[:, 1], rendering)


def maps_of(extractor: FeatureExtractor, images: Images) -> Maps:
    """Return the maps (n, C, h, w) of images (n, W, W), n > 0, as the cache of features keeps them."""
    at_once = 2 * MOLECULES_AT_ONCE.get(extractor.backbone.mean.device.type, MOLECULES_AT_ONCE["cpu"])
    starts = range(0, len(images), at_once)
    return np.concatenate([as_half(extractor.maps(images[start : start + at_once]))[0] for start in starts])
