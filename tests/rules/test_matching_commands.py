"""The commands of matching, from tables to the page, on the same small simulated source."""

import csv
import json
from pathlib import Path

import pytest

from spectraflow.files import read_json
from spectraflow.tables import (
    LISTED_PAIRS,
    MATCHING_SPECTRA,
    MOLECULES,
    PAIR_MAP,
    PAIR_PREDICTIONS,
    PAIR_SCORES,
    PAIRS,
    RENDERED,
    SPLITS,
    count_rows,
    read_table,
)
from tests.rules.conftest import ROOT, run

RENDERING = {"columns": 64, "oversampling": 4}
BACKBONE = {"name": "tiny"}
NETWORK = {"heads": 2, "head_dim": 4, "fused": 8, "hidden": 16, "molecule_dim": 8, "channels": 4, "backbone": BACKBONE}
RUN = {
    "rendering": RENDERING,
    "network": NETWORK,
    "trees": 3,
    "training": {"epochs": 1, "batch_size": 8, "learning_rate": 0.01},
}
SPLIT = json.dumps({"kind": "random", "folds": 4, "val_fraction": 0.25})
SHIFTS = {"records": "train", "model": {"kind": "environment_lookup", "radius": 2}}


def run_settings(**difference: object) -> str:
    return json.dumps({**RUN, **difference})


@pytest.fixture(scope="module", autouse=True)
def on_cpu():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPECTRAFLOW_ACCELERATOR", "cpu")
        yield


@pytest.fixture(scope="module")
def matching(folder) -> Path:
    return folder / "matching"


@pytest.fixture(scope="module")
def listed(raw, matching) -> Path:
    out = matching / "matcs"
    tables = [value for name in ("molecules", "listed", "split", "rejects") for value in (f"--{name}", out / name)]
    run("ingest-matcs", "--folder", raw / "matcs", *tables, "--counts", out / "counts.json")
    return out


@pytest.fixture(scope="module")
def files(tables, matching) -> dict[str, Path]:
    """Spectra, parts, columns and pairs of the measured data set."""
    names = ("spectra", "rejects", "split", "rendered", "pairs")
    paths = {name: matching / f"{name}.parquet" for name in names}
    spectra, molecules = ["--spectra", paths["spectra"]], ["--molecules", tables / "molecules.parquet"]
    places = ["--out", paths["spectra"], "--rejects", paths["rejects"], "--counts", matching / "counts.json"]
    run("matchnet", "select", "--settings", "{}", *molecules, "--peaks", tables / "peaks.parquet", *places)
    places = ["--out", paths["split"], "--audit", matching / "audit.json"]
    run("split", "--settings", SPLIT, *molecules, "--subset", paths["spectra"], "--fold", 0, *places)
    places = ["--out", paths["rendered"], "--counts", matching / "rendered.json"]
    run("matchnet", "render", "--settings", json.dumps(RENDERING), *spectra, *places)
    places = ["--out", paths["pairs"], "--counts", matching / "pairs.json"]
    inputs = [*spectra, "--rendered", paths["rendered"], "--split", paths["split"]]
    run("matchnet", "pair", "--settings", "{}", *inputs, *places)
    return paths


@pytest.fixture(scope="module")
def features(files, matching) -> Path:
    out = matching / "features"
    settings = json.dumps({"rendering": RENDERING, "backbone": BACKBONE})
    run(
        *("matchnet", "cache-features", "--settings", settings),
        *("--rendered", files["rendered"], "--split", files["split"], "--out", out),
    )
    return out


def inputs_of(files: dict[str, Path]) -> list[object]:
    return [value for name in ("spectra", "rendered", "pairs") for value in (f"--{name}", files[name])]


@pytest.fixture(scope="module")
def trained(files, features, matching) -> Path:
    out = matching / "runs" / "0123456789ab"
    places = ["--out", out, "--checkpoints", matching / "checkpoints" / out.name]
    run("matchnet", "train", "--settings", run_settings(), *inputs_of(files), "--features", features, *places)
    return out


def test_lists_of_pairs_become_molecules_pairs_and_parts(listed):
    molecules = read_table(listed / "molecules", MOLECULES, ["molecule_id"]).to_pydict()["molecule_id"]
    assert read_json(listed / "counts.json")
    assert set(read_table(listed / "split", SPLITS).to_pydict()["part"]) == {"train", "val", "test"}
    pairs = read_table(listed / "listed", LISTED_PAIRS).to_pydict()
    assert set(pairs["owner_id"]) | set(pairs["candidate_id"]) <= set(molecules)


