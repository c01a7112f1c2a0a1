"""Gradient-boosted trees on fingerprint, binned spectra and line counts (XGBoost, Chen and Guestrin 2016)."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import torch
import xgboost
from numpy.typing import NDArray
from torch import Tensor

from spectraflow.errors import InputError
from spectraflow.methods.matchnet.baselines.line_counts import (
    count_differences,
    count_features_of_molecules,
    count_features_of_spectra,
)
from spectraflow.methods.matchnet.data import read_columns
from spectraflow.methods.matchnet.settings import NUCLEI
from spectraflow.tables import MATCHING_SPECTRA, read_table

POOLED_COLUMNS = 64
DEPTH = 6
_MODEL = "booster"
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class TreeFeatures:
    """What trees know of N molecules, in the order of the table of spectra.

    fingerprints (N, 256) uint8 as numpy packs them; spectra (N, 128) float32: highest points of both nuclei in 64
    columns each, 1H first; spectrum_counts, molecule_counts (N, 5) as in `line_counts.COUNTS`.
    """

    molecule_ids: list[str]
    fingerprints: NDArray[np.uint8]
    spectra: Floats
    spectrum_counts: NDArray[np.float64]
    molecule_counts: NDArray[np.float64]

    @classmethod
    def read(cls, spectra: Path, rendered: Path) -> Self:
        """Read molecules and their rendered spectra; raises InputError if one was not rendered."""
        columns = ["molecule_id", "smiles", "fingerprint", "carbon_ppm", "proton_ppm"]
        table = read_table(spectra, MATCHING_SPECTRA, columns)
        ids = table["molecule_id"].to_pylist()
        packed = np.frombuffer(b"".join(table["fingerprint"].to_pylist()), np.uint8)
        drawn = read_columns(rendered, ids)
        return cls(
            ids,
            packed.reshape(len(ids), -1),
            np.concatenate([pooled(drawn[nucleus][:, 0].numpy()) for nucleus in NUCLEI], axis=1),
            count_features_of_spectra(table),
            count_features_of_molecules(table["smiles"].to_pylist()),
        )

    def of_pairs(self, owners: NDArray[np.int64], candidates: NDArray[np.int64]) -> Floats:
        """Return the features (P, D) of pairs of rows: bits, columns, counts of both, and the counts' differences."""
        of_spectra, of_molecules = self.spectrum_counts[owners], self.molecule_counts[candidates]
        parts = (
            np.unpackbits(self.fingerprints[candidates], axis=1),
            self.spectra[owners],
            of_spectra,
            of_molecules,
            count_differences(of_spectra, of_molecules),
        )
        return np.concatenate(parts, axis=1, dtype=np.float32, casting="unsafe")


def pooled(columns: Floats) -> Floats:
    """Return the highest of neighbouring columns (N, W), as (N, 64) or, if there are fewer, as they are."""
    width = columns.shape[1]
    starts = np.arange(min(width, POOLED_COLUMNS)) * width // min(width, POOLED_COLUMNS)
    highest: Floats = np.maximum.reduceat(columns, starts, axis=1)
    return highest


def _threads() -> int:
    return int(os.environ.get("OMP_NUM_THREADS", 2))


class BoostedTrees:
    """XGBoost's defaults with histograms: `rounds` trees of depth 6 that tell matching pairs from others."""

    def __init__(self, rounds: int) -> None:
        self.rounds = rounds
        self.booster: xgboost.Booster | None = None

    def fit(self, features: Floats, labels: NDArray[np.bool_], seed: int = 0) -> Self:
        """Train on features (P, D) and labels (P,); raises InputError if all pairs match, or none."""
        if len(np.unique(labels)) < 2:
            raise InputError("boosted trees need pairs that match and pairs that do not")
        parameters = {"objective": "binary:logistic", "tree_method": "hist", "max_depth": DEPTH}
        parameters |= {"seed": seed, "nthread": _threads()}
        data = xgboost.QuantileDMatrix(features, label=labels.astype(np.float32), nthread=_threads())
        self.booster = xgboost.train(parameters, data, self.rounds)
        return self

    def logits(self, features: Floats) -> NDArray[np.float64]:
        """Return the logits (P,) of pairs; raises InputError without a model."""
        data = xgboost.DMatrix(features, nthread=_threads())
        found: NDArray[np.float64] = self._fitted().predict(data, output_margin=True).astype(np.float64)
        return found

    def tensors(self) -> dict[str, Tensor]:
        """Return the model as a tensor to save: XGBoost's own UBJSON bytes, uint8."""
        return {_MODEL: torch.frombuffer(self._fitted().save_raw("ubj"), dtype=torch.uint8).clone()}

    @classmethod
    def from_tensors(cls, rounds: int, tensors: Mapping[str, Tensor]) -> Self:
        """Return the model that `tensors` gave; raises InputError if they are not XGBoost's."""
        if _MODEL not in tensors:
            raise InputError("these are not the tensors of boosted trees")
        model = cls(rounds)
        model.booster = xgboost.Booster({"nthread": _threads()})
        try:
            model.booster.load_model(bytearray(tensors[_MODEL].numpy().tobytes()))
        except xgboost.core.XGBoostError as error:
            raise InputError(f"{_MODEL}: not a model of XGBoost ({error})") from None
        return model

    def _fitted(self) -> xgboost.Booster:
        if self.booster is None:
            raise InputError("the boosted trees were not trained")
        return self.booster
