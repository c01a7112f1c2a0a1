"""Images to maps as they are kept: a frozen backbone, and the components its channels are reduced to."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spectraflow.errors import InputError
from spectraflow.methods.matchnet.backbone_weights import weights_sha256
from spectraflow.methods.matchnet.backbones import Backbone, build_backbone, calibrate
from spectraflow.methods.matchnet.settings import BackboneSettings
from spectraflow.training.checkpoint import load_checkpoint, resume_from, save_checkpoint

EXTRACTOR = "extractor.safetensors"
CALIBRATION_MOLECULES, COMPONENT_MOLECULES = 32, 128
"""Training molecules, chosen at random, whose images set the statistics of random weights, and the components."""
MOLECULES_AT_ONCE = {"cuda": 64, "cpu": 8}
LARGEST = torch.finfo(torch.float16).max
Images = NDArray[np.uint8]


@dataclass(frozen=True)
class FeatureExtractor:
    """A frozen backbone on a device, and components (k, C) of its channels or None.

    `state` says what it is: settings, checksum of the weights file or `random`, digest of all weights, and the
    molecules whose images it was adapted to.
    """

    backbone: Backbone
    components: Tensor | None
    state: dict[str, Any]

    @classmethod
    def fit(cls, settings: BackboneSettings, molecule_ids: Sequence[str], images: Images, device: torch.device) -> Self:
        """Build the backbone, take the statistics of random weights, and find the components asked for.

        `images` (2, m, W, W) are those of both nuclei of the training molecules `molecule_ids` (m,), in random order.
        """
        backbone = build_backbone(settings).to(device)
        state: dict[str, Any] = {"settings": settings.model_dump(mode="json"), "digest": backbone.digest()}
        state |= {"weights": weights_sha256(settings.weights), "calibrated_on": [], "components_of": []}
        if settings.weights is None:
            chosen = images[:, :CALIBRATION_MOLECULES].swapaxes(0, 1).reshape(-1, *images.shape[2:])
            calibrate(backbone, torch.from_numpy(chosen).to(device))
            state["calibrated_on"] = list(molecule_ids[:CALIBRATION_MOLECULES])
        whole = cls(backbone, None, state)
        if settings.components is None:
            return whole
        components, explained = whole.principal_components(images.reshape(-1, *images.shape[2:]), settings.components)
        state |= {"components_of": list(molecule_ids), "explained_variance": explained}
        return cls(backbone, components, state)

    @classmethod
    def open(cls, folder: Path, device: torch.device | str = "cpu") -> Self:
        """Return the extractor behind a folder of features, for images that are not in it.

        Raises InputError if it is missing or if the weights it is built from have changed.
        """
        return cls._restored(Path(folder) / EXTRACTOR, *load_checkpoint(Path(folder) / EXTRACTOR), torch.device(device))

    @classmethod
    def resumed(cls, folder: Path, identity: str, device: torch.device) -> Self | None:
        """Return the extractor saved in a folder for the same work, or None."""
        found = resume_from(folder / EXTRACTOR, identity)
        return None if found is None else cls._restored(folder / EXTRACTOR, *found, device)

    @classmethod
    def _restored(cls, path: Path, tensors: dict[str, Tensor], state: dict[str, Any], device: torch.device) -> Self:
        backbone = build_backbone(BackboneSettings.model_validate(state["settings"]))
        if backbone.digest() != state["digest"]:
            raise InputError(f"{path}: the weights of its backbone come out differently now")
        components = tensors.pop("components", None)
        backbone.load_state_dict(tensors, strict=False)
        return cls(backbone.to(device), None if components is None else components.to(device), state)

    def save(self, folder: Path, identity: str) -> None:
        """Write what weights and seed do not tell: statistics of batch normalisation, and components."""
        tensors = dict(self.backbone.named_buffers()) if self.state["calibrated_on"] else {}
        tensors = {name: value for name, value in tensors.items() if "running" in name}
        if self.components is not None:
            tensors["components"] = self.components
        save_checkpoint(folder / EXTRACTOR, tensors, {**self.state, "identity": identity})

    @torch.no_grad()
    def maps(self, images: Images) -> Tensor:
        """Return maps (n, C, h, w) or (n, k, h, w) float32 of images (n, W, W), on the backbone's device."""
        found = self._seen(torch.from_numpy(images).to(self.backbone.mean.device))
        return found if self.components is None else torch.einsum("kc,nchw->nkhw", self.components, found)

    def _seen(self, images: Tensor) -> Tensor:
        if images.is_cuda:
            with torch.autocast("cuda", torch.float16):
                found = self.backbone(images).float()
            if bool(found.isfinite().all()):
                return found
        return self.backbone(images)

    def principal_components(self, images: Images, count: int, batch: int = 16) -> tuple[Tensor, float]:
        """Return the first components (count, C) of the channels over all pixels of all maps, and their variance share.

        They are directions of the centred covariance, but maps are projected uncentred: so the 1x1 convolution behind,
        which has no bias, can do on all components what it does on all channels. The largest loading is positive.
        """
        total, square, pixels = torch.zeros((), dtype=torch.float64), torch.zeros((), dtype=torch.float64), 0
        for start in range(0, len(images), batch):
            maps = self.maps(images[start : start + batch]).movedim(1, -1).flatten(0, 2)
            total = total + maps.sum(0).cpu()
            square = square + (maps.T @ maps).cpu()
            pixels += len(maps)
        if count > len(total):
            raise InputError(f"components: {count}, but the backbone has {len(total)} channels")
        mean = total / pixels
        values, vectors = torch.linalg.eigh(square / pixels - torch.outer(mean, mean))
        chosen = vectors.T.flip(0)[:count]
        largest = chosen.gather(1, chosen.abs().argmax(1, keepdim=True))
        explained = float(values.flip(0)[:count].sum() / values.clamp_min(0).sum().clamp_min(1e-30))
        return (chosen * largest.sign()).float().to(self.backbone.mean.device), explained


def as_half(maps: Tensor) -> tuple[NDArray[np.float16], int]:
    """Return maps as float16, values beyond its range at its ends, and how many those were."""
    clamped = int((maps.abs() > LARGEST).sum())
    return maps.clamp(-LARGEST, LARGEST).half().contiguous().cpu().numpy(), clamped
