"""Gradient-boosted trees, one binary model a group (XGBoost, Chen and Guestrin 2016)."""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spectraflow.errors import InputError
from spectraflow.methods.symspectra.settings import BaselineSettings

if TYPE_CHECKING:
    import xgboost

_CONSTANT = "constant"


def _threads() -> int:
    return int(os.environ.get("OMP_NUM_THREADS", 2))


class BoostedTrees:
    """XGBoost's defaults with histograms, a model a group; groups that never or always occur in training stay so.

    Features are the vectors side by side, NaN where a modality was not measured.
    """

    def __init__(self, settings: BaselineSettings) -> None:
        self.settings = settings
        self.boosters: dict[int, xgboost.Booster] = {}
        self.constant = np.empty(0, np.float32)

    def fit(self, vectors: NDArray[np.float32], labels: NDArray[np.float32], seed: int = 0) -> Self:
        """Train on vectors (N, D) and labels (N, K), 0 or 1."""
        import xgboost

        self.constant = labels.mean(0, dtype=np.float32)
        parameters = {"objective": "binary:logistic", "tree_method": "hist", "max_depth": self.settings.depth}
        parameters |= {"seed": seed, "nthread": _threads()}
        data = xgboost.QuantileDMatrix(vectors, nthread=_threads())
        for label in np.flatnonzero((self.constant > 0) & (self.constant < 1)).tolist():
            data.set_label(labels[:, label])
            self.boosters[label] = xgboost.train(parameters, data, self.settings.trees)
        return self

    def probabilities(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the probability (N, K) of every group."""
        import xgboost

        found = np.tile(self.constant, (len(vectors), 1))
        data = xgboost.DMatrix(vectors, nthread=_threads())
        for label, booster in self.boosters.items():
            found[:, label] = booster.predict(data)
        return found

    def tensors(self) -> dict[str, Tensor]:
        """Return the models as tensors to save: XGBoost's own UBJSON bytes, a uint8 tensor a group."""
        models = {f"booster.{label}": booster.save_raw("ubj") for label, booster in self.boosters.items()}
        saved = {name: torch.frombuffer(model, dtype=torch.uint8).clone() for name, model in models.items()}
        return {_CONSTANT: torch.from_numpy(self.constant.copy()), **saved}

    @classmethod
    def from_tensors(cls, settings: BaselineSettings, tensors: Mapping[str, Tensor]) -> Self:
        """Return the models that `tensors` gave; raises InputError if they are not XGBoost's."""
        if _CONSTANT not in tensors:
            raise InputError("these are not the tensors of boosted trees")
        model = cls(settings)
        model.constant = tensors[_CONSTANT].numpy()
        for name, raw in tensors.items():
            if name != _CONSTANT:
                model.boosters[int(name.removeprefix("booster."))] = _booster(name, raw)
        return model


def _booster(name: str, raw: Tensor) -> "xgboost.Booster":
    import xgboost

    booster = xgboost.Booster({"nthread": _threads()})
    try:
        booster.load_model(bytearray(raw.numpy().tobytes()))
    except xgboost.core.XGBoostError as error:
        raise InputError(f"{name}: not a model of XGBoost ({error})") from None
    return booster
