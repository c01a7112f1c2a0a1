import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from spectraflow.errors import InputError
from spectraflow.methods.symspectra.predict import predict_table
from spectraflow.methods.symspectra.train import train
from spectraflow.tables import (
    SPLITS,
    group_predictions_schema,
    group_probabilities_schema,
    labels_schema,
    read_table,
    vectors_schema,
    write_table,
)
from tests.unit.conftest import write_rows
from tests.unit.methods.symspectra.small_spectra import MODALITIES, NAMES, make_settings, write_tables


@pytest.fixture
def unseen(trained_run, tmp_path):
    """The vectors of the test part of the run, the third molecule without IR."""
    split = read_table(trained_run.tables.split, SPLITS).to_pylist()
    test = {row["molecule_id"] for row in split if row["part"] == "test"}
    rows = read_table(trained_run.tables.vectors, vectors_schema(MODALITIES)).to_pylist()
    rows = [row for row in rows if row["molecule_id"] in test]
    rows[2]["IR"] = None
    return write_rows(tmp_path / "vectors.parquet", vectors_schema(MODALITIES), rows)


def test_molecules_with_all_spectra_get_what_the_run_predicted(trained_run, unseen, tmp_path):
    counts = predict_table(trained_run.folder, unseen, tmp_path / "out.parquet")
    assert counts == {"molecules": 55, "predicted": 54}
    found = read_table(tmp_path / "out.parquet", group_probabilities_schema(NAMES)).to_pylist()
    predictions = read_table(trained_run.folder / "predictions.parquet", group_predictions_schema(4)).to_pylist()
    expected = {row["molecule_id"]: row["probability"] for row in predictions}
    assert len(found) == 54
    for row in found:
        np.testing.assert_allclose([row[name] for name in NAMES], expected[row["molecule_id"]], atol=1e-5)


def test_the_molecules_whose_labels_are_known_are_scored_and_all_are_predicted(trained_run, unseen, tmp_path):
    known = read_table(trained_run.tables.labels, labels_schema(NAMES)).slice(0, 200)
    write_table(tmp_path / "labels.parquet", labels_schema(NAMES), known)
    out, metrics = tmp_path / "out.parquet", tmp_path / "metrics.json"
    counts = predict_table(trained_run.folder, unseen, out, labels=tmp_path / "labels.parquet", metrics=metrics)
    assert counts["predicted"] == pq.read_metadata(out).num_rows == 54
    scores = json.loads(metrics.read_text())
    assert scores["molecules"] == 32  # of 33 test molecules among the first 200, one lacks a spectrum
    assert scores["metrics"]["groups/micro_f1"]["value"] > 0.9


def test_scores_of_the_whole_test_part_are_those_of_the_run(trained_run, tmp_path):
    rows = read_table(trained_run.tables.vectors, vectors_schema(MODALITIES)).to_pylist()
    vectors = write_rows(tmp_path / "v.parquet", vectors_schema(MODALITIES), rows[5::6])
    labels, metrics = trained_run.tables.labels, tmp_path / "metrics.json"
    predict_table(trained_run.folder, vectors, tmp_path / "out.parquet", labels=labels, metrics=metrics)
    expected = trained_run.metrics["parts"]["test"]
    found = json.loads(metrics.read_text())["metrics"]
    assert found == {name: value for name, value in expected.items() if not name.startswith("tuned/")}


def test_what_cannot_be_predicted_or_scored_is_named(trained_run, unseen, tmp_path):
    run, out = trained_run.folder, tmp_path / "out.parquet"
    with pytest.raises(InputError, match="scores need both"):
        predict_table(run, unseen, out, labels=trained_run.tables.labels)
    one = write_rows(tmp_path / "one.parquet", vectors_schema(["IR"]), [{"molecule_id": "a", "IR": [0.0] * 600}])
    with pytest.raises(InputError, match="lacks 13C, which the model reads"):
        predict_table(run, one, out)
    rows = [{"molecule_id": "a", "IR": [0.0] * 600}, {"molecule_id": "b", "13C": [0.0] * 600}]
    partial = write_rows(tmp_path / "partial.parquet", vectors_schema(MODALITIES), rows)
    with pytest.raises(InputError, match="no molecule has all of IR, 13C"):
        predict_table(run, partial, out)
    with pytest.raises(InputError, match="not a readable checkpoint"):
        predict_table(tmp_path, unseen, out)
    for names, message in ((["Amine"], "other functional groups"), (NAMES, "no known labels")):
        rows = [{"molecule_id": "unknown", **dict.fromkeys(names, True)}]
        labels = write_rows(tmp_path / "labels.parquet", labels_schema(names), rows)
        with pytest.raises(InputError, match=message):
            predict_table(run, unseen, out, labels=labels, metrics=tmp_path / "m.json")
    assert not out.exists()


@pytest.mark.parametrize("kind", ["transformer", "xgboost"])
def test_baselines_predict(kind, tmp_path):
    tables = write_tables(tmp_path, 24)
    train(make_settings(kind=kind, training={"epochs": 1}), tables, tmp_path / "run", tmp_path / "checkpoints")
    if kind == "transformer":
        with pytest.raises(InputError, match="reads peak lists: give the peaks table"):
            predict_table(tmp_path / "run", tables.vectors, tmp_path / "out.parquet")
    peaks = tables.peaks if kind == "transformer" else None
    counts = predict_table(tmp_path / "run", tables.vectors, tmp_path / "out.parquet", peaks=peaks)
    assert counts == {"molecules": 24, "predicted": 24}
    found = {
        row["molecule_id"]: row
        for row in read_table(tmp_path / "out.parquet", group_probabilities_schema(NAMES)).to_pylist()
    }
    for row in read_table(tmp_path / "run" / "predictions.parquet", group_predictions_schema(4)).to_pylist():
        probabilities = [found[row["molecule_id"]][name] for name in NAMES]
        np.testing.assert_allclose(probabilities, row["probability"], atol=1e-5)
