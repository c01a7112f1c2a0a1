from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rdkit import Chem

from spectraflow.errors import InputError
from spectraflow.methods.matchnet.baselines.line_counts import (
    COUNTS,
    VARIANTS,
    count_features_of_molecules,
    count_features_of_spectra,
    line_count_scores,
)
from spectraflow.tables import MATCHING_SPECTRA, PAIRS, TableWriter

SPECTRA = {
    "toluene": ("Cc1ccccc1", [21.4, 125.3, 128.2, 129.0, 137.8], [2.34, 7.15, 7.17, 7.25]),
    "ethanol": ("CCO", [18.1, 57.8], [1.22, 2.61, 3.69]),
    "acetone": ("CC(C)=O", [30.6, 206.7], [2.17]),
    "butanone": ("CCC(C)=O", [7.9, 29.4, 36.9, 209.3], [1.06, 2.14, 2.45]),
}


def spectrum_row(name, smiles, carbons, protons):
    return {
        "molecule_id": name,
        "first_block": name,
        "smiles": smiles,
        "carbon_ppm": carbons,
        "proton_ppm": protons,
        "origin": "measured",
    }


def pair_row(owner, candidate, part="test"):
    return {
        "pair_id": f"{owner}:{candidate}",
        "part": part,
        "test_set": "near",
        "owner_id": owner,
        "candidate_id": candidate,
        "label": owner == candidate,
    }


@pytest.fixture
def files(tmp_path: Path):
    def write(spectra, pairs):
        with TableWriter(tmp_path / "spectra.parquet", MATCHING_SPECTRA) as writer:
            writer.write_rows([spectrum_row(name, *one) for name, one in spectra.items()])
        with TableWriter(tmp_path / "pairs.parquet", PAIRS) as writer:
            writer.write_rows([pair_row(*one) for one in pairs])
        return tmp_path / "spectra.parquet", tmp_path / "pairs.parquet"

    return write


def spectra_counts(*lists):
    return count_features_of_spectra(
        pa.table({"carbon_ppm": [c for c, _ in lists], "proton_ppm": [h for _, h in lists]})
    )


@pytest.mark.parametrize(
    ("smiles", "counts"),
    [
        ("Cc1ccccc1", [5, 4, 0, 0, 4]),  # toluene: four kinds of aromatic carbons
        ("CCO", [2, 0, 0, 1, 3]),
        ("CC(C)=O", [2, 1, 1, 0, 1]),
        ("CC(=O)OC(C)(C)C", [4, 1, 1, 1, 2]),
        ("CC#N", [2, 1, 0, 0, 1]),  # a nitrile lies above 90 ppm, an alkyne does not
        ("CC#CC", [2, 0, 0, 0, 1]),
        ("C=C=C", [2, 2, 0, 0, 1]),
        ("C[C@H](O)[C@@H](C)O", [2, 0, 0, 1, 3]),  # classes of the constitution
        ("O", [0, 0, 0, 0, 1]),
    ],
)
def test_classes_of_molecules(smiles, counts):
    assert count_features_of_molecules([smiles]).tolist() == [counts]


@given(st.sampled_from([smiles for smiles, _, _ in SPECTRA.values()]), st.randoms(use_true_random=False))
def test_classes_do_not_depend_on_the_order_of_atoms(smiles, random):
    mol = Chem.MolFromSmiles(smiles)
    order = list(range(mol.GetNumAtoms()))
    random.shuffle(order)
    turned = Chem.MolToSmiles(Chem.RenumberAtoms(mol, order), canonical=False)
    assert np.array_equal(count_features_of_molecules([turned]), count_features_of_molecules([smiles]))


def test_lines_are_counted_in_windows_and_once_if_they_coincide():
    counts = spectra_counts(([20.01, 20.04, 45.0, 60.0, 90.0, 90.1, 154.9, 155.2, 200.0], [1.02, 1.021, 7.0]))
    assert counts.tolist() == [[8, 4, 2, 3, 2]]


@given(st.lists(st.floats(0, 220), min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_the_order_of_lines_does_not_matter(lines, random):
    shuffled = list(lines)
    random.shuffle(shuffled)
    assert np.array_equal(spectra_counts((lines, lines)), spectra_counts((shuffled, shuffled)))


def test_a_missing_spectrum_is_unknown_and_not_zero_lines():
    counts = spectra_counts(([], [1.0]), ([20.0], None))
    assert np.isnan(counts[0, :4]).all()
    assert np.isnan(counts[1, 4])
    assert [counts[0, 4], counts[1, 0]] == [1, 1]


def test_every_spectrum_scores_best_with_its_own_molecule(files):
    names = list(SPECTRA)
    spectra, pairs = files(SPECTRA, [(owner, candidate) for owner in names for candidate in names])
    scores = line_count_scores(spectra, pairs)
    assert list(scores) == list(VARIANTS)
    for variant in ("carbon_counts", "line_counts"):
        matrix = scores[variant].reshape(len(names), -1)
        assert (matrix.argmax(1) == np.arange(len(names))).all()
        assert (np.diagonal(matrix) == 0).all()
    toluene_of_acetone = names.index("toluene") * len(names) + names.index("acetone")
    found = {variant: score[toluene_of_acetone] for variant, score in scores.items()}
    assert found == {"lines": -3, "lines_sp2": -6, "carbon_counts": -7, "line_counts": -10}


def test_a_score_does_not_depend_on_the_other_pairs_and_training_pairs_are_left_out(files):
    asked = [("toluene", "ethanol"), ("acetone", "butanone"), ("butanone", "butanone")]
    spectra, pairs = files(SPECTRA, asked)
    together = line_count_scores(spectra, pairs)["line_counts"]
    spectra, pairs = files(SPECTRA, [("ethanol", "ethanol", "train"), asked[1], (*asked[2], "val")])
    assert line_count_scores(spectra, pairs)["line_counts"].tolist() == together[1:].tolist()


def test_a_pair_of_an_unknown_molecule_is_refused(files):
    with pytest.raises(InputError, match=r"spectra\.parquet: lacks benzene"):
        line_count_scores(*files(SPECTRA, [("toluene", "benzene")]))


def test_an_unreadable_molecule_is_named():
    with pytest.raises(InputError, match="'C1CC'"):
        count_features_of_molecules(["C", "C1CC"])


def test_variants_are_nested():
    assert list(VARIANTS.values()) == sorted(VARIANTS.values())
    assert max(VARIANTS.values()) == len(COUNTS)