def test_spectra_pairs_and_columns_belong_together(files, matching):
    ids = read_table(files["spectra"], MATCHING_SPECTRA, ["molecule_id"]).to_pydict()["molecule_id"]
    assert len(ids) > 30
    assert read_table(files["rendered"], RENDERED, ["molecule_id"]).to_pydict()["molecule_id"] == ids
    pairs = read_table(files["pairs"], PAIRS).to_pydict()
    assert set(pairs["owner_id"]) == set(ids)
    assert {"true", "near", "uniform", "diff"} <= set(pairs["test_set"])
    assert read_json(matching / "pairs.json")


def test_a_network_of_images_is_trained_and_examined(trained, files, features, matching):
    metrics = read_json(trained / "metrics.json")
    assert "matching/near/auc" in metrics["parts"]["test"]
    predictions = read_table(trained / "predictions.parquet", PAIR_PREDICTIONS).to_pydict()
    assert set(predictions["part"]) == {"val", "test"}
    out, positions = matching / "examination.json", matching / "map.parquet"
    settings = {"candidates": [4], "queries": 3, "k": [1], "mapped_pairs": 40, "timed_batches": 1, "changed_spectra": 2}
    places = ["--out", out, "--positions", positions]
    options = ["--run", trained, *inputs_of(files), "--features", features]
    run("matchnet", "examine", "--settings", json.dumps(settings), *options, *places)
    assert {"retrieval", "cost", "map"} <= set(read_json(out))
    assert count_rows(positions) > 0
    read_table(positions, PAIR_MAP)


def test_a_network_answers_for_molecules_of_a_user(trained, features, matching):
    queries, answers = matching / "queries.csv", matching / "answers.csv"
    rows = ["right,CCO,1.2x3; 3.7x2,18.0; 58.0", "wrong,no molecule,1.2,18.0"]
    queries.write_text("\n".join(["query_id,smiles,proton_ppm,carbon_ppm", *rows]) + "\n", encoding="utf-8")
    run("matchnet", "predict", "--run", trained, "--queries", queries, "--out", answers, "--features", features)
    with answers.open(encoding="utf-8", newline="") as handle:
        right, wrong = csv.DictReader(handle)
    assert 0 <= float(right["probability"]) <= 1
    assert not right["problem"]
    assert wrong["problem"]
    assert not wrong["probability"]


@pytest.fixture(scope="module")
def parts(raw, tables, alignment, matching) -> Path:
    """Parts of the aligned molecules, as models of shifts and of alignment are trained on."""
    out = matching / "aligned.parquet"
    inputs = ["--molecules", tables / "molecules.parquet", "--subset", alignment]
    run("split", "--settings", SPLIT, *inputs, "--out", out, "--audit", matching / "aligned.json", "--fold", 0)
    return out


def check_scores(scores: Path, pairs: Path) -> None:
    wanted = {row["pair_id"] for row in read_table(pairs, PAIRS).to_pylist() if row["part"] != "train"}
    found = read_table(scores, PAIR_SCORES).to_pydict()
    assert set(found["pair_id"]) == wanted
    assert any(value is not None for value in found["carbon"])


@pytest.fixture(scope="module")
def shift_model(tables, graphs, alignment, parts, matching) -> Path:
    labels, out = matching / "labels.parquet", matching / "shifts"
    inputs = ["--molecules", tables / "molecules.parquet", "--peaks", tables / "peaks.parquet", "--graphs", graphs]
    run("shifts", "select", *inputs, "--out", labels, "--counts", matching / "labels.json")
    inputs = ["--labels", labels, "--graphs", graphs, "--alignment", alignment, "--split", parts]
    places = ["--out", out, "--checkpoints", matching / "checkpoints" / "shifts"]
    run("shifts", "train", "--settings", json.dumps(SHIFTS), *inputs, *places)
    return out


@pytest.fixture(scope="module")
def shift_scores(shift_model, graphs, files, matching) -> Path:
    predictions, scores = matching / "predictions.parquet", matching / "shift_scores.parquet"
    run("shifts", "predict", "--run", shift_model, "--graphs", graphs, "--out", predictions)
    inputs = ["--predictions", predictions, "--spectra", files["spectra"], "--pairs", files["pairs"]]
    run("shifts", "score-pairs", *inputs, "--out", scores)
    return scores


def test_a_shift_model_scores_pairs(shift_scores, files):
    check_scores(shift_scores, files["pairs"])


