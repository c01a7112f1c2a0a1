import json
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from rdkit import Chem

from spectraflow.evaluation.classification import group_metrics
from spectraflow.methods.km3aid.settings import Km3aidRun
from spectraflow.methods.symspectra.settings import SymspectraRun
from spectraflow.reporting.experiments import group_runs
from spectraflow.reporting.groups.entries import Entry
from spectraflow.reporting.labels import run_names
from spectraflow.reporting.runs import load_run
from spectraflow.settings import merge
from spectraflow.tables import ALIGNMENT, ASSIGNMENTS, MOLECULES, RANKS, group_predictions_schema, write_table

SMILES = (
    "CC(=O)Oc1ccccc1C(=O)O",
    "CN1CCC[C@H]1c1cccnc1",
    "CC(C)Cc1ccc(C(C)C(=O)O)cc1",
    "COc1ccc2[nH]c(C)cc2c1",
    "CCOC(=O)C=Cc1ccccc1",
    "CC1CCC(C(C)C)C(O)C1",
)
PUBLISHED_COLUMNS = "paper,table,experiment,method,setting,metric,unit,value,sd,note"


def interval(value, width=0.01, n=300):
    return {"value": value, "low": value - width, "high": value + width, "n": n}


def metrics_of(scale=1.0):
    named = {
        "in_batch/spectrum_to_molecule": interval(0.94 * scale),
        "in_batch/molecule_to_spectrum": interval(0.93 * scale),
        "in_batch/chance": 1 / 128,
        "atom/published": interval(0.89 * scale),
        "atom/argmax": interval(0.85 * scale),
        "atom/hungarian": interval(0.90 * scale),
        "atom/hungarian_distinct": interval(0.92 * scale),
        "atom/chance_uniform": interval(0.16),
        "atom/chance_multiplicity": interval(0.44),
        "atom/ppm_error": interval(1.4, 0.2),
    }
    for assignment, shift in (("published", 0.0), ("argmax", -0.08), ("hungarian", 0.05)):
        for carbons, value in (("<=10", 0.72), ("11-20", 0.36), (">20", 0.11)):
            named[f"exact/{assignment}/{carbons}"] = interval((value + shift) * scale, 0.03, 90)
    named |= {f"exact/published/worded/{b}": interval(0.5 * scale) for b in ("<10", "10-20", ">20")}
    return named


def history_of(epochs):
    for epoch in range(epochs):
        decay = np.exp(-3 * epoch / epochs)
        yield {
            "epoch": epoch,
            "train/loss": 0.4 + 4 * decay,
            "val/loss": 0.7 + 3.8 * decay + 0.03 * np.sin(3 * epoch),
            "val/in_batch": 0.94 * (1 - decay),
            "val/atom": 0.89 * (1 - 0.8 * decay),
            "learning_rate": 1e-3,
            "seconds": 2.0,
        }


def retrieval_of(sizes=(100, 1000, 10_000)):
    by_k = (1, 5, 10, 25)
    hits = {
        str(n): {str(k): interval(float(min(1, (k / n) ** 0.12 * 1.1 + 0.25 * (n < 2000))), 0.02) for k in by_k}
        for n in sizes
    }

    def at_chance(factor):
        return {str(n): {"1": factor / n} for n in sizes}

    return {
        "queries": 300,
        "library": 12_345,
        "library_statistics": {"heavy_atoms": {"mean": 21.3, "sd": 5.2}, "carbons": {"mean": 15.1, "sd": 4.4}},
        "removed": {"same_first_block": 251, "duplicates": 12},
        "training_molecules_in_library": 190,
        "main_scoring": "embedding",
        "scorings": {"embedding": {"sizes": hits, "percentile": hits, "permuted_spectra": at_chance(1.4)}},
        "controls": {
            "random_scores": at_chance(1.0),
            "library_order": at_chance(0.9),
            "carbon_count_prior": at_chance(5.0),
        },
        "checks": {"shuffled_candidates_changed": 0, "batch_invariance_max_difference": 2.4e-7},
    }


def isomers_of(runs=None, rank1=0.6):
    """Isomer figures of a run, or of the folds `runs` together."""
    named = ("rank1", "one_to_one", "rank1_among_unseen", "rank1_among_seen", "ceiling_without_stereo", "chance")
    figures = dict(zip(named, (rank1, 0.7, 0.8, None, 0.9, 0.1), strict=True))
    groups = [("C4H6O", 15, True), ("C2H6O", 12, False)]
    metrics = {
        f"isomers/{which}/{name}": {"value": value, "low": value, "high": value, "n": 40}
        for which in ("listed", "published", "C4H6O")
        for name, value in figures.items()
    }
    rows = [
        {"scope": "listed", "published": marked, "formula": formula, "members": n, "queries": 3, "seen": 9.0, **figures}
        for formula, n, marked in groups
    ]
    found = {"least_members": 10, "metrics": metrics, "groups": rows}
    return found if runs is None else {**found, "runs": list(runs)}


