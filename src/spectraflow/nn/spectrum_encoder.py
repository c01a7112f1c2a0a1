"""Convolutional encoder of a binary 13C spectrum (CReSS version 8; K-M3AID reference section 3)."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from spectraflow.spectra.binning import BINS

WIDTH = 768


class ResidualBlock(nn.Module):
    """x + Linear(ReLU(Linear(x)))."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, width) to (B, width)."""
        return x + self.mlp(x)


class SpectrumEncoder(nn.Module):
    """(B, 4000) binary spectrum -> (B, 768) of unit length: one strided convolution and two residual blocks."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv1d(1, 32, kernel_size=400, stride=200, padding=200)
        flat = 32 * ((BINS + 2 * 200 - 400) // 200 + 1)
        self.blocks = nn.ModuleList([ResidualBlock(flat), ResidualBlock(flat)])
        self.output = nn.Linear(flat, WIDTH)

    def forward(self, spectrum: Tensor) -> Tensor:
        """Map (B, 4000) to (B, 768)."""
        x = torch.relu(self.convolution(spectrum[:, None])).flatten(1)
        for block in self.blocks:
            x = torch.relu(block(x))
        return functional.normalize(self.output(x), dim=1)
