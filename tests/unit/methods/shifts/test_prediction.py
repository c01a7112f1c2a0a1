import numpy as np
import pytest
import torch

from spectraflow.errors import InputError
from spectraflow.methods.shifts import prediction
from spectraflow.methods.shifts.prediction import PredictedShifts, targets_of, write_predictions
from spectraflow.store.ragged import Ragged

CARBONS = {"a": [(0, 18.5, 1.0), (2, 58.25, 2.0)], "b": [], "c": [(1, 128.0, 0.5)], "d": [(0, -3.5, 4.0)]}
PROTONS = {"a": [(0, 1.25, 0.125)], "b": [(4, 3.5, 0.25), (5, 4.5, 0.5)], "d": [(0, 0.25, 0.0625)]}


class Counting:
    """A model whose shifts say which atom of which molecule they belong to."""

    def __init__(self):
        self.calls = []

    def predict(self, graphs):
        self.calls.append(len(graphs))
        parts = []
        for wanted in targets_of(graphs):
            molecule = torch.repeat_interleave(
                torch.tensor([int(name.split(":")[1]) for name in graphs.molecule_ids]), wanted.counts
            )
            values = torch.stack([wanted.values, 1000 * molecule + wanted.values, molecule + 1], 1).float()
            parts.append(Ragged(values, wanted.offsets))
        return PredictedShifts(graphs.molecule_ids, *parts)


def as_dict(predicted, part="carbons"):
    ragged = getattr(predicted, part)
    return {
        name: [tuple(row) for row in ragged.values[ragged.offsets[i] : ragged.offsets[i + 1]].tolist()]
        for i, name in enumerate(predicted.molecule_ids)
    }


def test_targets_are_all_carbons_and_all_atoms_that_bear_hydrogens(graphs_of):
    carbons, protons = targets_of(graphs_of("OCC(=O)C", "ClCl", "c1cc[nH]c1"))
    assert carbons.counts.tolist() == [3, 0, 4]
    assert carbons.values.tolist() == [1, 2, 4, 0, 1, 2, 4]
    assert protons.counts.tolist() == [3, 0, 5]
    assert protons.values.tolist() == [0, 1, 4, 0, 1, 2, 3, 4]


def test_written_predictions_are_read_back_whatever_the_chunks(tmp_path, graphs_table, monkeypatch):
    graphs = graphs_table({f"m:{n}": "C" * (n + 1) + "O" for n in range(5)})
    model = Counting()
    monkeypatch.setattr(prediction, "CHUNK", 2)
    write_predictions(model, graphs, tmp_path / "predicted.parquet")
    assert model.calls == [2, 2, 1]
    found = PredictedShifts.read(tmp_path / "predicted.parquet")
    assert found.molecule_ids == [f"m:{n}" for n in range(5)]
    assert as_dict(found) == {f"m:{n}": [(i, 1000 * n + i, n + 1) for i in range(n + 1)] for n in range(5)}
    assert as_dict(found, "protons") == {f"m:{n}": [(i, 1000 * n + i, n + 1) for i in range(n + 2)] for n in range(5)}


def test_molecules_are_read_in_the_order_asked_for(predictions_table):
    path = predictions_table("p.parquet", CARBONS, PROTONS)
    found = PredictedShifts.read(path, ["d", "a", "b"])
    assert found.molecule_ids == list("dab")
    assert as_dict(found) == {name: CARBONS[name] for name in "dab"}
    assert as_dict(found, "protons") == {name: PROTONS[name] for name in "dab"}


def test_a_molecule_without_prediction_is_named(predictions_table):
    path = predictions_table("p.parquet", CARBONS, PROTONS)
    with pytest.raises(InputError, match=r"p\.parquet: no predicted shifts for x and 1 more"):
        PredictedShifts.read(path, ["a", "x", "b", "y"])


@pytest.mark.parametrize("rows", [1, 3, 4, 100])
def test_scanning_gives_every_molecule_once_in_file_order(predictions_table, rows):
    pieces = list(PredictedShifts.scan(predictions_table("p.parquet", CARBONS, PROTONS), rows))
    assert [len(piece) for piece in pieces] == [min(rows, 4 - start) for start in range(0, 4, rows)]
    assert [name for piece in pieces for name in piece.molecule_ids] == list(CARBONS)
    for part, values in (("carbons", CARBONS), ("protons", {**PROTONS, "c": []})):
        assert {name: found for piece in pieces for name, found in as_dict(piece, part).items()} == values


def test_rows_are_picked_in_any_order_and_more_than_once(predicted_shifts):
    predicted = predicted_shifts(CARBONS, PROTONS)
    picked = predicted[np.array([3, 1, 0, 3])]
    assert picked.molecule_ids == ["d", "b", "a", "d"]
    assert picked.carbons.counts.tolist() == [1, 0, 2, 1]
    assert picked.carbons.values[:, 1].tolist() == [-3.5, 18.5, 58.25, -3.5]
    assert picked.protons.offsets.tolist() == [0, 1, 3, 4, 5]
    assert len(predicted[np.array([], np.int64)]) == 0