def search_of():
    """Figures of a whole-library search: exact with and without filters, approximate."""

    def figures(value, eligible, swapped=True):
        return {
            "recall": {str(k): interval(value + k / 1000) for k in (1, 10, 100)},
            "chance": {str(k): k / eligible for k in (1, 10, 100)},
            "truth_absent": 12,
            "eligible_mean": float(eligible),
            "seconds": 1.25,
            **({"swapped_spectra": {str(k): interval(k / eligible, 0.0001) for k in (1, 10, 100)}} if swapped else {}),
        }

    return {
        "queries": 300,
        "truth_unknown": 0,
        "candidates": 100,
        "mass_tolerance": 5.0,
        "library": {
            "rows": 4000,
            "duplicates": 21,
            "candidates": 3979,
            "shards": 2,
            "queries_with_own_first_block": 3,
            "same_first_block_removed": 4,
        },
        "index": {"k": 10, "recall": interval(0.991), "seconds": 0.02, "settings": {"lists": 64, "probes": 24}},
        "exact": {"none": figures(0.04, 3979), "mass": figures(0.2, 500), "formula": figures(0.7, 100)},
        "approximate": {"none": figures(0.03, 3979, swapped=False)},
    }


def write_run(
    folder,
    differences=None,
    *,
    scale=1.0,
    label="K-M3AID",
    epochs=30,
    retrieval=True,
    ranks=True,
    grids=(),
    isomers=False,
    search=False,
):
    """Fill a run folder as training and retrieval do."""
    settings = Km3aidRun.model_validate(merge({"label": label}, differences or {})).model_dump(mode="json")
    info = {
        "method": "km3aid",
        "run_id": folder.name,
        "label": label,
        "settings": settings,
        "data_version": "0a1b2c",
        "git_commit": "abc123",
        "parameters": {"trainable": 2_082_944, "frozen": 2_338_720},
        "molecules": {"train": 1400, "val": 150, "test": 300},
        "device": "cpu",
    }
    metrics = {
        "best_epoch": epochs - 3,
        "epochs": epochs,
        "selection": "val",
        "parts": {"val": {}, "test": metrics_of(scale)},
    }
    folder.mkdir(parents=True)
    (folder / "settings.json").write_text(json.dumps(info))
    (folder / "metrics.json").write_text(json.dumps(metrics))
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in history_of(epochs)))
    (folder / "label.txt").write_text("\n".join([label, *grids]) + "\n")
    if isomers:
        (folder / "isomers.json").write_text(json.dumps(isomers_of()))
    if search:
        (folder / "search.json").write_text(json.dumps(search_of()))
    if retrieval:
        (folder / "retrieval.json").write_text(json.dumps(retrieval_of()))
    if ranks:
        above = (np.random.default_rng(0).pareto(0.5, size=300) * 3).astype(int).clip(0, 12_000)
        columns = {"query_id": [f"m:{i}" for i in range(300)], "scoring": ["embedding"] * 300, "score": [0.5] * 300}
        write_table(folder / "ranks.parquet", RANKS, {**columns, "at_or_above": above, "eligible": [12_345] * 300})
    return folder


