"""Spectra as sets of lines: nothing is rendered, so nothing depends on how (not in the paper)."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch_geometric.nn import global_add_pool, global_max_pool, global_mean_pool

from spectraflow.methods.matchnet.batch import PeakSets
from spectraflow.methods.matchnet.settings import NetworkSettings, Nucleus

AXIS_PPM: dict[Nucleus, float] = {"1H": 14.0, "13C": 232.0}
"""Length of each axis: the longest wavelength is twice that."""
SCALES = 10
"""Wavelengths, each half the one before: the shortest is about a pixel of the images (0.055 and 0.91 ppm)."""
HIDDEN = 64


def in_order(peaks: PeakSets) -> PeakSets:
    """Return the sets with lines in ascending order, so that sums over them are the same to the last bit."""
    order = peaks.values[:, 1].argsort(stable=True)
    order = order[peaks.values[order, 0].argsort(stable=True)]
    order = order[peaks.segment[order].argsort(stable=True)]
    return PeakSets(peaks.values[order], peaks.segment[order], peaks.counts)


class PeakNetwork(nn.Module):
    """Line lists of one nucleus to (B, width): features of each line, dense layers, sum, mean and maximum, dense layer.

    The features are sine and cosine of the shift at ten wavelengths and log(1 + area). Of a spectrum without lines
    zeros are pooled.
    """

    wave_numbers: Tensor

    def __init__(self, nucleus: Nucleus, width: int) -> None:
        super().__init__()
        wavelengths = 2 * AXIS_PPM[nucleus] / 2.0 ** torch.arange(SCALES)
        self.register_buffer("wave_numbers", 2 * math.pi / wavelengths, persistent=False)
        self.line = nn.Sequential(nn.Linear(2 * SCALES + 1, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, HIDDEN), nn.ReLU())
        self.output = nn.Sequential(nn.Linear(3 * HIDDEN, width), nn.ReLU())

    def features(self, values: Tensor) -> Tensor:
        """Map lines (M, 2), ppm and area, to (M, 21)."""
        phase = values[:, :1] * self.wave_numbers
        return torch.cat([phase.sin(), phase.cos(), values[:, 1:].log1p()], 1)

    def forward(self, peaks: PeakSets) -> Tensor:
        """Return (B, width), the same for every order of the lines."""
        peaks = in_order(peaks)
        lines, spectra = self.line(self.features(peaks.values)), len(peaks.counts)
        pools = (global_add_pool, global_mean_pool, global_max_pool)
        return self.output(torch.cat([pool(lines, peaks.segment, spectra) for pool in pools], 1))


class PeakEncoder(nn.Module):
    """Line lists of each nucleus to (B, nuclei x spectrum_dim), a network for each nucleus."""

    def __init__(self, settings: NetworkSettings) -> None:
        super().__init__()
        self.networks = nn.ModuleDict(
            {nucleus: PeakNetwork(nucleus, settings.spectrum_dim) for nucleus in settings.nuclei}
        )

    def forward(self, peaks: Mapping[str, PeakSets]) -> Tensor:
        """Return (B, nuclei x spectrum_dim)."""
        return torch.cat([network(peaks[nucleus]) for nucleus, network in self.networks.items()], 1)
