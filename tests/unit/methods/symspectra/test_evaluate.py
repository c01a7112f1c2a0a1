from types import SimpleNamespace

import numpy as np
import pytest
import torch

from spectraflow.evaluation.classification import group_metrics
from spectraflow.methods.symspectra.evaluate import evaluate
from spectraflow.tables import group_predictions_schema, read_table

NAMES = ["Amine", "Ether", "Alkyne"]


@pytest.fixture
def case():
    """A model whose probabilities of the second group are right only above 0.2."""
    generator = np.random.default_rng(0)
    labels = generator.random((60, 3)) < 0.4
    probabilities = np.where(labels, 0.9, 0.1)
    probabilities[:, 1] = np.where(labels[:, 1], 0.3, 0.1)
    model = SimpleNamespace(predict=lambda store, rows: (labels[rows], probabilities[rows]))
    store = SimpleNamespace(names=NAMES, molecule_ids=[f"m{row}" for row in range(60)])
    return model, store, {"train": torch.arange(10), "val": torch.arange(10, 30), "test": torch.arange(30, 60)}, labels


def test_scores_of_both_parts_and_with_thresholds_of_val(case, tmp_path):
    model, store, parts, _ = case
    found = evaluate(model, store, parts, tmp_path / "p.parquet")
    assert set(found) == {"val", "test"}
    labels_of_test, probabilities = model.predict(store, parts["test"])
    expected = {name: one.as_dict() for name, one in group_metrics(labels_of_test, probabilities, NAMES).items()}
    assert {name: value for name, value in found["test"].items() if not name.startswith("tuned/")} == expected
    assert found["test"]["groups/label/Ether/recall"]["value"] == 0
    assert found["test"]["tuned/groups/micro_f1"]["value"] == 1
    assert not any(name.startswith("tuned/") for name in found["val"])
    assert not any("/label/" in name or "/count/" in name for name in found["test"] if name.startswith("tuned/"))


def test_every_prediction_is_a_row(case, tmp_path):
    model, store, parts, labels = case
    evaluate(model, store, parts, tmp_path / "p.parquet")
    rows = read_table(tmp_path / "p.parquet", group_predictions_schema(3)).to_pylist()
    assert [row["molecule_id"] for row in rows] == store.molecule_ids[10:]
    assert [row["part"] for row in rows] == ["val"] * 20 + ["test"] * 30
    assert np.array_equal([row["label"] for row in rows], labels[10:])
    np.testing.assert_allclose([row["probability"] for row in rows], model.predict(store, range(10, 60))[1], atol=1e-6)
