"""Scores of a matching model on all test sets, with their controls, and its predictions as a table."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from spectraflow.evaluation.calibration import reliability
from spectraflow.evaluation.match_verdicts import conformal_thresholds, fit_temperature, verdicts
from spectraflow.evaluation.matching import matching_metrics, permuted_pairs, probabilities
from spectraflow.evaluation.uncertainty import Interval
from spectraflow.methods.matchnet.data import MatchStore
from spectraflow.methods.matchnet.inputs import Inputs
from spectraflow.methods.matchnet.matchers import Matcher
from spectraflow.methods.matchnet.pair_table import BALANCED, Pairs, read_pairs
from spectraflow.methods.matchnet.settings import MatchnetRun
from spectraflow.tables import PAIR_PREDICTIONS, TableWriter

CALIBRATED = ("brier", "ece")
CONFORMAL_LEVEL = 0.95
Figures = dict[str, Any]


@dataclass(frozen=True)
class Asked:
    """A model, and the molecules and pairs (by part) that it is asked about."""

    matcher: Matcher
    store: MatchStore
    pairs: Mapping[str, Pairs]
    settings: MatchnetRun
    inputs: Inputs


def evaluate(asked: Asked, predictions: Path, seed: int = 0) -> dict[str, Any]:
    """Return what metrics.json says of val and test, and write every prediction to the table `predictions`.

    A pair that the model cannot score counts as undecided, logit 0, and is counted as `unscored`. Temperature and
    verdicts are fitted on the val pairs with negatives of the kind the model was trained on.
    """
    scored = {part: asked.matcher.logits(asked.store, asked.pairs[part]) for part in ("val", "test")}
    with TableWriter(predictions, PAIR_PREDICTIONS) as writer:
        for part, found in scored.items():
            writer.write(_predictions(asked.store, asked.pairs[part], found))
    unscored = {part: int(np.isnan(found).sum()) for part, found in scored.items()}
    logits = {part: np.nan_to_num(found) for part, found in scored.items()}
    calibration = _Calibration.fit(asked, logits["val"])
    parts = {part: _set_figures(asked.pairs[part], logits[part], calibration, seed) for part in ("val", "test")}
    parts["test"] |= _controls(asked, logits["test"], seed)
    test = asked.pairs["test"]
    figures: dict[str, Any] = {
        "parts": parts,
        "temperature": calibration.temperature,
        "thresholds": calibration.thresholds,
        "unscored": unscored,
        "reliability": {name: _reliability(test, logits["test"], name) for name in test.names},
        "verdicts": {name: calibration.verdicts(test, logits["test"], name) for name in test.names},
    }
    if asked.settings.transfer is not None:
        transferred = _transferred(asked, calibration, seed)
        parts["test"] |= transferred.pop("figures")
        figures["transfer"] = transferred
    return figures


@dataclass(frozen=True)
class _Calibration:
    """What val says of a model's logits: the temperature, and below and above which it decides."""

    temperature: float
    reject: float
    confirm: float

    @classmethod
    def fit(cls, asked: Asked, logits: np.ndarray) -> "_Calibration":
        val = asked.pairs["val"]
        places = val.places_of(asked.settings.val_set)
        labels, chosen = val.labels[places], logits[places]
        return cls(fit_temperature(labels, chosen), *conformal_thresholds(labels, chosen, CONFORMAL_LEVEL))

    def verdicts(self, pairs: Pairs, logits: np.ndarray, name: str) -> Figures:
        """Return the shares of a set that are confirmed, rejected and left open, and how many are not contradicted."""
        places = pairs.places_of(name)
        labels, chosen, owners = pairs.labels[places], logits[places], pairs.owners[places]
        found = verdicts(labels, chosen, owners, (self.reject, self.confirm))
        return {
            "confirm": float((chosen > self.confirm).mean()),
            "reject": float((chosen < self.reject).mean()),
            **{name: one.as_dict() for name, one in vars(found).items()},
        }

    @property
    def thresholds(self) -> dict[str, float | None]:
        """Return the logits that verdicts begin at, None where val holds too few pairs for any."""
        ends = {"reject_below": self.reject, "confirm_above": self.confirm}
        return {name: value if np.isfinite(value) else None for name, value in ends.items()}


