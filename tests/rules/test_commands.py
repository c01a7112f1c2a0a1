"""The commands of the rules up to training, one after the other on a small simulated source."""

import json
from pathlib import Path

import pytest

from spectraflow.tables import (
    ALIGNMENT,
    GRAPHS,
    MOLECULES,
    PEAKS,
    REJECTS,
    SPLITS,
    count_rows,
    group_predictions_schema,
    read_table,
)
from spectraflow.workflow import DEMO_FILES
from tests.rules.conftest import MOLECULE_COUNT, ROOT, run


def test_demo_writes_every_declared_file(raw):
    assert not [name for name in DEMO_FILES if not (raw / name).stat().st_size]
    assert not list(raw.rglob("*.partial"))


def test_ingestion_accounts_for_every_record(tables):
    rejected = read_table(tables / "rejects.parquet", REJECTS)
    records = rejected.to_pydict()["stage"].count("record") + count_rows(tables / "molecules.parquet")
    assert records >= MOLECULE_COUNT
    assert json.loads((tables / "counts.json").read_text())["records"] == records
    assert read_table(tables / "peaks.parquet", PEAKS).num_rows > 0


def test_simulated_spectra_become_vectors_of_every_molecule(raw, tmp_path):
    names = ("molecules", "peaks", "vectors", "rejects")
    files = [option for name in names for option in (f"--{name}", tmp_path / f"{name}.parquet")]
    settings = ["--settings", json.dumps({"collision_energies": [40]}), "--counts", tmp_path / "counts.json"]
    run("ingest-alberts", "--raw", raw / "alberts" / "demo_multimodal.parquet", *files, *settings, "--limit", 7)
    assert json.loads((tmp_path / "counts.json").read_text())["records"] == 7
    assert count_rows(tmp_path / "vectors.parquet") == count_rows(tmp_path / "molecules.parquet") == 7


def test_graphs_have_the_atoms_of_their_molecules(tables, graphs):
    atoms = dict(zip(*read_table(tables / "molecules.parquet", MOLECULES, ["molecule_id", "heavy_atoms"]), strict=True))
    rows = read_table(graphs, GRAPHS).to_pylist()
    lost = count_rows(tables / "graph_rejects.parquet")
    assert len(rows) + lost == len(atoms)
    sizes = {key.as_py(): value.as_py() for key, value in atoms.items()}
    assert all(len(row["atomic_number"]) == sizes[row["molecule_id"]] for row in rows)


def test_labels_cover_every_molecule(tables, labels):
    assert count_rows(labels) == count_rows(tables / "molecules.parquet")


def test_alignment_has_one_shift_a_carbon(alignment):
    rows = read_table(alignment, ALIGNMENT).to_pylist()
    assert len(rows) > MOLECULE_COUNT / 3
    for row in rows:
        assert len(row["carbon_atom"]) == len(row["shift_mppm"]) == len(row["multiplicity"]) > 0
        assert all(-50_000 <= shift <= 250_000 for shift in row["shift_mppm"])


@pytest.mark.parametrize(
    "kind", ["random", "published_folds", "scaffold_balanced", "scaffold_deterministic", "scaffold_clusters"]
)
def test_every_kind_of_split_gives_parts_of_the_subset(kind, raw, tables, labels, alignment, tmp_path):
    settings = {"kind": kind, "folds": 4, "val_fraction": 0.2, "test_fraction": 0.2}
    ids = ["--ids", raw / "nmrshiftdb2" / "km3aid_ids.txt"] if kind == "published_folds" else []
    out, audit = tmp_path / "split.parquet", tmp_path / "audit.json"
    inputs = ["--molecules", tables / "molecules.parquet", "--subset", alignment, "--labels", labels, *ids]
    run("split", "--settings", json.dumps(settings), *inputs, "--out", out, "--audit", audit, "--fold", 1)
    split = read_table(out, SPLITS).to_pydict()
    aligned = read_table(alignment, ALIGNMENT, ["molecule_id"]).to_pydict()["molecule_id"]
    assert set(split["part"]) == {"train", "val", "test"}
    assert set(split["molecule_id"]) <= set(aligned)
    assert len(split["molecule_id"]) == len(set(split["molecule_id"]))
    assert json.loads(audit.read_text())


@pytest.fixture(scope="module")
def simulated(raw, folder) -> dict[str, Path]:
    """Molecules, peaks, vectors, labels and a split of the simulated data set of several spectra a molecule."""
    out = folder / "simulated"
    tables = {name: out / f"{name}.parquet" for name in ("molecules", "peaks", "vectors", "rejects", "labels", "split")}
    files = [option for name in ("molecules", "peaks", "vectors", "rejects") for option in (f"--{name}", tables[name])]
    files += ["--counts", out / "counts.json", "--settings", "{}"]
    run("ingest-alberts", "--raw", raw / "alberts" / "demo_multimodal.parquet", *files)
    molecules = ["--molecules", tables["molecules"]]
    definitions = ROOT / "resources" / "functional_groups.csv"
    run("label-groups", *molecules, "--definitions", definitions, "--labels", tables["labels"])
    settings = json.dumps({"kind": "random", "folds": 5, "val_fraction": 0.25})
    files = ["--out", tables["split"], "--audit", out / "audit.json"]
    run("split", "--settings", settings, *molecules, "--labels", tables["labels"], *files)
    return tables


def test_a_model_of_functional_groups_is_trained_examined_and_asked(simulated, folder, monkeypatch):
    monkeypatch.setenv("SPECTRAFLOW_ACCELERATOR", "cpu")
    network = {"channels": [8, 16], "heads": 2, "fusion": 16, "hidden": [64, 32], "decoder_dim": 32}
    settings = {"modalities": ["IR", "13C"], "network": network, "training": {"epochs": 1, "batch_size": 4}}
    out = folder / "groups"
    tables = [option for name in ("vectors", "labels", "split") for option in (f"--{name}", simulated[name])]
    places = ["--out", out, "--checkpoints", folder / "checkpoints"]
    run("symspectra", "train", "--settings", json.dumps(settings), *tables, *places)
    predictions = read_table(out / "predictions.parquet", group_predictions_schema(37)).to_pydict()
    split = read_table(simulated["split"], SPLITS).to_pydict()
    assert len(predictions["part"]) == sum(part != "train" for part in split["part"]) > 0
    assert set(json.loads((out / "metrics.json").read_text())["parts"]) == {"val", "test"}
    run("symspectra", "examine", "--run", out, *tables, "--out", out / "examination.json")
    assert {"missing", "noise", "importance"} <= set(json.loads((out / "examination.json").read_text()))
    answers = folder / "answers.parquet"
    run("symspectra", "predict", "--run", out, "--vectors", simulated["vectors"], "--out", answers)
    assert count_rows(answers) == count_rows(simulated["vectors"])


def test_a_split_is_drawn(simulated, folder):
    out = folder / "map.parquet"
    run("symspectra", "draw-split", "--molecules", simulated["molecules"], "--split", simulated["split"], "--out", out)
    scaffolds = read_table(simulated["molecules"], MOLECULES, ["scaffold"]).column("scaffold").to_pylist()
    assert count_rows(out) == sum(bool(scaffold) for scaffold in scaffolds)
