import numpy as np
import pytest

from spectraflow.files import read_json
from spectraflow.methods.shifts.evaluate import evaluate, shift_metrics
from spectraflow.tables import ASSIGNMENTS, SPLITS, TableWriter, read_table
from spectraflow.training.checkpoint import save_checkpoint

# (atom, ppm, scale): errors below are 1, 3 and 8 ppm of carbons, 0.5 ppm of the proton
PREDICTED = {
    "b": [(1, 57.0, 10.0), (2, 21.0, 1.0)],
    "c": [(0, 100.0, 1.0)],
    "a": [(0, 10.0, 2.0), (2, 128.0, 1.0)],
}
PROTONS = {"a": [(0, 2.0, 1.0), (1, 5.0, 0.5)], "b": [(2, 1.0, 1.0)]}
LABELS = {
    "a": [(2, 0, 0, 129_000), (1, 1, 0, 5_500)],
    "b": [(2, 0, 0, 18_000), (1, 0, 1, 65_000), (1, 0, 2, 65_000)],
    "c": [(0, 0, 0, 0)],
}


def test_errors_are_means_over_the_shifts_of_the_molecules_named(predicted_shifts, labels_table):
    metrics = shift_metrics(predicted_shifts(PREDICTED, PROTONS), labels_table(LABELS), {"a", "b"})
    assert metrics["shift/mae_13C"].value == pytest.approx((1 + 3 + 8 + 8) / 4)
    assert metrics["shift/mae_13C"].n == 4
    assert metrics["shift/mae_1H"].value == pytest.approx(0.5)
    assert metrics["shift/mae_1H"].n == 1


def test_intervals_cover_errors_below_their_multiple_of_the_scale(predicted_shifts, labels_table):
    metrics = shift_metrics(predicted_shifts(PREDICTED, PROTONS), labels_table(LABELS), {"a", "b"})
    # |error| / scale: 1, 3, 0.8, 0.8; half lie below 0.69, nine tenths below 2.30
    assert metrics["shift/covered_50_13C"].value == 0
    assert metrics["shift/covered_90_13C"].value == pytest.approx(3 / 4)
    assert metrics["shift/covered_50_1H"].value == 0
    assert metrics["shift/covered_90_1H"].value == 1


def test_intervals_of_a_laplace_distribution_cover_their_share(predicted_shifts, labels_table):
    error = np.random.default_rng(0).laplace(0, 2.0, 4000)
    predicted = predicted_shifts({"a": [(0, 0.0, 2.0)]})
    labels = labels_table({"a": [(0, 0, 0, round(1000 * one)) for one in error]})
    metrics = shift_metrics(predicted, labels, {"a"})
    assert metrics["shift/covered_50_13C"].value == pytest.approx(0.5, abs=0.03)
    assert metrics["shift/covered_90_13C"].value == pytest.approx(0.9, abs=0.02)
    assert metrics["shift/mae_13C"].value == pytest.approx(2.0, abs=0.1)


def test_a_nucleus_without_labels_has_no_metric(predicted_shifts, labels_table):
    predicted, labels = predicted_shifts(PREDICTED, PROTONS), labels_table(LABELS)
    assert {name.rsplit("_", 1)[1] for name in shift_metrics(predicted, labels, {"b"})} == {"13C"}
    assert shift_metrics(predicted, labels, set()) == {}


@pytest.fixture
def evaluated(tmp_path, small, graphs_table, predictions_table, labels_table):
    """Evaluate predictions that are off by `errors` ppm, by molecule; `believed` takes another molecule's shifts."""

    def run(errors=None, believed=None, external=()):
        graphs = graphs_table(small.SMILES)
        offsets = {name: (errors or {}).get(name, 0.0) for name in small.SHIFTS}
        shifts = {name: small.SHIFTS[(believed or {}).get(name, name)] for name in small.SHIFTS}
        predictions = predictions_table(
            "predictions.parquet",
            {
                name: [
                    (atom, ppm + offsets[name], 1.0)
                    for atom, ppm in zip(small.CARBONS[name], shifts[name], strict=True)
                ]
                for name in small.SMILES
            },
        )
        labels = labels_table(
            {
                name: [
                    (atom, 0, 0, round(1000 * ppm))
                    for atom, ppm in zip(small.CARBONS[name], small.SHIFTS[name], strict=True)
                ]
                for name in small.SHIFTS
            }
        )
        listed = small.write_alignment(
            tmp_path / "alignment.parquet", [name for name in small.SHIFTS if name not in external]
        )
        with TableWriter(tmp_path / "split.parquet", SPLITS) as writer:
            writer.write_rows([{"molecule_id": name, "part": part} for name, part in small.PARTS.items()])
        save_checkpoint(tmp_path / "run" / "model.safetensors", {}, {"best_epoch": 4, "epochs": 9})
        evaluate(
            tmp_path / "run", predictions, labels, listed, graphs, tmp_path / "split.parquet",
            tmp_path / "run" / "metrics.json", tmp_path / "assignments.parquet",
            external=small.write_alignment(tmp_path / "external.parquet", external) if external else None,
        )  # fmt: skip
        return read_json(tmp_path / "run" / "metrics.json")

    return run


def values(metrics, part):
    return {name: one["value"] for name, one in metrics["parts"][part].items()}


def test_perfect_predictions_are_right_in_everything(evaluated, tmp_path):
    metrics = evaluated()
    test = values(metrics, "test")
    assert test["shift/mae_13C"] == pytest.approx(0, abs=1e-5)
    for name in (
        "atom/hungarian",
        "atom/argmax",
        "in_batch/spectrum_to_molecule",
        "in_batch_sorted/molecule_to_spectrum",
    ):
        assert test[name] == 1, name
    assert (metrics["best_epoch"], metrics["epochs"], metrics["selection"]) == (4, 9, "val")
    rows = read_table(tmp_path / "assignments.parquet", ASSIGNMENTS).to_pylist()
    assert {row["molecule_id"] for row in rows} == {"one", "two", "ether"}, "the test part alone"
    assert all(row["hungarian_ppm"] == row["shift_ppm"] for row in rows)


def test_molecules_whose_predictions_are_exchanged_are_mistaken_for_each_other(evaluated):
    test = values(evaluated(believed={"one": "ether", "ether": "one"}), "test")
    assert test["in_batch/spectrum_to_molecule"] == pytest.approx(1 / 3)
    assert test["in_batch_sorted/spectrum_to_molecule"] == pytest.approx(1 / 3)


def test_every_part_has_its_own_molecules(evaluated):
    errors = {"one": 2.0, "two": 2.0, "ether": 4.0, "amine": 1.0, "bridged": 16.0}
    metrics = evaluated(errors, external=["bridged"])
    assert set(metrics["parts"]) == {"val", "test", "external"}
    for part, expected, count in (("val", 1.0, 2), ("test", 8 / 3, 9), ("external", 16.0, 2)):
        assert values(metrics, part)["shift/mae_13C"] == pytest.approx(expected, abs=1e-4)
        assert metrics["parts"][part]["shift/mae_13C"]["n"] == count
    assert metrics["parts"]["external"]["atom/hungarian"]["n"] == 1
