"""Baselines that see no graph: mean of the training part, random forest and boosted trees on ECFP4 fingerprints.

They keep no weights: they are trained again from seed and settings within seconds to minutes, and what they predicted
is in the table of predictions. A forest for each of hundreds of targets would take gigabytes.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spectraflow.methods.mmfrl.property_metrics import TaskKind
from spectraflow.methods.mmfrl.property_store import PropertyStore
from spectraflow.methods.mmfrl.settings import BaselineSettings, PropertyRun

PATIENCE = 50
"""Boosting stops after this many rounds without improvement on val."""
BLIND_ROUNDS = 100
"""Boosting rounds of a target without a label in val: XGBoost's default."""
BOOSTING_RATE = 0.1

Bits = NDArray[np.uint8]
Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class BaselineData:
    """Fingerprints (n, bits) and measured values (n, T), NaN where nothing was, of train, val and test."""

    kind: TaskKind
    bits: Mapping[str, Bits]
    measured: Mapping[str, Numbers]

    @classmethod
    def of(cls, store: PropertyStore, bits: int) -> "BaselineData":
        """Return the data of a task; `bits` is the length of the fingerprints, 0 for none."""
        smiles = {part: [store.smiles[row] for row in rows.tolist()] for part, rows in store.parts.items()}
        prints = {
            part: ecfp4(texts, bits) if bits else np.empty((len(texts), 0), np.uint8) for part, texts in smiles.items()
        }
        return cls(store.kind, prints, {part: store.measured(part) for part in store.parts})

    @property
    def targets(self) -> int:
        """Number of targets."""
        return int(self.measured["train"].shape[1])


def ecfp4(smiles: Sequence[str], bits: int) -> Bits:
    """Return Morgan fingerprints of radius 2, (n, bits), 0 or 1, of SMILES that RDKit wrote."""
    from rdkit import Chem, rdBase
    from rdkit.Chem import rdFingerprintGenerator

    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=bits)
    found = np.empty((len(smiles), bits), np.uint8)
    with rdBase.BlockLogs():
        for row, text in enumerate(smiles):
            found[row] = generator.GetFingerprintAsNumPy(Chem.MolFromSmiles(text))
    return found


def baseline_predictions(settings: PropertyRun, store: PropertyStore) -> dict[str, Numbers]:
    """Return the predictions (n, T) of val and test: probabilities of the positive class, or values."""
    data = BaselineData.of(store, 0 if settings.kind == "mean" else settings.baseline.bits)
    if settings.kind == "forest":
        return _forest(data, settings.baseline, settings.training.seed)
    if settings.kind == "boosting":
        return _boosting(data, settings.baseline, settings.training.seed)
    means = _training_means(data)
    return {part: np.tile(means, (len(data.measured[part]), 1)) for part in ("val", "test")}


def _training_means(data: BaselineData) -> Numbers:
    """Return the mean (T,) of each target in training; of one without values 0.5 (a class) or 0."""
    measured = data.measured["train"]
    known = np.isfinite(measured).sum(axis=0)
    unknown = 0.5 if data.kind == "classification" else 0.0
    return np.where(known > 0, np.nansum(measured, axis=0) / np.maximum(known, 1), unknown)


def _threads() -> int:
    return int(os.environ.get("OMP_NUM_THREADS", 2))


def _forest(data: BaselineData, settings: BaselineSettings, seed: int) -> dict[str, Numbers]:
    """Predict by scikit-learn's forests: one for all targets where none lacks a value, else one a target."""
    means = _training_means(data)
    found = {part: np.tile(means, (len(data.measured[part]), 1)) for part in ("val", "test")}
    known = np.isfinite(data.measured["train"])
    together = [list(range(data.targets))] if known.all() else [[target] for target in range(data.targets)]
    for targets in together:
        rows = np.flatnonzero(known[:, targets].all(axis=1))
        if len(rows):
            _predict_by_forest(data, settings.trees, seed, rows, targets, found)
    return found


def _predict_by_forest(
    data: BaselineData, trees: int, seed: int, rows: np.ndarray, targets: list[int], found: Mapping[str, Numbers]
) -> None:
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    kind = RandomForestClassifier if data.kind == "classification" else RandomForestRegressor
    values = data.measured["train"][rows][:, targets]
    forest = kind(trees, random_state=seed, n_jobs=_threads())
    forest.fit(data.bits["train"][rows], values[:, 0] if len(targets) == 1 else values)
    for part in ("val", "test"):
        if data.kind == "regression":
            found[part][:, targets] = forest.predict(data.bits[part]).reshape(-1, len(targets))
            continue
        shares, classes = forest.predict_proba(data.bits[part]), forest.classes_
        single = len(targets) == 1
        for place, target in enumerate(targets):
            share, known = (shares, classes) if single else (shares[place], classes[place])
            found[part][:, target] = share[:, known == 1].sum(axis=1)  # no column: no positive in training


def _boosting(data: BaselineData, settings: BaselineSettings, seed: int) -> dict[str, Numbers]:
    """Predict by XGBoost, one model a target that stops on val; targets with one value in training keep it."""
    means = _training_means(data)
    found = {part: np.tile(means, (len(data.measured[part]), 1)) for part in ("val", "test")}
    for target in range(data.targets):
        values = data.measured["train"][:, target]
        if len(np.unique(values[np.isfinite(values)])) > 1:
            _predict_by_boosting(data, settings.rounds, seed, target, found)
    return found


def _predict_by_boosting(data: BaselineData, rounds: int, seed: int, target: int, found: Mapping[str, Numbers]) -> None:
    import xgboost

    def matrix(part: str) -> "xgboost.DMatrix":
        values = data.measured[part][:, target]
        known = np.flatnonzero(np.isfinite(values))
        return xgboost.DMatrix(data.bits[part][known], values[known], nthread=_threads())

    objective = "binary:logistic" if data.kind == "classification" else "reg:squarederror"
    parameters = {"objective": objective, "eta": BOOSTING_RATE, "seed": seed, "nthread": _threads()}
    val = matrix("val")
    if val.num_row():
        model = xgboost.train(
            parameters,
            matrix("train"),
            rounds,
            evals=[(val, "val")],
            early_stopping_rounds=PATIENCE,
            verbose_eval=False,
        )
        used = (0, model.best_iteration + 1)
    else:
        model, used = xgboost.train(parameters, matrix("train"), min(rounds, BLIND_ROUNDS)), (0, 0)
    for part in ("val", "test"):
        whole = xgboost.DMatrix(data.bits[part], nthread=_threads())
        found[part][:, target] = model.predict(whole, iteration_range=used)
