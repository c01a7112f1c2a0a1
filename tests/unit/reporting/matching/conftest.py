import json
from itertools import count

import numpy as np
import pytest

from spectraflow.evaluation.calibration import reliability
from spectraflow.evaluation.matching import area_under_curve, matching_metrics, probabilities
from spectraflow.methods.matchnet.settings import MatchnetRun
from spectraflow.reporting.comparison import SCHEMA
from spectraflow.reporting.experiments import group_runs
from spectraflow.reporting.matching.entries import named_entries
from spectraflow.reporting.runs import load_run
from spectraflow.settings import merge
from spectraflow.spectra.rendering_changes import CHANGES
from spectraflow.tables import PAIR_MAP, PAIR_PREDICTIONS, RENDERED, write_table

SETS = ("near", "uniform", "diff", "sim", "isomer")
EASE = {"near": 1.0, "uniform": 1.7, "diff": 2.4, "sim": 0.7, "isomer": 0.5}
VERDICTS = {"confirm": 0.4, "reject": 0.3, "undecided": 0.3, "coverage": 0.9}
VERDICTS |= {"matching_coverage": 0.92, "other_coverage": 0.88}


def pairs_of(molecules, sets=SETS):
    """Return true pairs of every molecule and one wrong pair of each set, as rows of (id, set, owner, candidate)."""
    rows = [(f"true:m{i}:m{i}", "true", i, i) for i in range(molecules)]
    for step, name in enumerate(sets, start=1):
        rows += [(f"{name}:m{i}:m{(i + step) % molecules}", name, i, (i + step) % molecules) for i in range(molecules)]
    return rows


def logits_of(rows, quality, seed, blind):
    """Return logits that tell right from wrong by `quality`, or depend on one side alone."""
    generator = np.random.default_rng([11, seed])
    own = generator.normal(size=1 + max(row[2] for row in rows))
    if blind:
        return np.array([own[row[2] if blind == "molecule" else row[3]] for row in rows])
    noise = generator.normal(size=len(rows))
    gain = np.array([quality * (1.2 if name == "true" else -EASE[name]) for _, name, _, _ in rows])
    return gain + noise


def examination_of(test, quality):
    def hit(value):
        return {"value": value, "low": value - 0.03, "high": value + 0.03, "n": 200}

    auc = test["matching/near/auc"]["value"]
    losses = np.linspace(0, 0.2, len(CHANGES))
    changes = {
        name: {"near": {"auc": hit(auc - loss)}, "diff": {"auc": hit(auc)}}
        for name, loss in zip(CHANGES, losses, strict=True)
    }
    changes = {"none": {"near": {"auc": hit(auc)}, "diff": {"auc": hit(auc)}}, **changes}
    lists = {
        f"256/{kind}": {
            "queries": 200,
            "size": 256.0 if kind != "formula" else 12.5,
            "trained": 0.8,
            "chance": {str(k): min(1, k / (256 if kind != "formula" else 12.5)) for k in (1, 5, 10, 20)},
            "hits": {str(k): hit(min(0.96, quality * k**0.3 / 4)) for k in (1, 5, 10, 20)},
            "mrr": hit(0.4),
            "permuted": {"1": hit(1 / 256)},
        }
        for kind in ("random", "formula", "near")
    }
    timed = {str(n): {"ms": 1.5 * n, "iqr": [1.4 * n, 1.7 * n], "peak_mb": 21.0 * n} for n in (16, 32)}
    cached = {str(n): {"ms": 0.1 * n, "iqr": [0.1 * n, 0.2 * n], "peak_mb": 2.0 * n} for n in (16, 32)}
    return {
        "changes": changes,
        "retrieval": lists,
        "cost": {"uncached": timed, "cached": cached},
        "device": "cpu",
        "map": {"silhouette": 0.21, "probe_auc": 0.87, "pairs": 60},
    }


