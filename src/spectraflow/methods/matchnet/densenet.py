"""DenseNet-121 without its classifier (Huang et al. 2017)."""

import torch
from torch import Tensor, nn

GROWTH, STEM, BLOCKS = 32, 64, (6, 12, 24, 16)
BOTTLENECK = 4
"""Channels of a dense layer before its 3x3 convolution, in units of the growth."""


def _convolution(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False)


class DenseLayer(nn.Module):
    """BN, ReLU, 1x1 convolution, BN, ReLU, 3x3 convolution; returns its input and behind it 32 new channels."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        inner = BOTTLENECK * GROWTH
        self.norm1, self.conv1 = nn.BatchNorm2d(inputs), _convolution(inputs, inner, 1)
        self.norm2, self.conv2 = nn.BatchNorm2d(inner), _convolution(inner, GROWTH, 3)

    def forward(self, maps: Tensor) -> Tensor:
        """Map (B, inputs, h, w) to (B, inputs + 32, h, w)."""
        inner = self.conv1(self.norm1(maps).relu())
        return torch.cat([maps, self.conv2(self.norm2(inner).relu())], 1)


class DenseBlock(nn.Sequential):
    """Dense layers, one behind the other."""

    def __init__(self, inputs: int, layers: int) -> None:
        super().__init__()
        for place in range(layers):
            self.add_module(f"denselayer{place + 1}", DenseLayer(inputs + place * GROWTH))


class Transition(nn.Sequential):
    """Half as many channels on half as many rows and columns."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.norm, self.relu = nn.BatchNorm2d(inputs), nn.ReLU()
        self.conv, self.pool = _convolution(inputs, inputs // 2, 1), nn.AvgPool2d(2)


class DenseNet121(nn.Sequential):
    """Images (B, 3, H, W) to maps (B, 1024, H / 32, W / 32); 6,953,856 parameters.

    Its tensors bear the names of the published weights behind their prefix `features.`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv0, self.norm0, self.relu0 = _convolution(3, STEM, 7, 2), nn.BatchNorm2d(STEM), nn.ReLU()
        self.pool0 = nn.MaxPool2d(3, 2, padding=1)
        width = STEM
        for place, layers in enumerate(BLOCKS, 1):
            self.add_module(f"denseblock{place}", DenseBlock(width, layers))
            width += layers * GROWTH
            if place < len(BLOCKS):
                self.add_module(f"transition{place}", Transition(width))
                width //= 2
        self.norm5, self.relu5 = nn.BatchNorm2d(width), nn.ReLU()
