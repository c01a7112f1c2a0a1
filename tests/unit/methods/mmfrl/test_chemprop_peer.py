import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from spectraflow.methods.mmfrl.chemprop_peer import train_chemprop
from spectraflow.methods.mmfrl.property_store import PropertyStore, Scale
from spectraflow.methods.mmfrl.settings import EncoderSettings, PropertyRun
from spectraflow.settings import TrainingSettings

SMILES = [
    left + "C" * length + right for left in ("O", "N", "Cl", "C=") for length in range(1, 11) for right in ("", "O")
]
PARTS = {"train": torch.arange(60), "val": torch.arange(60, 70), "test": torch.tensor([79, 70, 72, 74])}


def store_of(targets: torch.Tensor, kind: str) -> PropertyStore:
    names = [f"t{i}" for i in range(targets.shape[1])]
    ids = [f"x:{i}" for i in range(len(SMILES))]
    return PropertyStore(ids, SMILES, names, kind, targets, PARTS, Scale.of(targets[PARTS["train"]], kind))


def lengths() -> torch.Tensor:
    """A target that is the size of the molecule, far from 0."""
    return torch.tensor([[1000.0 + 10 * len(text)] for text in SMILES])


def run_of(epochs: int, **fields: object) -> PropertyRun:
    training = TrainingSettings(epochs=epochs, batch_size=16, learning_rate=3e-3, seed=3)
    return PropertyRun(kind="chemprop", encoder=EncoderSettings(hidden=32), head=32, training=training, **fields)


def test_values_are_learnt_in_original_units_and_nothing_is_left(tmp_path: Path) -> None:
    store = store_of(lengths(), "regression")
    found = train_chemprop(run_of(10), store, tmp_path / "work")
    assert {part: values.shape for part, values in found.items()} == {"val": (10, 1), "test": (4, 1)}
    assert np.abs(found["test"] - store.measured("test")).mean() < 30
    assert not list((tmp_path / "work").iterdir())


def test_missing_labels_and_one_class_targets_give_probabilities(tmp_path: Path) -> None:
    labels = torch.tensor([[float("O" in text), 1.0, float("nan")] for text in SMILES])
    labels[::3, 0] = float("nan")
    found = train_chemprop(run_of(2), store_of(labels, "classification"), tmp_path)
    assert found["test"].shape == (4, 3)
    assert ((found["test"] > 0) & (found["test"] < 1)).all()


def test_equal_seeds_give_equal_predictions_and_the_last_epoch_can_be_kept(tmp_path: Path) -> None:
    store = store_of(lengths(), "regression")
    one, again = (train_chemprop(run_of(2, selection="last"), store, tmp_path) for _ in range(2))
    assert np.array_equal(one["test"], again["test"])


@pytest.mark.slow
def test_predictions_are_those_of_chemprops_command_line(tmp_path: Path) -> None:
    store, run = store_of(lengths(), "regression"), run_of(4)
    part_of = {row: part for part, rows in PARTS.items() for row in rows.tolist()}
    with (tmp_path / "data.csv").open("w", newline="") as file:
        rows = [(SMILES[i], part_of[i], store.targets[i, 0].item()) for i in (*range(70), *PARTS["test"].tolist())]
        csv.writer(file).writerows([("smiles", "part", "t0"), *rows])
    options = {
        "data-path": "data.csv", "output-dir": "out", "task-type": "regression", "smiles-columns": "smiles",
        "target-columns": "t0", "splits-column": "part", "multi-hot-atom-featurizer-mode": "V1", "aggregation": "mean",
        "message-hidden-dim": 32, "ffn-hidden-dim": 32, "epochs": 4, "batch-size": 16, "init-lr": 3e-4, "max-lr": 3e-3,
        "final-lr": 3e-4, "pytorch-seed": 3, "data-seed": 3, "accelerator": "cpu",
    }  # fmt: skip
    arguments = [text for name, value in options.items() for text in (f"--{name}", str(value))]
    command = [sys.executable, "-c", "from chemprop.cli.main import main; main()", "train", *arguments]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    with (tmp_path / "out" / "model_0" / "test_predictions.csv").open() as file:
        expected = {row["smiles"]: float(row["t0"]) for row in csv.DictReader(file)}
    found = train_chemprop(run, store, tmp_path / "work")["test"][:, 0]
    for row, value in zip(PARTS["test"].tolist(), found, strict=True):
        assert value == pytest.approx(expected[SMILES[row]], rel=1e-5)
