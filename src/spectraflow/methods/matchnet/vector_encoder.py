"""Spectra as columns: one-dimensional convolutions in the place of images, backbone and head (not in the paper)."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from spectraflow.methods.matchnet.settings import NetworkSettings

CHANNELS = (2, 16, 32, 32)
KERNELS = (7, 5, 5)


def column_network(columns: int, width: int) -> nn.Sequential:
    """Return a network from (B, 2, columns) to (B, width): three convolutions that halve the axis, one dense layer.

    The last maps are flattened, not pooled: what counts is where on the axis a line stands.
    """
    blocks: list[nn.Module] = []
    for before, after, kernel in zip(CHANNELS, CHANNELS[1:], KERNELS, strict=False):
        convolution = nn.Conv1d(before, after, kernel, padding=kernel // 2)
        blocks += [convolution, nn.BatchNorm1d(after), nn.ReLU(), nn.MaxPool1d(2, ceil_mode=True)]
        columns = (columns + 1) // 2
    return nn.Sequential(*blocks, nn.Flatten(), nn.Linear(CHANNELS[-1] * columns, width), nn.ReLU())


class VectorEncoder(nn.Module):
    """High and low columns of each nucleus to (B, nuclei x spectrum_dim), a network for each nucleus."""

    def __init__(self, settings: NetworkSettings, columns: int) -> None:
        super().__init__()
        self.networks = nn.ModuleDict(
            {nucleus: column_network(columns, settings.spectrum_dim) for nucleus in settings.nuclei}
        )

    def forward(self, columns: Mapping[str, Tensor]) -> Tensor:
        """Return (B, nuclei x spectrum_dim) of columns (B, 2, W) of each nucleus."""
        return torch.cat([network(columns[nucleus]) for nucleus, network in self.networks.items()], 1)
