"""The floor: the same groups for every molecule, whatever its spectra."""

from collections.abc import Mapping
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spectraflow.errors import InputError
from spectraflow.methods.symspectra.settings import BaselineSettings

_GROUPS = "groups"


def best_count(labels: NDArray[np.float32]) -> int:
    """Return how many of the commonest labels, always predicted, have the best micro-F1 on labels (N, K).

    No other constant set is better than these: of all sets of a size the commonest have the most true positives.
    """
    positives = np.sort(labels.sum(0))[::-1]
    sizes = np.arange(1, len(positives) + 1)
    scores = 2 * positives.cumsum() / (len(labels) * sizes + positives.sum())
    return int(scores.argmax()) + 1


class Commonest:
    """Always the `settings.commonest` commonest groups of the training part; 0 takes the number with the best F1."""

    def __init__(self, settings: BaselineSettings) -> None:
        self.settings = settings
        self.groups = np.empty(0, np.float32)

    def fit(self, vectors: NDArray[np.float32], labels: NDArray[np.float32], seed: int = 0) -> Self:
        """Count labels (N, K); vectors and seed play no part. Among equally common groups the first are taken."""
        count = self.settings.commonest or best_count(labels)
        self.groups = np.zeros(labels.shape[1], np.float32)
        self.groups[np.argsort(-labels.sum(0), kind="stable")[:count]] = 1
        return self

    def probabilities(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return 1 for every chosen group and 0 for the others, (N, K)."""
        return np.tile(self.groups, (len(vectors), 1))

    def tensors(self) -> dict[str, Tensor]:
        """Return the choice as a tensor to save."""
        return {_GROUPS: torch.from_numpy(self.groups.copy())}

    @classmethod
    def from_tensors(cls, settings: BaselineSettings, tensors: Mapping[str, Tensor]) -> Self:
        """Return the model that `tensors` gave; raises InputError if they are not its own."""
        if _GROUPS not in tensors:
            raise InputError("these are not the tensors of the commonest groups")
        model = cls(settings)
        model.groups = tensors[_GROUPS].numpy()
        return model