def _set_figures(pairs: Pairs, logits: np.ndarray, calibration: _Calibration, seed: int, prefix: str = "") -> Figures:
    found: dict[str, Interval] = {}
    for name in pairs.names:
        places = pairs.places_of(name)
        labels, owners, chosen = pairs.labels[places], pairs.owners[places], logits[places]
        start = f"matching/{prefix}{name}/"
        found |= {f"{start}{metric}": one for metric, one in matching_metrics(labels, chosen, owners, seed).items()}
        calibrated = matching_metrics(labels, chosen / calibration.temperature, owners, seed)
        found |= {f"{start}calibrated_{metric}": calibrated[metric] for metric in CALIBRATED}
    return {name: one.as_dict() for name, one in found.items()}


def _controls(asked: Asked, logits: np.ndarray, seed: int) -> Figures:
    """Return what knows nothing of a pair, by set: other owners' spectra, and whether the candidate was trained on."""
    pairs, found = asked.pairs["test"], dict[str, Interval]()
    trained = np.zeros(len(asked.store), bool)
    trained[np.concatenate([asked.pairs["train"].owners, asked.pairs["val"].owners])] = True
    for name in pairs.names:
        chosen = pairs.take(pairs.places_of(name))
        unseen = -trained[chosen.candidates].astype(float)
        found[f"{name}/membership_auc"] = _auc(chosen, unseen, seed)
        if asked.matcher.any_pair and name in BALANCED:
            found[f"{name}/permuted_auc"] = _auc(chosen, _permuted_logits(asked, chosen, seed), seed)
    found |= asked.matcher.figures(asked.store, pairs)
    return {f"matching/{name}": one.as_dict() for name, one in found.items()}


def _permuted_logits(asked: Asked, pairs: Pairs, seed: int) -> np.ndarray:
    owners = permuted_pairs(pairs.owners, pairs.candidates, pairs.labels, seed)
    exchanged = Pairs(pairs.part, pairs.ids, pairs.sets, owners, pairs.candidates, pairs.labels)
    return np.nan_to_num(asked.matcher.logits(asked.store, exchanged))


def _auc(pairs: Pairs, scores: np.ndarray, seed: int) -> Interval:
    return matching_metrics(pairs.labels, scores, pairs.owners, seed)["auc"]


def _reliability(pairs: Pairs, logits: np.ndarray, name: str) -> list[dict[str, float | int]]:
    places = pairs.places_of(name)
    return reliability(probabilities(logits[places]), pairs.labels[places])


def _transferred(asked: Asked, calibration: _Calibration, seed: int) -> Figures:
    """Return the figures on another data set's test pairs, those of molecules trained on left out, and how many."""
    spectra, rendered, table = asked.inputs.transfer
    store = MatchStore.read(spectra, rendered).to(asked.store.device)
    pairs = read_pairs(table, store, "test")
    blocks = asked.store.first_blocks
    seen = {blocks[row] for part in ("train", "val") for row in set(asked.pairs[part].owners.tolist())}
    known = np.array([block in seen for block in store.first_blocks])
    kept = pairs.take(~(known[pairs.owners] | known[pairs.candidates]))
    logits = np.nan_to_num(asked.matcher.logits(store, kept))
    figures = _set_figures(kept, logits, calibration, seed, prefix=f"{asked.settings.transfer}_")
    return {"figures": figures, "pairs": len(kept), "left_out": len(pairs) - len(kept)}


def _predictions(store: MatchStore, pairs: Pairs, logits: np.ndarray) -> pa.Table:
    ids = np.array(store.molecule_ids, dtype=object)
    columns = [
        pa.array(pairs.ids, pa.string()),
        pa.array([pairs.part] * len(pairs), pa.string()),
        pa.array(pairs.sets, pa.string()),
        pa.array(ids[pairs.owners], pa.string()),
        pa.array(ids[pairs.candidates], pa.string()),
        pa.array(pairs.labels),
        pa.array(logits, from_pandas=True),
    ]
    return pa.Table.from_arrays(columns, schema=PAIR_PREDICTIONS)
