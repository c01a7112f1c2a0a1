"""Run folders of models of MoleculeNet tasks as their training leaves them, made by hand."""

import json

import numpy as np

from spectraflow.methods.mmfrl.settings import MODALITIES, PretrainingRun, PropertyRun
from spectraflow.settings import merge
from spectraflow.tables import PROPERTY_PREDICTIONS, write_table

REGRESSION = ("esol", "freesolv", "lipo")
FULL = {"training": {"schedule": "noam"}}
"""The published fit, which is not the default of a single run."""


def pretrained(*modalities, **differences):
    """Return the list of pre-trainings of a model."""
    return [
        PretrainingRun.model_validate({"modality": name, **differences}).model_dump(mode="json") for name in modalities
    ]


def write_property_run(folder, differences=None, *, score=0.8, label="D-MPNN", tested=40, evaluable=1, cost=True):
    """Fill a run folder; a seed of the split is one of the model as well, as in the configuration.

    score: main score on test, a fraction for classes, None for an undefined one.
    """
    values = merge(merge(PropertyRun().model_dump(mode="json"), FULL), differences or {})
    values["training"]["seed"] = values["split_seed"] or values["training"]["seed"]
    settings = PropertyRun.model_validate(values).model_dump(mode="json", exclude={"label"})
    kind = "regression" if settings["task"] in REGRESSION else "classification"
    names = ("rmse", "mae", "r2") if kind == "regression" else ("auc", "pr_auc")
    low, high = (None, None) if score is None else (score - 0.02, score + 0.02)
    test = {f"property/{name}": {"value": score, "low": low, "high": high, "n": tested} for name in names}
    info = {
        "method": "mmfrl",
        "run_id": folder.name,
        "label": "",
        "settings": settings,
        "data_version": f"raw-{settings['task']}",
        "kind": kind,
        "molecules": {"train": 320, "val": 40, "test": tested},
        "targets": ["first"],
        "device": "cpu",
        "parameters": {"trainable": 264_000},
    }
    metrics = {
        "status": "ok" if score is not None else "undefined",
        "best_epoch": 2,
        "epochs": 3,
        "selection": settings["selection"],
        "targets": {"test": {"targets": 1, "evaluable": evaluable}},
        "parts": {"test": test},
    }
    metrics |= {"cost": {"seconds": 90.0, "peak_memory_gb": 1.5}} if cost else {}
    folder.mkdir(parents=True)
    (folder / "settings.json").write_text(json.dumps(info))
    (folder / "metrics.json").write_text(json.dumps(metrics))
    (folder / "label.txt").write_text(label + "\n")
    generator = np.random.default_rng(int(1000 * (score or 0)))
    measured = np.arange(tested) % 2
    predicted = np.clip(0.5 * measured + 0.5 * generator.random(tested), 0, 1)
    rows = {
        "molecule_id": [f"m{i}" for i in range(tested)],
        "part": ["test"] * tested,
        "measured": [[float(value)] for value in measured],
        "predicted": [[float(value)] for value in predicted],
    }
    write_table(folder / "predictions.parquet", PROPERTY_PREDICTIONS, rows)
    return folder


def every_modality(make, task="bbbp", *, seeds=(0, 1), scores=None):
    """Make runs of all single modalities of a task; `scores` by (modality, seed), else 0.8."""
    return [
        make(
            f"{name}-{task}-{seed}",
            {"task": task, "split_seed": seed, "pretraining": pretrained(name)},
            label=name,
            score=(scores or {}).get((name, seed), 0.8),
        )
        for name in MODALITIES
        for seed in seeds
    ]
