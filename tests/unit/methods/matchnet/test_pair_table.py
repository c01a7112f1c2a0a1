"""Pairs as rows of a store, by part and by test set."""

from collections import Counter

import numpy as np
import pytest

from spectraflow.errors import InputError
from spectraflow.methods.matchnet.data import MatchStore
from spectraflow.methods.matchnet.pair_table import BALANCED, Pairs, read_pairs
from spectraflow.tables import PAIRS, read_table
from tests.unit.conftest import write_rows
from tests.unit.methods.matchnet.matching_files import write_matching_files


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return write_matching_files(tmp_path_factory.mktemp("pairs"), 40)


@pytest.fixture(scope="module")
def store(files):
    return MatchStore.read(files.spectra, files.rendered)


def some_pairs(*rows):
    """Pairs of rows (set, owner, candidate)."""
    sets, owners, candidates = zip(*rows, strict=True)
    ids = np.array([":".join(map(str, row)) for row in rows], dtype=object)
    owned = np.array(owners)
    return Pairs("test", ids, np.array(sets, dtype=object), owned, np.array(candidates), owned == candidates)


def changed_pairs(files, tmp_path, **difference):
    """The table of pairs with another first row."""
    rows = read_table(files.pairs, PAIRS).to_pylist()
    return write_rows(tmp_path / "changed.parquet", PAIRS, [{**rows[0], **difference}, *rows[1:]])


@pytest.mark.parametrize("part", ["train", "val", "test"])
def test_pairs_of_a_part_are_rows_of_the_store(files, store, part):
    pairs = read_pairs(files.pairs, store, part)
    expected = [row for row in read_table(files.pairs, PAIRS).to_pylist() if row["part"] == part]
    found = zip(pairs.ids, pairs.sets, pairs.owners, pairs.candidates, pairs.labels.tolist(), strict=True)
    ids = store.molecule_ids
    assert [(name, kind, ids[owner], ids[candidate], label) for name, kind, owner, candidate, label in found] == [
        (row["pair_id"], row["test_set"], row["owner_id"], row["candidate_id"], row["label"]) for row in expected
    ]
    assert pairs.part == part
    assert len(pairs) == len(expected)
    assert np.array_equal(pairs.labels, pairs.owners == pairs.candidates)


def test_a_set_is_its_negatives_and_the_true_pairs_of_their_owners():
    pairs = some_pairs(("true", 0, 0), ("true", 1, 1), ("true", 2, 2), ("near", 0, 1), ("sim", 2, 0), ("sim", 1, 0))
    assert pairs.places_of("near").tolist() == [0, 3]
    assert pairs.places_of("sim").tolist() == [1, 2, 4, 5]
    assert pairs.places_of("true").tolist() == [0, 1, 2]
    assert pairs.places_of("isomer").tolist() == []
    assert pairs.names == ["near", "sim"]


@pytest.mark.parametrize("name", BALANCED)
def test_of_a_balanced_set_every_molecule_is_once_right_and_once_wrong(files, store, name):
    pairs = read_pairs(files.pairs, store, "test")
    chosen = pairs.take(pairs.places_of(name))
    for label in (True, False):
        for rows in (chosen.owners, chosen.candidates):
            assert Counter(rows[chosen.labels == label].tolist()) == dict.fromkeys(range(32, 40), 1)


def test_pairs_are_taken_together():
    pairs = some_pairs(("true", 0, 0), ("true", 1, 1), ("near", 0, 1))
    for chosen in (np.array([2, 1]), np.array([False, True, True])):
        taken = pairs.take(chosen)
        assert set(zip(taken.ids, taken.owners.tolist(), taken.labels.tolist(), strict=True)) == {
            ("near:0:1", 0, False),
            ("true:1:1", 1, True),
        }
    assert len(pairs.take(np.zeros(3, bool))) == 0


@pytest.mark.parametrize("column", ["owner_id", "candidate_id"])
def test_a_pair_of_an_unknown_molecule_is_an_error(files, store, tmp_path, column):
    path = changed_pairs(files, tmp_path, **{column: "toy:99"})
    with pytest.raises(InputError, match=r"changed\.parquet: 1 molecules are unknown, such as toy:99"):
        read_pairs(path, store, "train")
    # the other parts do not know of it
    assert len(read_pairs(path, store, "test"))


def test_a_part_without_pairs_is_an_error(files, store):
    with pytest.raises(InputError, match=r"pairs\.parquet: no pairs of the part external"):
        read_pairs(files.pairs, store, "external")
