"""The one-dimensional convolutional network of Jung et al. (2023)."""

import torch
from torch import Tensor, nn

from spectraflow.methods.symspectra.batch import LogitModel, SpectraBatch
from spectraflow.methods.symspectra.settings import BaselineSettings
from spectraflow.spectra.modalities import VECTOR_POINTS
from spectraflow.training.distributed import in_any_process

_KERNEL, _POOL = 11, 2


def _tower(filters: list[int]) -> nn.Sequential:
    blocks: list[nn.Module] = []
    for before, after in zip([1, *filters], filters, strict=False):
        convolution = nn.Conv1d(before, after, _KERNEL, padding="same")
        blocks += [convolution, nn.BatchNorm1d(after), nn.ReLU(), nn.MaxPool1d(_POOL)]
    return nn.Sequential(*blocks, nn.Flatten())


def _dense(inputs: int, widths: list[int], labels: int, dropout: float) -> nn.Sequential:
    blocks: list[nn.Module] = []
    for before, after in zip([inputs, *widths], widths, strict=False):
        blocks += [nn.Linear(before, after), nn.ReLU(), nn.Dropout(dropout)]
    return nn.Sequential(*blocks, nn.Linear([inputs, *widths][-1], labels))


class Cnn(LogitModel):
    """Two convolution blocks a modality, their features side by side, and dense layers (Jung et al. 2023).

    The published network sees one infrared spectrum; a tower a modality is our extension, and a modality that is not
    present gives features of zero and no part of the statistics of batch normalisation. Those use the momentum of
    torch, 0.1; the published 0.01 of Keras does not settle within the few batches of a small set.
    """

    def __init__(self, modalities: int, labels: int, settings: BaselineSettings) -> None:
        super().__init__()
        self.towers = nn.ModuleList(_tower(settings.filters) for _ in range(modalities))
        self.features = settings.filters[-1] * (VECTOR_POINTS // _POOL ** len(settings.filters))
        self.head = _dense(modalities * self.features, settings.dense, labels, settings.dropout)

    def forward(self, batch: SpectraBatch) -> Tensor:
        """Return logits (B, K)."""
        towers = zip(self.towers, batch.vectors.unbind(1), batch.present.unbind(1), strict=True)
        logits: Tensor = self.head(torch.cat([self._features(*one) for one in towers], 1))
        return logits

    def _features(self, tower: nn.Module, vectors: Tensor, present: Tensor) -> Tensor:
        if not in_any_process(present.any()):
            return vectors.new_zeros(len(vectors), self.features)
        seen = tower(vectors[present][:, None])
        return seen.new_zeros(len(vectors), self.features).index_put((present,), seen)
