"""Embeddings of depictions: the code of a convolutional autoencoder."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from spectraflow.methods.mmfrl.drawn_molecules import draw_molecules
from spectraflow.methods.mmfrl.pretraining_parts import PretrainingParts
from spectraflow.methods.mmfrl.reconstruction import Autoencoder, ReconstructionTask
from spectraflow.methods.mmfrl.settings import ImageEncoderSettings


@dataclass(frozen=True)
class Depictions:
    """Depictions (N, size, size) uint8, 255 where there is ink; they stay in main memory."""

    pixels: Tensor
    device: torch.device

    def clean(self, rows: Tensor) -> Tensor:
        """Return the depictions of rows, (R, 1, size, size) float32 from 0 to 1."""
        return self.pixels[rows].to(self.device)[:, None].float() / 255

    def changed(self, rows: Tensor, generator: torch.Generator) -> Tensor:
        """Return the same: depictions are shown as they are."""
        return self.clean(rows)


def image_autoencoder(settings: ImageEncoderSettings) -> Autoencoder:
    """Return strided convolutions to a code and their mirror image: (B, 1, size, size) to logits of that shape."""
    widths = [1, *settings.channels]
    side = settings.size // 2 ** len(settings.channels)
    inner = (widths[-1], side, side)
    flat = widths[-1] * side * side
    down: list[nn.Module] = []
    for before, after in pairwise(widths):
        down += [nn.Conv2d(before, after, 4, stride=2, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU()]
    up: list[nn.Module] = []
    for before, after in pairwise(reversed(widths[1:])):
        up += [nn.ConvTranspose2d(before, after, 4, stride=2, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU()]
    encoder = nn.Sequential(*down, nn.Flatten(), nn.Linear(flat, settings.dim))
    decoder = nn.Sequential(
        nn.Linear(settings.dim, flat),
        nn.Unflatten(1, inner),
        nn.ReLU(),
        *up,
        nn.ConvTranspose2d(widths[1], 1, 4, stride=2, padding=1),
    )
    return Autoencoder(encoder, decoder)


def image_task(
    settings: ImageEncoderSettings,
    smiles: Sequence[str],
    parts: PretrainingParts,
    device: torch.device,
    processes: int = 1,
) -> ReconstructionTask:
    """Return the task of the autoencoder of depictions; they are drawn here, once."""
    pixels = torch.from_numpy(draw_molecules(smiles, settings.size, processes))
    drawings = Depictions(pixels, device)
    return ReconstructionTask(image_autoencoder(settings), drawings, parts, settings.training, settings.ink_weight)
