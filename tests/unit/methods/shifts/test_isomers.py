import numpy as np
import pytest

from spectraflow.files import read_json
from spectraflow.methods.shifts.alignment import Alignment
from spectraflow.methods.shifts.isomers import comparisons, recognise_isomers
from spectraflow.methods.shifts.scoring import SetLikelihood, set_distance
from spectraflow.retrieval.settings import IsomerSettings
from spectraflow.tables import ISOMER_SCORES, SPLITS, TableWriter, read_table


@pytest.fixture
def recognised(tmp_path, small, graphs_table, predictions_table):
    """Recognise isomers with perfect predictions, but where `believed` names the molecule whose shifts are taken."""

    def run(believed=None, least=3):
        graphs = graphs_table(small.SMILES)
        shifts = {name: small.SHIFTS[(believed or {}).get(name, name)] for name in small.SHIFTS}
        predictions = predictions_table(
            "predictions.parquet",
            {
                name: [(atom, ppm, 1.0) for atom, ppm in zip(small.CARBONS[name], shifts[name], strict=True)]
                for name in small.SMILES
            },
        )
        with TableWriter(tmp_path / "split.parquet", SPLITS) as writer:
            writer.write_rows([{"molecule_id": name, "part": part} for name, part in small.PARTS.items()])
        (tmp_path / "published.csv").write_text("experiment,setting\nisomers,formula=C2H7N;n=2\n")
        recognise_isomers(
            IsomerSettings(least_members=least), predictions,
            small.write_alignment(tmp_path / "alignment.parquet", small.SHIFTS), graphs,
            tmp_path / "molecules.parquet", tmp_path / "split.parquet", tmp_path / "published.csv",
            tmp_path / "scores.parquet", tmp_path / "isomers.json",
        )  # fmt: skip
        return read_json(tmp_path / "isomers.json")

    return run


def test_perfect_predictions_tell_all_isomers_apart(recognised, tmp_path):
    found = recognised()
    for name in ("isomers/fold/rank1", "isomers/listed/rank1", "isomers/listed/one_to_one"):
        assert found["metrics"][name]["value"] == 1, name
        assert found["metrics"][name]["n"] == 3, "the test part alone"
    assert read_table(tmp_path / "scores.parquet", ISOMER_SCORES).num_rows == 9


def test_isomers_whose_predictions_are_exchanged_are_mistaken_for_each_other(recognised):
    found = recognised({"one": "ether", "ether": "one"})
    assert found["metrics"]["isomers/fold/rank1"]["value"] == pytest.approx(1 / 3)


def test_only_large_enough_groups_are_asked(recognised):
    assert "isomers/listed/rank1" in recognised()["metrics"]
    assert "isomers/listed/rank1" not in recognised(least=4)["metrics"]


def test_comparisons_score_the_spectra_of_some_rows_with_the_molecules_of_others(
    tmp_path, small, graphs_table, predicted_shifts
):
    graphs = graphs_table(small.SMILES)
    alignment = Alignment.read(small.write_alignment(tmp_path / "alignment.parquet", small.SHIFTS), graphs)
    predicted = predicted_shifts(
        {
            name: [(a, ppm, 1.0) for a, ppm in zip(small.CARBONS[name], small.SHIFTS[name], strict=True)]
            for name in small.SHIFTS
        }
    )
    found = comparisons(alignment, predicted, np.array([4, 0]), np.array([1, 0, 4]), set_distance)
    assert found.shape == (2, 3)
    assert found.argmax(1).tolist() == [2, 1]
    assert found[0, 2] == pytest.approx(0, abs=0.13)
    likely = comparisons(alignment, predicted, np.array([2]), np.array([3, 2]), SetLikelihood())
    assert likely[0, 1] > likely[0, 0]