def write_molecules(root):
    """Write molecules, alignment and the assignments of a model that errs in every other molecule."""
    molecules, alignment, assignments = [], [], []
    generator = np.random.default_rng(3)
    for number, smiles in enumerate(SMILES):
        mol = Chem.MolFromSmiles(smiles)
        carbons = [atom.GetIdx() for atom in mol.GetAtoms() if atom.GetAtomicNum() == 6]
        mppm = [int(x) for x in generator.permutation(1600)[: len(carbons)] * 100 + 12_000]
        name = {"molecule_id": f"m:{number}"}
        molecules.append({**name, "smiles": smiles, "carbons": len(carbons)})
        shifts = {"carbon_atom": carbons, "shift_mppm": mppm, "multiplicity": [0] * len(carbons)}
        alignment.append({**name, "spectrum_id": f"m:{number}/13C/0", "first_block": "A" * 14, **shifts})
        wrong = (number % 2) * (len(carbons) // 2)
        given = [*range(1, wrong + 1), *range(wrong, len(carbons))]
        for i, (atom, shift) in enumerate(zip(carbons, mppm, strict=True)):
            row = {**name, "carbon_atom": atom, "shift_ppm": shift / 1000, "multiplicity": 0}
            for method in ("published", "argmax", "hungarian"):
                row |= {f"{method}_atom": carbons[given[i]], f"{method}_ppm": mppm[given[i]] / 1000}
            assignments.append(row)
    paths = [root / f"{name}.parquet" for name in ("molecules", "alignment", "assignments")]
    for path, schema, rows in zip(
        paths, (MOLECULES, ALIGNMENT, ASSIGNMENTS), (molecules, alignment, assignments), strict=True
    ):
        write_table(path, schema, {column: [row.get(column) for row in rows] for column in schema.names})
    return paths


@pytest.fixture
def make_run(tmp_path):
    return lambda name, *args, **options: write_run(tmp_path / "runs" / name, *args, **options)


@pytest.fixture
def tables(tmp_path):
    return write_molecules(tmp_path)


@pytest.fixture
def make_published(tmp_path):
    def make(*rows):
        path = tmp_path / "published.csv"
        path.write_text("\n".join([PUBLISHED_COLUMNS, *rows]) + "\n")
        return path

    return make


@pytest.fixture
def real_published():
    return Path(__file__).parents[3] / "resources" / "published.csv"


@pytest.fixture
def make_pooled(tmp_path):
    def make(*runs, rank1=0.95):
        path = tmp_path / "pooled.json"
        path.write_text(json.dumps(isomers_of(runs, rank1)))
        return path

    return make


GROUPS = ("Alcohol", "Alkane", "Amide", "Amine", "Carboxylic acid", "Ester", "Ether", "Imine")


def group_probabilities(quality, seed, molecules=60):
    """Return ids, truth and probabilities that are right for a share `quality` of all pairs."""
    truth = np.random.default_rng(5).random((molecules, len(GROUPS))) < np.linspace(0.05, 0.8, len(GROUPS))
    right = np.random.default_rng([7, seed]).random(truth.shape) < quality
    return [f"x:{i}" for i in range(molecules)], truth, np.where(truth == right, 0.9, 0.1)


def examination_of(modalities):
    def scores(value):
        return {f"groups/{name}": interval(value) for name in ("micro_f1", "macro_f1_present", "exact_match")}

    lines = {words: [0.4 + i / 1000 for i in range(150)] for words in ("all", "fewest groups", "most groups")}
    tests = {f"{test}_{figure}": 0.2 for test in ("shapiro", "ks", "lilliefors") for figure in ("median_p", "rejected")}
    return {
        "missing": {"none": scores(0.9), **{name: scores(0.7) for name in modalities}},
        "noise": {sigma: scores(0.9 - 2 * float(sigma)) for sigma in ("0", "0.05", "0.1")},
        "importance": {"by_token": dict.fromkeys(modalities, lines), "by_groups": {"1": 0.4, "2": 0.5}},
        "weights": {
            "samples_by_groups": {"1": 0.9, "2": 1.1, "3": 1.2},
            "labels": {name: 1 + i / 100 for i, name in enumerate(GROUPS)},
            "labels_of_positives": dict.fromkeys(GROUPS[:3], 1.2),
        },
        "normality": {name: {"50": tests} for name in modalities},
    }


def write_group_run(
    folder, differences=None, *, quality=0.9, label="SymSpectra", grids=(), molecules=60, examined=False, trained=True
):
    """Fill a run folder as the training of a model of functional groups does."""
    base = SymspectraRun(label=label).model_dump()
    settings = SymspectraRun.model_validate(merge(base, differences or {})).model_dump(mode="json")
    seed = settings["training"]["seed"]
    ids, truth, probabilities = group_probabilities(quality, seed, molecules)
    scores = group_metrics(truth, probabilities, GROUPS, draws=50)
    test = {name: one.as_dict() for name, one in scores.items()}
    test |= {
        f"tuned/{name}": one for name, one in test.items() if not name.startswith(("groups/label", "groups/count"))
    }
    info = {
        "method": "symspectra",
        "run_id": folder.name,
        "label": label,
        "settings": settings,
        "data_version": "0a1b2c",
        "git_commit": "abc123",
        "parameters": {"trainable": 1_234_567},
        "molecules": {"train": 480, "val": 60, "test": molecules},
        "groups": list(GROUPS),
        "order": list(range(len(GROUPS))),
        "device": "cpu",
    }
    metrics = {
        "best_epoch": 2,
        "epochs": 3,
        "selection": "val",
        "cost": {"seconds": 7200.0, "peak_memory_gb": 5.5},
        "parts": {"val": {}, "test": test},
    }
    folder.mkdir(parents=True)
    (folder / "settings.json").write_text(json.dumps(info))
    (folder / "metrics.json").write_text(json.dumps(metrics))
    history = [{"epoch": e, "train/loss": 1 / (e + 1), "val/micro_f1": e / 3, "val/macro_f1": e / 4} for e in range(3)]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in history if trained))
    (folder / "label.txt").write_text("\n".join([label, *grids]) + "\n")
    columns = {"molecule_id": ids, "part": ["test"] * len(ids)}
    columns |= {"probability": probabilities.tolist(), "label": truth.tolist()}
    write_table(folder / "predictions.parquet", group_predictions_schema(len(GROUPS)), columns)
    if examined:
        (folder / "examination.json").write_text(json.dumps(examination_of(settings["modalities"])))
    return folder


@pytest.fixture
def make_group_run(tmp_path):
    return lambda name, *args, **options: write_group_run(tmp_path / "group_runs" / name, *args, **options)


@pytest.fixture
def make_entries(make_group_run):
    """Return a function that turns keyword arguments of runs into named entries, equal settings together."""
    number = count()

    def make(*runs):
        loaded = [load_run(make_group_run(f"{next(number):012x}", run[0], **run[1])) for run in runs]
        names = run_names(loaded, repetitions=False)
        return [Entry(one, names[one.runs[0].run_id]) for one in group_runs(loaded)]

    return make
