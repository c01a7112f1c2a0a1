from pathlib import Path

import numpy as np
import pytest

from spectraflow.errors import InputError
from spectraflow.methods.shifts.score_pairs import score_pairs
from spectraflow.tables import MATCHING_SPECTRA, PAIR_SCORES, PAIRS, TableWriter, read_table

SPECTRA = {
    "toluene": ([21.4, 125.3, 128.2, 129.0, 137.8], [2.34, 7.15, 7.17, 7.25]),
    "ethanol": ([18.1, 57.8], [1.22, 2.61, 3.69]),
    "acetone": ([30.6, 206.7], [2.17]),
    "butanone": ([7.9, 29.4, 36.9, 209.3], [1.06, 2.14, 2.45]),
}
COPIES = {"toluene": [1, 2, 2, 1, 1], "acetone": [2, 1]}
"""Equivalent carbons behind the lines: a prediction names every atom."""


@pytest.fixture
def files(tmp_path: Path, predictions_table):
    carbons = {
        name: [(0, ppm + 0.8, 1.5) for ppm in np.repeat(lists[0], COPIES.get(name, [1] * len(lists[0])))]
        for name, lists in SPECTRA.items()
    }
    protons = {name: [(0, ppm - 0.1, 0.2) for ppm in lists[1]] for name, lists in SPECTRA.items()}
    carbons["water"], protons["water"] = [], [(0, 2.2, 0.3)]

    def write(pairs, spectra=SPECTRA):
        with TableWriter(tmp_path / "spectra.parquet", MATCHING_SPECTRA) as writer:
            writer.write_rows(
                [
                    {
                        "molecule_id": name,
                        "first_block": name,
                        "smiles": "C",
                        "origin": "measured",
                        "carbon_ppm": lists[0],
                        "proton_ppm": lists[1],
                    }
                    for name, lists in spectra.items()
                ]
            )
        with TableWriter(tmp_path / "pairs.parquet", PAIRS) as writer:
            writer.write_rows(
                [
                    {
                        "pair_id": f"{owner}:{candidate}",
                        "part": (*part, "test")[0],
                        "test_set": "near",
                        "owner_id": owner,
                        "candidate_id": candidate,
                        "label": owner == candidate,
                    }
                    for owner, candidate, *part in pairs
                ]
            )
        predictions = predictions_table("predictions.parquet", carbons, protons)
        return predictions, tmp_path / "spectra.parquet", tmp_path / "pairs.parquet", tmp_path / "scores.parquet"

    return write


def scores(paths):
    counts = score_pairs(*paths)
    return counts, {row.pop("pair_id"): row for row in read_table(paths[3], PAIR_SCORES).to_pylist()}


@pytest.mark.parametrize("nucleus", ["carbon", "proton"])
def test_every_spectrum_scores_best_with_its_own_molecule(files, nucleus):
    counts, found = scores(files([(owner, candidate) for owner in SPECTRA for candidate in SPECTRA]))
    assert counts["pairs"] == 16
    for owner in SPECTRA:
        ranked = sorted(SPECTRA, key=lambda candidate: -found[f"{owner}:{candidate}"][nucleus])
        assert ranked[0] == owner
    assert found["toluene:toluene"]["carbon"] == pytest.approx(-0.8 / 1.5, rel=1e-4)
    assert found["toluene:toluene"]["proton"] == pytest.approx(-0.1 / 0.2, rel=1e-4)


def test_unknown_molecules_and_missing_nuclei_are_counted_and_null(files):
    spectra = {**SPECTRA, "silent": ([], [1.0])}
    pairs = [("ethanol", "nobody"), ("ethanol", "water"), ("silent", "ethanol"), ("acetone", "acetone")]
    counts, found = scores(files(pairs, spectra))
    assert counts == {"pairs": 4, "without_carbon_score": 3, "without_proton_score": 1, "unknown_candidates": 1}
    assert list(found) == [f"{owner}:{candidate}" for owner, candidate in pairs]
    assert found["ethanol:nobody"] == {"carbon": None, "proton": None}
    assert found["ethanol:water"]["carbon"] is None
    assert found["ethanol:water"]["proton"] < 0
    assert found["silent:ethanol"]["carbon"] is None


def test_scores_do_not_depend_on_the_other_pairs_or_the_order_of_lines(files):
    _, together = scores(files([(owner, candidate) for owner in SPECTRA for candidate in SPECTRA]))
    turned = {name: (carbons[::-1], protons[::-1]) for name, (carbons, protons) in SPECTRA.items()}
    counts, alone = scores(files([("butanone", "acetone", "val"), ("toluene", "toluene", "train")], turned))
    assert counts["pairs"] == 1
    assert alone == {"butanone:acetone": together["butanone:acetone"]}


def test_owners_without_spectra_and_tables_without_held_out_pairs_are_refused(files):
    with pytest.raises(InputError, match=r"spectra\.parquet: lacks benzene"):
        score_pairs(*files([("benzene", "toluene")]))
    with pytest.raises(InputError, match=r"pairs\.parquet: no pair of the parts val and test"):
        score_pairs(*files([("toluene", "toluene", "train")]))
