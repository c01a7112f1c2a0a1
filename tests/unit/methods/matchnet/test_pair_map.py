"""The map of pairs, and the numbers beside it."""

import numpy as np
import pytest

from spectraflow.methods.matchnet.data import MatchStore
from spectraflow.methods.matchnet.pair_map import last_layer_inputs, map_pairs, mapped_pairs, separation, standardised
from spectraflow.methods.matchnet.pair_table import read_pairs
from spectraflow.methods.matchnet.settings import ExaminationSettings
from spectraflow.tables import PAIR_MAP, read_table
from tests.unit.methods.matchnet.matching_files import small_run, untrained, write_matching_files


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    files = write_matching_files(tmp_path_factory.mktemp("map"), 40)
    store = MatchStore.read(files.spectra, files.rendered)
    return store, read_pairs(files.pairs, store, "test")


@pytest.mark.parametrize(("most", "pairs"), [(2000, 16), (10, 10), (11, 10), (1, 4)])
def test_pairs_are_balanced_and_fixed(data, most, pairs):
    chosen = mapped_pairs(data[1], ExaminationSettings(mapped_pairs=most))
    assert len(chosen) == pairs
    assert set(chosen.sets.tolist()) == {"true", "near"}
    assert np.unique(chosen.owners, return_counts=True)[1].tolist() == [2] * (pairs // 2)
    assert chosen.labels.sum() == pairs // 2
    assert mapped_pairs(data[1], ExaminationSettings(mapped_pairs=most)).ids.tolist() == chosen.ids.tolist()


def test_a_map_is_written(data, tmp_path):
    matcher = untrained(small_run())
    found = map_pairs(matcher, *data, ExaminationSettings(), tmp_path / "map.parquet")
    table = read_table(tmp_path / "map.parquet", PAIR_MAP)
    assert found["pairs"] == table.num_rows == 16
    assert table["pair_id"].to_pylist() == mapped_pairs(data[1], ExaminationSettings()).ids.tolist()
    assert len(set(table["x"].to_pylist())) > 8
    assert -1 <= found["silhouette"] <= 1
    assert 0 <= found["probe_auc"] <= 1


def test_inputs_are_those_of_the_last_layer(data):
    matcher, pairs = untrained(small_run()), mapped_pairs(data[1], ExaminationSettings())
    inputs, last = last_layer_inputs(matcher, data[0], pairs), matcher.network.fusion.output
    assert inputs.shape == (16, 48)
    logits = inputs @ last.weight.detach().numpy()[0] + last.bias.item()
    np.testing.assert_allclose(logits, matcher.logits(data[0], pairs), atol=1e-4)


def test_columns_that_do_not_vary_are_left_at_zero():
    found = standardised(np.array([[1.0, 5.0], [3.0, 5.0]]))
    np.testing.assert_allclose(found, [[-1, 0], [1, 0]])


def test_the_numbers_tell_apart_what_is_apart():
    generator = np.random.default_rng(0)
    owners, labels = np.repeat(np.arange(100), 2), np.tile([True, False], 100)
    inputs = generator.normal(size=(200, 6))
    mixed = separation(inputs, labels, owners)
    apart = separation(inputs + 10 * labels[:, None], labels, owners)
    assert apart["silhouette"] > 0.7
    assert apart["probe_auc"] == 1.0
    assert abs(mixed["silhouette"]) < 0.05
    assert mixed["probe_auc"] == pytest.approx(0.5, abs=0.12)


def test_the_probe_is_not_asked_about_owners_it_was_fitted_on():
    """Of two pairs of an owner one is the other's mirror: who knows one knows the other, but no other owner."""
    generator = np.random.default_rng(1)
    owners, labels = np.repeat(np.arange(30), 2), np.tile([True, False], 30)
    own = generator.choice([-1.0, 1.0], size=(30, 60)).repeat(2, axis=0) * np.where(labels, 1, -1)[:, None]
    assert separation(own, labels, owners)["probe_auc"] < 0.75
