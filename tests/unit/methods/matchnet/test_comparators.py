"""Line counts and boosted trees as matchers."""

import numpy as np
import pytest

from spectraflow.errors import InputError
from spectraflow.evaluation.matching import area_under_curve
from spectraflow.methods.matchnet.baselines.boosted_trees import BoostedTrees, TreeFeatures
from spectraflow.methods.matchnet.baselines.line_counts import VARIANTS, line_count_scores
from spectraflow.methods.matchnet.comparators import LineCounts, Trees, fit_comparator
from spectraflow.methods.matchnet.data import MatchStore
from spectraflow.methods.matchnet.fitting import Examples, balanced
from spectraflow.methods.matchnet.pair_table import read_pairs
from spectraflow.tables import MATCHING_SPECTRA, read_table
from spectraflow.training.checkpoint import load_checkpoint
from tests.unit.conftest import write_rows
from tests.unit.methods.matchnet.matching_files import small_run, write_matching_files

COUNTS, TREES = small_run(kind="line_counts"), small_run(kind="boosted_trees", trees=20)
SMILES = ["CCO", "CCC", "CCCC", "CCN", "CCCO", "CC(C)O", "CCF", "CCCN", "CCCF", "CC(C)N"]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return write_matching_files(tmp_path_factory.mktemp("comparators"), 60)


@pytest.fixture(scope="module")
def store(files):
    return MatchStore.read(files.spectra, files.rendered)


@pytest.fixture(scope="module")
def pairs(files, store):
    return {part: read_pairs(files.pairs, store, part) for part in ("train", "val", "test")}


def examples(pairs, name="near"):
    chosen = pairs.take(pairs.places_of(name))
    return Examples(chosen.owners, chosen.candidates, chosen.labels)


def fitted(settings, store, pairs):
    return fit_comparator(settings, store, examples(pairs["train"]), examples(pairs["val"]))


def test_line_counts_rank_pairs_by_their_differences(files, store, pairs):
    model, test = fitted(COUNTS, store, pairs), pairs["test"]
    assert isinstance(model, LineCounts)
    assert model.any_pair
    differences = line_count_scores(files.spectra, files.pairs)["line_counts"][len(pairs["val"]) :]
    logits = model.logits(store, test)
    assert np.corrcoef(logits, differences)[0, 1] == pytest.approx(1.0)
    assert area_under_curve(test.labels, logits) > 0.7


def test_each_nested_count_is_judged_on_every_set(store, pairs):
    model, test = fitted(COUNTS, store, pairs), pairs["test"]
    found = model.figures(store, test)
    assert set(found) == {f"{name}/auc_{variant}" for name in test.names for variant in VARIANTS}
    places = test.places_of("uniform")
    expected = area_under_curve(test.labels[places], model.logits(store, test)[places])
    assert found["uniform/auc_line_counts"].value == pytest.approx(expected)
    assert len({found[f"uniform/auc_{variant}"].value for variant in VARIANTS}) > 1
    assert found["uniform/auc_lines"].n == len(places)


def test_pairs_of_a_missing_spectrum_have_no_line_counts(files, store, pairs, tmp_path):
    rows = read_table(files.spectra, MATCHING_SPECTRA).to_pylist()
    owner = int(pairs["test"].owners[0])
    rows[owner] |= {"carbon_ppm": [], "carbon_area": []}
    spectra = write_rows(tmp_path / "spectra.parquet", MATCHING_SPECTRA, rows)
    gaps = MatchStore.read(spectra, files.rendered)
    model = fitted(COUNTS, gaps, pairs)
    missing = np.isnan(model.logits(gaps, pairs["test"]))
    assert np.array_equal(missing, pairs["test"].owners == owner)
    assert all(0 <= one.value <= 1 for one in model.figures(gaps, pairs["test"]).values())


def test_trees_learn_from_the_training_pairs(store, pairs):
    model = fitted(TREES, store, pairs)
    assert isinstance(model, Trees)
    assert model.figures(store, pairs["test"]) == {}
    training = examples(pairs["train"])
    assert area_under_curve(training.labels, model.logits(store, training)) > 0.99
    assert area_under_curve(pairs["test"].labels, model.logits(store, pairs["test"])) > 0.7


def test_trees_read_the_spectra_of_owners_and_the_molecules_of_candidates(files, store, pairs):
    model = fitted(TREES, store, pairs)
    owners, candidates = np.array([3, 0]), np.array([1, 2])
    pair = Examples(owners, candidates, np.zeros(2, bool))
    features = TreeFeatures.read(files.spectra, files.rendered)
    expected = model.model.logits(features.of_pairs(owners, candidates))
    assert np.array_equal(model.logits(store, pair), expected)
    assert not np.allclose(expected, model.model.logits(features.of_pairs(candidates, owners)))


def test_saved_trees_give_the_same_logits(store, pairs, tmp_path):
    model = fitted(TREES, store, pairs)
    model.save(tmp_path / "model.safetensors")
    tensors, state = load_checkpoint(tmp_path / "model.safetensors")
    assert state["settings"]["kind"] == "boosted_trees"
    again = Trees(TREES, BoostedTrees.from_tensors(20, tensors))
    np.testing.assert_allclose(again.logits(store, pairs["test"]), model.logits(store, pairs["test"]))


def test_saved_line_counts_are_their_curve(store, pairs, tmp_path):
    model = fitted(COUNTS, store, pairs)
    model.save(tmp_path / "model.safetensors")
    tensors, state = load_checkpoint(tmp_path / "model.safetensors")
    assert not tensors
    assert state["curve"] == model.curve.as_dict()


@pytest.mark.parametrize("settings", [COUNTS, TREES], ids=["line counts", "trees"])
def test_another_data_set_is_judged_by_its_own_molecules(store, pairs, tmp_path, settings):
    model = fitted(settings, store, pairs)
    before = model.logits(store, pairs["test"])
    other = write_matching_files(tmp_path / "other", smiles=SMILES)
    others = MatchStore.read(other.spectra, other.rendered)
    asked = balanced(np.arange(10), np.roll(np.arange(10), 1))
    fresh = type(model)(settings, model.curve if settings is COUNTS else model.model)
    assert np.array_equal(model.logits(others, asked), fresh.logits(others, asked))
    assert not np.array_equal(model.logits(others, asked), model.logits(store, asked))
    assert np.array_equal(model.logits(store, pairs["test"]), before)


def test_rendered_spectra_are_needed(files, pairs):
    with pytest.raises(InputError, match="comparators need rendered spectra"):
        fitted(TREES, MatchStore.read(files.spectra), pairs)
