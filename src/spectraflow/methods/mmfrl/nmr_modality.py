"""Embeddings of 13C spectra: the code of an autoencoder that restores spectra with shifted and missing lines."""

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from spectraflow.methods.mmfrl.pretraining_parts import PretrainingParts
from spectraflow.methods.mmfrl.reconstruction import Autoencoder, ReconstructionTask
from spectraflow.methods.mmfrl.settings import NmrEncoderSettings
from spectraflow.store.ragged import Ragged

BIN_PPM = 0.1
REACH = 4.0
"""A line ends at so many standard deviations."""
CHANNELS = (16, 32, 64, 64)
STRIDE = 4
LINE_WEIGHT = 20.0
"""Weight of points on a line in the loss."""


@dataclass(frozen=True)
class CarbonSpectra:
    """13C spectra drawn from the shifts (ppm) of the carbons of N molecules.

    A line is a Gaussian of height 1 whose standard deviation is `width`; where lines overlap the higher one counts,
    so that equal shifts give one line. Lines outside the grid are left out.
    """

    shifts: Ragged
    settings: NmrEncoderSettings

    def clean(self, rows: Tensor) -> Tensor:
        """Return the spectra of rows, (R, bins) float32 from 0 to 1."""
        ppm, segment, _ = self.shifts.take(rows.to(self.shifts.offsets.device))
        return self._drawn(ppm, segment, len(rows))

    def changed(self, rows: Tensor, generator: torch.Generator) -> Tensor:
        """Return spectra whose lines are moved by up to `jitter` ppm, with a share `lost` of them missing.

        Each carbon is moved for itself, so that equivalent carbons part by a little; draws are made on the CPU.
        """
        ppm, segment, _ = self.shifts.take(rows.to(self.shifts.offsets.device))
        move = (torch.rand(len(ppm), generator=generator) * 2 - 1) * self.settings.jitter
        stays = (torch.rand(len(ppm), generator=generator) >= self.settings.lost).to(ppm.device)
        return self._drawn((ppm + move.to(ppm.device))[stays], segment[stays], len(rows))

    def _drawn(self, ppm: Tensor, segment: Tensor, count: int) -> Tensor:
        bins, width = self.settings.bins, self.settings.width / BIN_PPM
        reach = round(REACH * width) + 1
        place = (ppm - self.settings.lowest) / BIN_PPM
        points = place.round().long()[:, None] + torch.arange(-reach, reach + 1, device=ppm.device)
        heights = torch.exp(-0.5 * ((points - place[:, None]) / width).square())
        inside = (points >= 0) & (points < bins)
        at = (segment[:, None] * bins + points)[inside]
        spectra = torch.zeros(count * bins, device=ppm.device)
        return spectra.scatter_reduce(0, at, heights[inside], "amax").reshape(count, bins)


class _Encoder(nn.Module):
    def __init__(self, bins: int, dim: int) -> None:
        super().__init__()
        self.padding = -bins % STRIDE ** len(CHANNELS)
        layers: list[nn.Module] = []
        for before, after in pairwise((1, *CHANNELS)):
            convolution = nn.Conv1d(before, after, 2 * STRIDE, stride=STRIDE, padding=STRIDE // 2, bias=False)
            layers += [convolution, nn.BatchNorm1d(after), nn.ReLU()]
        self.layers = nn.Sequential(*layers, nn.Flatten(), nn.Linear(_flat(bins), dim))

    def forward(self, spectra: Tensor) -> Tensor:
        return self.layers(functional.pad(spectra, (0, self.padding))[:, None])


class _Decoder(nn.Module):
    def __init__(self, bins: int, dim: int) -> None:
        super().__init__()
        self.bins = bins
        layers: list[nn.Module] = [nn.Linear(dim, _flat(bins)), nn.ReLU(), nn.Unflatten(1, (CHANNELS[-1], -1))]
        for before, after in pairwise(reversed(CHANNELS)):
            convolution = nn.ConvTranspose1d(before, after, 2 * STRIDE, stride=STRIDE, padding=STRIDE // 2, bias=False)
            layers += [convolution, nn.BatchNorm1d(after), nn.ReLU()]
        last = nn.ConvTranspose1d(CHANNELS[0], 1, 2 * STRIDE, stride=STRIDE, padding=STRIDE // 2)
        self.layers = nn.Sequential(*layers, last)

    def forward(self, code: Tensor) -> Tensor:
        return self.layers(code)[:, 0, : self.bins]


def _flat(bins: int) -> int:
    return CHANNELS[-1] * -(-bins // STRIDE ** len(CHANNELS))


def spectrum_autoencoder(settings: NmrEncoderSettings) -> Autoencoder:
    """Return strided convolutions to a code and their mirror image: (B, bins) to logits of that shape."""
    return Autoencoder(_Encoder(settings.bins, settings.dim), _Decoder(settings.bins, settings.dim))


def nmr_task(
    settings: NmrEncoderSettings, shifts: Ragged, parts: PretrainingParts, device: torch.device
) -> ReconstructionTask:
    """Return the task of the autoencoder of spectra with the lines `shifts` (ppm)."""
    spectra = CarbonSpectra(shifts.to(device), settings)
    return ReconstructionTask(spectrum_autoencoder(settings), spectra, parts, settings.training, LINE_WEIGHT)