def test_an_alignment_model_scores_pairs(graphs, alignment, parts, files, matching):
    encoder, model, scores = matching / "encoder", matching / "km3aid", matching / "alignment_scores.parquet"
    aligned = ["--alignment", alignment, "--graphs", graphs, "--split", parts]
    settings = json.dumps({"mode": "random_frozen", "training": {"epochs": 1, "batch_size": 8}})
    places = ["--out", encoder, "--checkpoints", matching / "checkpoints" / "encoder"]
    run("km3aid", "pretrain-spectrum", "--settings", settings, *aligned, *places)
    settings = json.dumps(
        {
            "model": {"layers": 1, "dim": 8, "projection": 8},
            "spectrum_encoder": {"mode": "random_frozen"},
            "training": {"epochs": 1, "batch_size": 8},
        }
    )
    places = ["--out", model, "--checkpoints", matching / "checkpoints" / "km3aid"]
    run(
        *("km3aid", "train", "--settings", settings, *aligned),
        *("--spectrum-encoder", encoder / "model.safetensors", *places),
    )
    inputs = ["--run", model, "--spectra", files["spectra"], "--graphs", graphs, "--pairs", files["pairs"]]
    run("km3aid", "score-pairs", *inputs, "--out", scores)
    check_scores(scores, files["pairs"])


def test_listed_pairs_are_made_of_predicted_spectra(listed, shift_model, matching):
    out = matching / "predicted"
    molecules, graphs, predictions = ["--molecules", listed / "molecules"], out / "graphs", out / "predictions"
    run("build-graphs", *molecules, "--graphs", graphs, "--rejects", out / "graph_rejects")
    run("shifts", "predict", "--run", shift_model, "--graphs", graphs, "--out", predictions)
    settings = json.dumps({"predicted": {"carbon_noise_ppm": 1.0, "proton_noise_ppm": 0.1}})
    inputs = [*molecules, "--predictions", predictions, "--graphs", graphs]
    places = ["--out", out / "spectra", "--rejects", out / "rejects", "--counts", out / "counts.json"]
    run("matchnet", "select", "--settings", settings, *inputs, *places)
    spectra, split = ["--spectra", out / "spectra"], out / "split"
    inputs = [*molecules, "--subset", out / "spectra", "--given", listed / "split"]
    run("split", "--settings", SPLIT, *inputs, "--out", split, "--audit", out / "audit.json", "--fold", 0)
    places = ["--out", out / "rendered", "--counts", out / "rendered.json"]
    run("matchnet", "render", "--settings", json.dumps(RENDERING), *spectra, *places)
    inputs = [*spectra, "--rendered", out / "rendered", "--split", split, "--listed", listed / "listed"]
    run("matchnet", "pair", "--settings", "{}", *inputs, "--out", out / "pairs", "--counts", out / "pairs.json")
    given = dict(zip(*read_table(listed / "split", SPLITS, ["molecule_id", "part"]).to_pydict().values(), strict=True))
    rows = read_table(out / "pairs", PAIRS).to_pylist()
    assert {row["part"] for row in rows} == {"train", "val", "test"}
    assert all(given[row["owner_id"]] == row["part"] for row in rows)
    assert any(row["test_set"].startswith("listed_") for row in rows)


def test_models_are_compared_on_a_page(trained, files, shift_scores, matching):
    runs = {"1123456789ab": {"kind": "line_counts"}, "2123456789ab": {"kind": "boosted_trees"}}
    runs["3123456789ab"] = {"kind": "shift_model", "scores": "lookup"}
    for name, difference in runs.items():
        out = matching / "runs" / name
        scores = ["--scores", shift_scores] if "scores" in difference else []
        places = ["--out", out, "--checkpoints", matching / "checkpoints" / name]
        run("matchnet", "train", "--settings", run_settings(**difference), *inputs_of(files), *scores, *places)
    folders = [trained, *(matching / "runs" / name for name in runs)]
    for out in folders:
        (out / "label.txt").write_text(f"{out.name}\n", encoding="utf-8")
    listed, audit = [value for out in folders for value in ("--run", out)], ["--audit", matching / "audit.json"]
    comparison, page = matching / "comparison.csv", matching / "report"
    published = ROOT / "resources" / "published.csv"
    run("compare", "--published", published, *listed, *audit, "--out", comparison, "--data", "demo")
    counts = ["--counts", matching / "counts.json", "--counts", matching / "pairs.json"]
    drawn = ["--renderings", files["rendered"], "--out", page, "--data", "demo"]
    run("report-matching", "--comparison", comparison, *listed, *counts, *audit, *drawn)
    text = (page / "matching.html").read_text(encoding="utf-8")
    assert all(out.name in text for out in folders)
