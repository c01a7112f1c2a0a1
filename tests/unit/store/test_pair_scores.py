import numpy as np
import pytest

from spectraflow.errors import InputError
from spectraflow.store.pair_scores import UNKNOWN, HeldOutPairs, write_pair_scores
from spectraflow.tables import PAIR_SCORES, PAIRS, TableWriter, read_table


@pytest.fixture
def pairs(tmp_path):
    asked = [("test", "b", "a"), ("train", "a", "a"), ("val", "a", "x"), ("test", "a", "b")]
    with TableWriter(tmp_path / "pairs.parquet", PAIRS) as writer:
        writer.write_rows(
            [
                {
                    "pair_id": f"{owner}:{candidate}",
                    "part": part,
                    "test_set": "near",
                    "owner_id": owner,
                    "candidate_id": candidate,
                    "label": owner == candidate,
                }
                for part, owner, candidate in asked
            ]
        )
    return HeldOutPairs.read(tmp_path / "pairs.parquet")


def test_pairs_of_val_and_test_keep_their_order(pairs):
    assert pairs.pair_ids == ["b:a", "a:x", "a:b"]


def test_owners_must_be_known_and_candidates_may_not(pairs, tmp_path):
    assert pairs.owner_rows(["a", "c", "b"], tmp_path).tolist() == [2, 0, 0]
    assert pairs.candidate_rows(["a", "c", "b"]).tolist() == [0, UNKNOWN, 2]
    with pytest.raises(InputError, match="lacks b and 0 more"):
        pairs.owner_rows(["a"], tmp_path)


def test_scores_are_null_where_there_is_none(pairs, tmp_path):
    counts = write_pair_scores(tmp_path / "s.parquet", pairs, np.array([1.5, np.nan, 0]), np.full(3, np.nan))
    assert counts == {"pairs": 3, "without_carbon_score": 1, "without_proton_score": 3}
    table = read_table(tmp_path / "s.parquet", PAIR_SCORES)
    assert table.to_pydict() == {"pair_id": pairs.pair_ids, "carbon": [1.5, None, 0.0], "proton": [None] * 3}


def test_an_infinite_score_is_an_error(pairs, tmp_path):
    with pytest.raises(ValueError, match="infinite"):
        write_pair_scores(tmp_path / "s.parquet", pairs, np.array([1.5, -np.inf, 0]), np.zeros(3))
    assert not (tmp_path / "s.parquet").exists()
