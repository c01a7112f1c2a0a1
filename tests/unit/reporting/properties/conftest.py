import json

import numpy as np
import pytest

from spectraflow.methods.mmfrl.settings import PretrainingRun
from spectraflow.reporting.experiments import group_runs
from spectraflow.reporting.properties.entries import entries_of
from spectraflow.reporting.runs import load_run
from spectraflow.tables import EMBEDDING_MAP, LATE_PARTS, POSITIVE_SUBGRAPHS, write_table
from tests.unit.reporting.property_runs import write_property_run


def interval(value):
    return {"value": value, "low": value - 0.1, "high": value + 0.1, "n": 20}


def explanation_of(kind):
    r2 = dict.fromkeys(("train", "val", "test"), 0.5)
    near = {"embedding": r2, "plane": r2, "shuffled": {**r2, "test": None}}
    names = ("smiles", "nmr")
    late = {
        name: {
            **{part: {"mean": 0.1, "sd": 0.2, "quantiles": {}} for part in ("coefficient", "prediction", "product")},
            "active": 1.0,
            "variance_share": 0.25,
            "covariance_share": -0.125,
            "without": interval(0.2),
        }
        for name in names
    }
    common = {"cluster": 0, "members": 3, "smarts": "[#6]-[#8]", "positives": 0.5, "negatives": 0.125, "p": 0.01}
    common |= {"odds_ratio": interval(4.0), "p_adjusted": 0.02}
    subgraphs = {"molecules": 40, "predicted_positive": 12, "searched": 5, "found": 4, "whole": 1, "common": [common]}
    subgraphs |= {"kept_share": interval(0.4), "random_positive": interval(0.3)}
    pair = {"one": "smiles", "other": "nmr", "cka": 0.7, "shuffled_cka": {"mean": 0.1, "highest": 0.2}}
    pair |= {"cosine": interval(0.05), "shuffled_cosine": 0.01}
    return {
        "target": "Class",
        "kind": kind,
        "encoders": list(names),
        "embeddings": {"molecules": 20, "neighbours": 10, "finetuned": {**dict.fromkeys(names, near), "fused": near}},
        "similarity": {"finetuned": {"molecules": 20, "shuffles": 3, "pairs": [pair]}},
        "late": {"molecules": 20, "error": "log_loss", "encoders": late},
        "subgraphs": subgraphs if kind == "classification" else None,
    }


@pytest.fixture
def make_explanation(tmp_path):
    """Return a function that fills the folder of an examined model."""

    def make(name, kind="classification", target=None):
        folder = tmp_path / "explanations" / name
        folder.mkdir(parents=True)
        (folder / "explanation.json").write_text(json.dumps(explanation_of(kind)))
        generator = np.random.default_rng(0)
        names = ("smiles", "nmr")
        ids = [f"m{i}" for i in range(20)]
        values = target or [None, *(float(i % 2) for i in range(19))]
        x, y = generator.normal(size=(2, 40)).astype(np.float32)
        rows = {"molecule_id": ids * 2, "part": (["train"] * 15 + ["test"] * 5) * 2, "stage": ["finetuned"] * 40}
        rows |= {"embedding": [name for name in names for _ in ids], "target": values * 2, "x": x, "y": y}
        write_table(folder / "map.parquet", EMBEDDING_MAP, rows)
        found = generator.normal(size=40).astype(np.float32)
        late = {"molecule_id": ids * 2, "encoder": rows["embedding"], "prediction": found, "product": 2 * found}
        write_table(folder / "late_parts.parquet", LATE_PARTS, {**late, "coefficient": [2.0] * 40})
        subgraph = {
            "molecule_id": ["m15", "m16"],
            "smiles": ["CCO", "CCC"],
            "probability": [0.9, 0.8],
            "measured": [1.0, None],
            "subgraph": ["CO", None],
            "atoms": [[1, 2], None],
            "subgraph_probability": [0.6, None],
            "random_positive": [0.5, None],
            "cluster": [0, None],
        }
        write_table(folder / "subgraphs.parquet", POSITIVE_SUBGRAPHS, subgraph)
        return folder

    return make


@pytest.fixture
def make_encoder(tmp_path):
    """Return a function that fills the run folder of a pre-training."""

    def make(name, modality="nmr", **differences):
        folder = tmp_path / "encoders" / name
        folder.mkdir(parents=True)
        settings = PretrainingRun.model_validate({"modality": modality, **differences}).model_dump(mode="json")
        info = {"method": "mmfrl-encoder", "run_id": name, "label": modality, "settings": settings}
        info |= {"molecules": {"train": 950, "held_out": 50}, "temperatures": {modality: 0.0312}}
        info |= {"leaks": settings["dedupe"] == "none"}
        figures = {"loss": 5.5, "excess": 0.1234, "spearman": 0.567, "target_neighbours": 16.04}
        metrics = {"best_epoch": 1, "epochs": 3, "selection": "held_out", "cost": {"seconds": 60.0}}
        metrics |= {"parts": {"held_out": {key: {"value": value} for key, value in figures.items()}}}
        (folder / "settings.json").write_text(json.dumps(info))
        (folder / "metrics.json").write_text(json.dumps(metrics))
        history = [{"epoch": e, "val/excess": 0.3 - e / 10, "val/spearman": e / 10} for e in range(3)]
        (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in history))
        return folder

    return make


COUNTS = {
    "task": "bbbp",
    "cleaning": "strict",
    "kind": "classification",
    "targets": ["p_np"],
    "records": 2050,
    "molecules": 1949,
    "rejects": 11,
    "merged": 70,
    "dropped": 20,
    "errata": {
        "rejects": {"record/unreadable_molecule": 11, "label/not_a_label": 2},
        "repeated_smiles": {"groups": 60, "conflicting": 10},
        "scaffolds": 1025,
    },
    "labelled": {"p_np": 2000},
    "positives": {"p_np": 1500},
    "missing_share": 0.0,
    "one_class": [],
}


def audit_of(test, single=()):
    sizes = {"train": 80, "val": 10, "test": test}
    parts = {
        part: {"molecules": n, "evaluable_targets": 2 - len(single), "one_class_targets": list(single)}
        for part, n in sizes.items()
    }
    labels = {name: {part: {"known": n, "positive": n // 5} for part, n in sizes.items()} for name in ("a", "b")}
    overlap = {"train-test": {"first_blocks": 3, "scaffolds": 0}}
    return {"settings": {}, "data": {"targets": ["a", "b"]}, "sizes": parts, "labels": labels, "overlap": overlap}


OVERLAP = {
    "dedupe": "union",
    "usable": 25259,
    "removed": 2911,
    "molecules": 22348,
    "unusable": {"no_complete_spectrum": 3},
    "tasks": {
        "esol": {"molecules": 1115, "seen": 579, "share": 0.519, "pretraining_molecules": 590, "left": 0},
        "bbbp": {"molecules": 1949, "seen": 159, "share": 0.082, "pretraining_molecules": 160, "left": 0},
    },
}


@pytest.fixture
def written(tmp_path):
    """Return a function that writes a JSON file below the test's folder."""

    def write(name, value):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(value))
        return path

    return write


@pytest.fixture
def make_property_run(tmp_path):
    return lambda name, *args, **options: write_property_run(tmp_path / "property_runs" / name, *args, **options)


@pytest.fixture
def entries(make_property_run):
    """Return a function that turns (settings, keyword arguments) of runs into entries."""

    def make(*runs):
        folders = [make_property_run(f"{i:012x}", values, **options) for i, (values, options) in enumerate(runs)]
        return entries_of(group_runs([load_run(folder) for folder in folders]))

    return make
