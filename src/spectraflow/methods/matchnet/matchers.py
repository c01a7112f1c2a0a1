"""Everything that can say how well spectra and molecules match, trained or not, with one face."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow.compute as pc
import torch

from spectraflow.errors import InputError
from spectraflow.evaluation.matching import area_under_curve
from spectraflow.evaluation.uncertainty import Interval
from spectraflow.methods.matchnet.data import MatchStore
from spectraflow.methods.matchnet.fitting import Trained, logits_of
from spectraflow.methods.matchnet.network import MatchNetwork
from spectraflow.methods.matchnet.pair_table import Pairs
from spectraflow.methods.matchnet.settings import MatchnetRun
from spectraflow.tables import PAIR_SCORES, read_table
from spectraflow.training.checkpoint import load_checkpoint, save_checkpoint
from spectraflow.training.seeds import WEIGHTS_EPOCH, epoch_seed, seed_torch


class Matcher(Protocol):
    """A model that scores pairs."""

    @property
    def any_pair(self) -> bool:
        """Return whether it can score other pairs than those of the pairs table."""

    def logits(self, store: MatchStore, pairs: Pairs) -> np.ndarray:
        """Return the logits (P,) float64 of pairs; NaN where it cannot tell."""

    def figures(self, store: MatchStore, pairs: Pairs) -> dict[str, Interval]:
        """Return numbers of its own about test pairs, by name below ``matching/``."""


@dataclass(frozen=True)
class NetworkMatcher:
    """A trained network on a device."""

    network: MatchNetwork
    settings: MatchnetRun
    device: torch.device
    any_pair: bool = True

    def logits(self, store: MatchStore, pairs: Pairs) -> np.ndarray:
        """Return the logits (P,) of pairs."""
        return logits_of(Trained(self.network).eval(), store, pairs, self.settings.network, self.device)

    def figures(self, store: MatchStore, pairs: Pairs) -> dict[str, Interval]:
        """Return nothing: a network has no numbers of its own."""
        return {}


@dataclass(frozen=True)
class Logistic:
    """Logits of scores (n, k): standardised, then a weighted sum; a missing score counts as an average one.

    Fitted on val. mean, scale, weight (k,) and bias; pairs without any score get NaN.
    """

    mean: np.ndarray
    scale: np.ndarray
    weight: np.ndarray
    bias: float

    @classmethod
    def fit(cls, scores: np.ndarray, labels: np.ndarray) -> "Logistic":
        """Fit to the scores (n, k) of pairs with labels (n,) bool; raises InputError if no pair has a score."""
        from sklearn.linear_model import LogisticRegression

        known = np.isfinite(scores).any(axis=1)
        if not known.any() or len(np.unique(labels[known])) < 2:
            raise InputError("no scores of true and false pairs of the val part to fit a logistic curve to")
        used = np.isfinite(scores).any(axis=0)
        mean, scale = np.zeros(scores.shape[1]), np.ones(scores.shape[1])
        mean[used], scale[used] = np.nanmean(scores[:, used], axis=0), np.nanstd(scores[:, used], axis=0)
        scale[scale == 0] = 1.0
        standardised = np.nan_to_num((scores[known] - mean) / scale)
        fitted = LogisticRegression(max_iter=1000).fit(standardised, labels[known])
        return cls(mean, scale, fitted.coef_[0].astype(np.float64), float(fitted.intercept_[0]))

    def logits(self, scores: np.ndarray) -> np.ndarray:
        """Return logits (n,) of scores (n, k)."""
        known = np.isfinite(scores).any(axis=1)
        found = np.nan_to_num((scores - self.mean) / self.scale) @ self.weight + self.bias
        result: np.ndarray = np.where(known, found, np.nan)
        return result

    def as_dict(self) -> dict[str, Any]:
        """Return the numbers as JSON values."""
        return {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in vars(self).items()}


@dataclass(frozen=True)
class ScoredPairs:
    """Scores that another model of this project gave the pairs of a table, as logits."""

    places: dict[str, int]
    scores: np.ndarray
    curve: Logistic
    any_pair: bool = False

    @classmethod
    def fit(cls, path: Path, val: Pairs) -> "ScoredPairs":
        """Read a table of scores and fit the logistic curve to the pairs of val."""
        table = read_table(path, PAIR_SCORES)
        places = {name: row for row, name in enumerate(table["pair_id"].to_pylist())}
        columns = [pc.fill_null(table[name], np.nan).to_numpy() for name in ("carbon", "proton")]
        scores = np.stack(columns, axis=1).astype(np.float64)
        rows = _places(places, val.ids, path)
        return cls(places, scores, Logistic.fit(scores[rows], val.labels))

    @property
    def state(self) -> dict[str, Any]:
        """Return what was fitted as JSON values."""
        return {"curve": self.curve.as_dict()}

    def logits(self, store: MatchStore, pairs: Pairs) -> np.ndarray:
        """Return the logits (P,) of pairs that the table holds."""
        return self.curve.logits(self.scores[_places(self.places, pairs.ids, None)])

    def figures(self, store: MatchStore, pairs: Pairs) -> dict[str, Interval]:
        """Return the area under the curve of every set by the 13C scores alone and by the 1H scores alone."""
        found, scores = {}, self.scores[_places(self.places, pairs.ids, None)]
        for name in pairs.names:
            chosen = pairs.places_of(name)
            for column, nucleus in enumerate(("13C", "1H")):
                values = scores[chosen, column]
                if np.isfinite(values).any():
                    lowest = np.nanmin(values) - 1
                    auc = area_under_curve(pairs.labels[chosen], np.nan_to_num(values, nan=lowest))
                    found[f"{name}/auc_{nucleus}"] = Interval(auc, np.nan, np.nan, len(chosen))
        return found


def _places(places: dict[str, int], ids: Sequence[str] | np.ndarray, path: Path | None) -> np.ndarray:
    missing = [name for name in ids if name not in places]
    if missing:
        raise InputError(f"{path or 'scores'}: no score of the pair {missing[0]} and of {len(missing) - 1} more")
    return np.array([places[name] for name in ids], np.int64)


def build_network(settings: MatchnetRun, feature_channels: int | None) -> MatchNetwork:
    """Return a freshly initialised network, the same for the same seed."""
    seed_torch(epoch_seed(settings.training.seed, WEIGHTS_EPOCH))
    return MatchNetwork(settings.network, feature_channels, settings.rendering.columns)


def save_network(path: Path, network: MatchNetwork, settings: MatchnetRun, state: dict[str, Any]) -> None:
    """Write weights and what is needed to build the network again as one safetensors file."""
    save_checkpoint(path, dict(network.state_dict()), {"settings": settings.model_dump(mode="json"), **state})


def load_network(path: Path, device: torch.device) -> tuple[NetworkMatcher, dict[str, Any]]:
    """Return the network that `save_network` wrote, in eval mode, and its state; raises InputError if it is none."""
    tensors, state = load_checkpoint(path)
    try:
        settings = MatchnetRun.model_validate(state["settings"])
        channels = state["feature_channels"]
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: not a matching model ({error})") from None
    if settings.kind != "network":
        raise InputError(f"{path}: a model of kind {settings.kind}, not a network")
    network = build_network(settings, channels)
    network.load_state_dict(tensors)
    return NetworkMatcher(network.to(device).eval(), settings, device), state
