import numpy as np
import pytest

from spectraflow.search.exact import Found, search_exact
from spectraflow.search.filters import Filter
from spectraflow.search.library import Library, open_library
from spectraflow.search.results import TruthRanks, overlap, rank_truths, recall, write_candidates
from spectraflow.tables import CANDIDATES, read_table

from .conftest import queries_of

INF = np.inf


def found_with(scores):
    scores = np.array(scores, np.float32)
    rows = np.where(np.isfinite(scores), np.arange(scores.shape[1]), -1)
    return Found(scores, rows, np.full(len(scores), 100))


def with_truth(scores):
    """Queries whose truths score as given (NaN: unknown)."""
    queries = queries_of(len(scores))
    squares = (queries.embeddings**2).sum(1)
    queries.truth[:] = queries.embeddings * (np.array(scores) / squares)[:, None]
    return queries


def test_ties_count_against_the_truth_and_absent_ones_have_no_rank():
    found = found_with([[9, 7, 7, 5]] * 4 + [[9, 7, -INF, -INF]])
    ranks = rank_truths(with_truth([10, 7, 4, np.nan, 1]), found)
    assert ranks.rank.tolist() == [1, 4, 0, 0, 3]
    assert ranks.absent == 1
    assert ranks.known.tolist() == [True, True, True, False, True]


def test_truths_an_index_does_not_reach_are_absent():
    ranks = TruthRanks(np.array([1, 2, 0, 0]), np.array([True, True, True, False]))
    kept = ranks.among(np.array([True, False, True, False]))
    assert kept.rank.tolist() == [1, 0, 0, 0]
    assert (ranks.absent, kept.absent) == (1, 2)


def test_recall_is_over_queries_whose_truth_is_known():
    ranks = TruthRanks(np.array([1, 4, 0, 0]), np.array([True, True, True, False]))
    found = recall(ranks, [1, 5], seed=0)
    assert found["1"]["value"] == pytest.approx(1 / 3)
    assert found["5"]["value"] == pytest.approx(2 / 3)
    assert found["5"]["n"] == 3


def test_overlap_counts_the_exact_best_alone():
    exact = Found(np.zeros((2, 3)), np.array([[4, 5, 6], [7, -1, -1]]), np.zeros(2))
    other = Found(np.zeros((2, 3)), np.array([[6, 4, 1], [7, -1, -1]]), np.zeros(2))
    assert overlap(other, exact, 3).tolist() == pytest.approx([2 / 3, 1])
    assert overlap(other, exact, 1).tolist() == [0, 1]


def test_the_truth_takes_its_place_among_the_candidates(make_library, tmp_path):
    made = make_library()
    queries = queries_of(3)
    shards, library = open_library(made.library, made.shards)
    found = search_exact(queries, shards, library, 5)
    squares = (queries.embeddings**2).sum(1)
    between = (found.scores[:, 1] + found.scores[:, 2]) / 2
    queries.truth[:] = queries.embeddings * (np.array([between[0], 1e6, -1e6]) / squares)[:, None]
    assert write_candidates(tmp_path / "c.parquet", queries, found, library) == []
    rows = read_table(tmp_path / "c.parquet", CANDIDATES).to_pylist()
    named = {q: [row["molecule_id"] for row in rows if row["query_id"] == q] for q in queries.ids}
    best = [[f"lib:{row}" for row in one] for one in found.rows.tolist()]
    assert named["q:0"] == [*best[0][:2], "q:0", *best[0][2:4]]
    assert named["q:1"] == ["q:1", *best[1][:4]]
    assert named["q:2"] == best[2]
    for name in queries.ids:
        scores = [row["score"] for row in rows if row["query_id"] == name]
        assert scores == sorted(scores, reverse=True)
        assert [row["rank"] for row in rows if row["query_id"] == name] == [1, 2, 3, 4, 5]


def test_queries_without_candidates_are_named(make_library, tmp_path):
    made, queries = make_library(), queries_of(3, truths=False)
    queries.formulas[1] = "C99H1"
    shards, library = open_library(made.library, made.shards)
    found = search_exact(queries, shards, library, 5, Filter("formula"))
    assert write_candidates(tmp_path / "c.parquet", queries, found, Library.open(made.library)) == ["q:1"]