def write_matching_run(
    folder,
    differences=None,
    *,
    quality=1.0,
    label="SpecMol-MatchNet",
    grids=(),
    molecules=120,
    sets=SETS,
    examined=False,
    unscored=0,
    trained=True,
    extra=None,
):
    """Fill a run folder as the training of a matching model does."""
    base = MatchnetRun(label=label).model_dump()
    settings = MatchnetRun.model_validate(merge(base, differences or {})).model_dump(mode="json")
    blind = settings["network"]["blind"]
    rows = pairs_of(molecules, sets)
    control = settings["permuted_labels"]
    blind = None if blind == "none" else blind
    logits = logits_of(rows, 0.0 if control else quality, settings["training"]["seed"], blind)
    names, owners = np.array([row[1] for row in rows]), np.array([row[2] for row in rows])
    labels = names == "true"
    known = np.ones(len(rows), bool)
    known[: unscored // 2] = known[len(rows) - unscored // 2 :] = False
    logits = np.where(known, logits, 0.0)
    test = {}
    for name in sets:
        places = np.flatnonzero(labels | (names == name))
        scores = matching_metrics(labels[places], logits[places], owners[places], 0, draws=50)
        test |= {f"matching/{name}/{metric}": one.as_dict() for metric, one in scores.items()}
        test |= {f"matching/{name}/calibrated_{metric}": scores[metric].as_dict() for metric in ("ece", "brier")}
        swapped = np.random.default_rng(3).permutation(logits[places])
        test[f"matching/{name}/permuted_auc"] = area_under_curve(labels[places], swapped)
        test[f"matching/{name}/membership_auc"] = 0.5
    test |= extra or {}
    info = {
        "method": "matchnet",
        "run_id": folder.name,
        "label": label,
        "settings": settings,
        "data_version": "0a1b2c",
        "git_commit": "abc123",
        "molecules": {"train": 960, "val": 120, "test": molecules},
        "pairs": {"test": {"true": molecules, **dict.fromkeys(sets, molecules)}},
        "parameters": {"trainable": 1_615_509, "total": 44_115_669} if settings["kind"] == "network" else {},
        "backbone": "random",
        "device": "cpu",
    }
    stated = probabilities(logits)
    places = {name: np.flatnonzero(labels | (names == name)) for name in sets}
    metrics = {
        "best_epoch": 2,
        "epochs": 3,
        "selection": "val",
        "cost": {"seconds": 1800.0, "peak_memory_gb": 2.5},
        "parts": {"val": {}, "test": test},
        "temperature": 1.25,
        "unscored": {"val": 0, "test": unscored},
        "reliability": {name: reliability(stated[at], labels[at]) for name, at in places.items()},
        "verdicts": {name: {word: {"value": share, "n": 10} for word, share in VERDICTS.items()} for name in sets},
    }
    folder.mkdir(parents=True)
    (folder / "settings.json").write_text(json.dumps(info))
    (folder / "metrics.json").write_text(json.dumps(metrics))
    history = [
        {"epoch": e, "train/loss": 0.7 - e / 5, "val/loss": 0.8 - e / 5, "val/accuracy": 0.6 + e / 10, "val/auc": 0.7}
        for e in range(3)
    ]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in history if trained))
    (folder / "label.txt").write_text("\n".join([label, *grids]) + "\n")
    columns = {
        "pair_id": [row[0] for row in rows],
        "part": ["test"] * len(rows),
        "test_set": names.tolist(),
        "owner_id": [f"m{row[2]}" for row in rows],
        "candidate_id": [f"m{row[3]}" for row in rows],
        "label": labels.tolist(),
        "logit": [value if sure else None for value, sure in zip(logits.tolist(), known.tolist(), strict=True)],
    }
    write_table(folder / "predictions.parquet", PAIR_PREDICTIONS, columns)
    if examined:
        (folder / "examination.json").write_text(json.dumps(examination_of(test, quality)))
        write_map(folder / "map.parquet", settings["training"]["seed"])
    return folder


def write_map(path, seed):
    generator = np.random.default_rng(seed)
    label = np.arange(60) % 2 == 0
    x, y = generator.normal(size=(2, 60)).astype(np.float32) + 2 * label
    ids = [f"p{i}" for i in range(60)]
    write_table(path, PAIR_MAP, {"pair_id": ids, "label": label, "x": x, "y": y})


@pytest.fixture
def rendered(tmp_path):
    """A table of two rendered molecules."""
    column = [[float(i % 40 == place) for i in range(256)] for place in (7, 21)]
    names = [f"{nucleus}_{end}" for nucleus in ("proton", "carbon") for end in ("high", "low")]
    path = tmp_path / "rendered.parquet"
    write_table(path, RENDERED, {"molecule_id": ["m0", "m1"], **dict.fromkeys(names, column)})
    return path


@pytest.fixture
def make_matching_run(tmp_path):
    return lambda name, *args, **options: write_matching_run(tmp_path / "matching_runs" / name, *args, **options)


@pytest.fixture
def make_matching_entries(make_matching_run):
    """Return a function that turns settings and keyword arguments of runs into named entries."""
    number = count()

    def make(*runs):
        loaded = [load_run(make_matching_run(f"{next(number):012x}", run[0], **run[1])) for run in runs]
        return named_entries(group_runs(loaded))

    return make


@pytest.fixture
def nothing_published():
    import polars as pl

    return pl.DataFrame(schema=SCHEMA)
