"""Frozen convolutional networks that turn images of spectra into maps."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from spectraflow.methods.matchnet.backbone_weights import load_weights
from spectraflow.methods.matchnet.densenet import DenseNet121
from spectraflow.methods.matchnet.settings import BackboneSettings

NORMALISATIONS = {
    "half": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
}
"""Mean and deviation of each colour, of values from 0 to 1."""
RESNET_DEPTHS = {"resnet101": [3, 4, 23, 3], "resnet50": [3, 4, 6, 3]}
CALIBRATION_BATCH = 32
"""Images normalised together when the statistics of random weights are taken."""


class Backbone(nn.Module):
    """A frozen network on images; always in evaluation mode, so an image's maps depend on that image alone.

    The parent method leaves it in training mode: there its statistics are those of the batch, and they drift.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, network: nn.Module, normalisation: str) -> None:
        super().__init__()
        self.network = network
        for name, values in zip(("mean", "deviation"), NORMALISATIONS[normalisation], strict=True):
            self.register_buffer(name, torch.tensor(values)[:, None, None], persistent=False)
        self.requires_grad_(False)
        self.eval()

    def train(self, mode: bool = True) -> "Backbone":
        """Stay in evaluation mode, whatever the model around it does."""
        return super().train(False)

    @torch.no_grad()
    def forward(self, images: Tensor) -> Tensor:
        """Map images (n, W, W) uint8, 255 white, to maps (n, C, h, w)."""
        colours = (images[:, None] / 255 - self.mean) / self.deviation
        found = self.network(colours.contiguous(memory_format=torch.channels_last))
        maps: Tensor = found if isinstance(found, Tensor) else found.last_hidden_state
        return maps

    def digest(self) -> str:
        """Return 12 hex digits over all weights, without the statistics of batch normalisation."""
        digest = hashlib.sha256()
        for parameter in self.parameters():
            digest.update(parameter.detach().cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()[:12]


def build_backbone(settings: BackboneSettings) -> Backbone:
    """Return the backbone with the weights of `settings.weights`, or with random ones that depend on the seed alone.

    Random weights need `calibrate` before they are of use. Raises InputError if the weights are of another network.
    """
    with torch.device("meta"):
        network = architecture(settings.name)
    network.to_empty(device="cpu").to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    _fill_randomly(network, settings.seed)
    if settings.weights is not None:
        load_weights(network, settings.name, Path(settings.weights))
    return Backbone(network, settings.normalisation)


def architecture(name: str) -> nn.Module:
    """Return the network of that name without its classifier."""
    if name == "tiny":
        return _tiny()
    if name == "densenet121":
        return DenseNet121()
    if name == "efficientnet_lite0":
        from spectraflow.methods.matchnet.efficientnet_lite import efficientnet_lite0

        return efficientnet_lite0()
    from transformers import EfficientNetConfig, EfficientNetModel, ResNetConfig, ResNetModel  # seconds to import

    if name in RESNET_DEPTHS:
        return ResNetModel(ResNetConfig(depths=RESNET_DEPTHS[name], layer_type="bottleneck"))
    return EfficientNetModel(EfficientNetConfig(width_coefficient=1.0, depth_coefficient=1.0, hidden_dim=1280))


def _tiny() -> nn.Sequential:
    """Return three convolutions, 3 to 32 channels on 1/32 of the rows and columns."""
    blocks: list[nn.Module] = []
    for inputs, outputs, kernel, stride in ((3, 16, 7, 4), (16, 32, 5, 4), (32, 32, 3, 2)):
        convolution = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False)
        blocks += [convolution, nn.BatchNorm2d(outputs), nn.ReLU()]
    return nn.Sequential(*blocks)


def _fill_randomly(network: nn.Module, seed: int) -> None:
    """Draw the weights of convolutions from N(0, 2 / inputs) (He et al. 2015); norms start as they always do."""
    generator = np.random.default_rng(seed)
    for module in network.modules():
        if isinstance(module, _BatchNorm):
            module.reset_parameters()
        elif isinstance(module, nn.Conv2d):
            shape = module.weight.shape
            values = generator.standard_normal(shape, np.float32) * np.float32((2 / shape[1:].numel()) ** 0.5)
            with torch.no_grad():
                module.weight.copy_(torch.from_numpy(values))
                if module.bias is not None:
                    module.bias.zero_()


@contextmanager
def _taking_statistics(backbone: Backbone) -> Iterator[None]:
    norms = [module for module in backbone.modules() if isinstance(module, _BatchNorm)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the plain mean over batches
        norm.train()
    try:
        yield
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
            norm.eval()


def calibrate(backbone: Backbone, images: Tensor) -> None:
    """Set every running mean and variance from `images` (n, W, W) uint8, n > 1, in one pass.

    With the statistics that batch normalisation starts with, maps of a random ResNet-101 have a deviation of 3e4 and
    overflow float16; with these it is of order 1.
    """
    batches = -(-len(images) // CALIBRATION_BATCH)
    with _taking_statistics(backbone):
        for batch in images.tensor_split(batches):
            backbone(batch)
