"""Retrieval by score: which candidates, which ranks, and what knows nothing must find nothing."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from spectraflow.methods.matchnet.assignment import tanimoto
from spectraflow.methods.matchnet.candidates import (
    KINDS,
    CandidateLists,
    EmbeddedPairs,
    candidate_lists,
    ranks,
    retrieval,
)
from spectraflow.methods.matchnet.candidates import _figures as figures
from spectraflow.methods.matchnet.data import MatchStore
from spectraflow.methods.matchnet.fitting import Examples
from spectraflow.methods.matchnet.settings import ExaminationSettings
from tests.unit.methods.matchnet.matching_files import small_run, untrained, write_matching_files

CANDIDATES, QUERIES = 8, 120


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    files = write_matching_files(tmp_path_factory.mktemp("candidates"), 30)
    return MatchStore.read(files.spectra, files.rendered)


@pytest.fixture(scope="module")
def formulas(store):
    """Two formulas, and molecules of unknown formula."""
    return [("C2H6", "C3H8", None)[row % 3] for row in range(len(store))]


def one_list(others=4):
    return CandidateLists(np.array([0]), [np.arange(1, others + 1)])


def rank_with(scores, seed=0):
    return ranks(lambda _, candidates: np.array(scores)[candidates], np.array([0]), one_list(len(scores) - 1), seed)[0]


@pytest.mark.parametrize(
    ("scores", "rank"),
    [
        ([3.0, 2.0, 1.0], 1),
        ([2.0, 3.0, 1.0], 2),
        ([2.0, 2.0, 2.0], 3),
        ([2.0, 2.0 - 1e-7, 1.0], 2),
        ([0.0, -1e-7, -1.0], 2),
        ([2.0, np.nan, 1.0], 2),
        ([np.nan, 2.0, 1.0], 3),
    ],
    ids=["first", "second", "ties", "nearly a tie", "nearly a tie at 0", "NaN beside it", "NaN itself"],
)
def test_ties_and_missing_numbers_count_against_the_truth(scores, rank):
    assert rank_with(scores) == rank


def test_the_order_of_candidates_changes_nothing():
    scores = np.random.default_rng(1).integers(4, size=30).astype(float)
    assert len({int(rank_with(scores, seed)) for seed in range(8)}) == 1


def test_candidates_are_shown_in_random_order():
    places = []

    def watch(_, candidates):
        places.append(int(np.flatnonzero(candidates == 0)[0]))
        return np.zeros(len(candidates))

    for seed in range(20):
        ranks(watch, np.array([0]), one_list(9), seed)
    assert len(set(places)) > 4


def oracle(spectrum, candidates):
    """Knows which molecule a spectrum belongs to; of the others it has an opinion that depends on the pair alone."""
    opinions = [np.random.default_rng([spectrum, row]).normal() for row in candidates.tolist()]
    return np.where(candidates == spectrum, 100.0, opinions)


def test_with_the_spectra_of_others_even_an_oracle_is_at_chance():
    others = [np.delete(np.arange(QUERIES), query)[: CANDIDATES - 1] for query in range(QUERIES)]
    lists = CandidateLists(np.arange(QUERIES), others)
    found = figures(oracle, lists, np.arange(QUERIES) < 60, ExaminationSettings(k=[1, 4, 20]))
    assert found["hits"]["1"]["value"] == 1.0
    assert found["mrr"]["value"] == 1.0
    assert found["chance"] == {"1": 1 / 8, "4": 0.5, "20": 1.0}
    for k, sd in (("1", 0.030), ("4", 0.046)):
        assert found["permuted"][k]["value"] == pytest.approx(found["chance"][k], abs=4 * sd)
    assert (found["queries"], found["size"], found["trained"]) == (QUERIES, 8.0, 1.0)


def test_a_single_query_has_no_other_spectra():
    found = figures(oracle, one_list(), np.zeros(5, bool), ExaminationSettings(k=[1]))
    assert found["permuted"]["1"] == {"value": None, "low": None, "high": None, "n": 0}
    assert found["hits"]["1"]["value"] == 1.0


@pytest.mark.parametrize("kind", KINDS)
def test_candidates_are_distinct_others(store, formulas, kind):
    queries = np.array([0, 4, 2])
    lists = candidate_lists(kind, CANDIDATES, queries, store, formulas, 0)
    assert lists.queries.tolist() == ([0, 4] if kind == "formula" else queries.tolist())
    for query, others in zip(lists.queries.tolist(), lists.others, strict=True):
        assert query not in others
        assert len(set(others.tolist())) == len(others) == CANDIDATES - 1
        if kind == "formula":
            assert {formulas[row] for row in others} == {formulas[query]}
    again = candidate_lists(kind, CANDIDATES, queries, store, formulas, 0)
    assert all(np.array_equal(one, two) for one, two in zip(lists.others, again.others, strict=True))


def test_near_candidates_are_the_most_similar(store, formulas):
    (others,) = candidate_lists("near", CANDIDATES, np.array([3]), store, formulas, 0).others
    similarity = tanimoto(store.fingerprints[[3]], store.fingerprints)[0]
    assert similarity[others].min() >= np.delete(similarity, [3, *others]).max()
    assert np.all(np.diff(similarity[others]) <= 0)


def test_no_molecule_with_the_first_block_of_the_query_is_a_candidate(store, formulas):
    blocks = list(store.first_blocks)
    blocks[6] = blocks[3]
    twins = replace(store, first_blocks=blocks)
    for kind in KINDS:
        lists = candidate_lists(kind, 1000, np.array([3]), twins, formulas, 0)
        assert 6 not in lists.others[0]
        assert len(lists.others[0]) == (8 if kind == "formula" else 28)


def test_scores_of_embedded_pairs_are_the_logits_of_pairs(store):
    matcher = untrained(small_run())
    lists = CandidateLists(np.array([4, 9]), [np.array([1, 2, 17]), np.array([0, 29])])
    scores = EmbeddedPairs.of(matcher, store, [lists])
    for owner, candidates in ((4, [1, 4, 17, 0]), (9, [29, 9])):
        rows = np.array(candidates)
        pairs = Examples(np.full(len(rows), owner), rows, rows == owner)
        np.testing.assert_allclose(scores(owner, rows), matcher.logits(store, pairs), atol=1e-5)


def test_retrieval_by_a_network(store, formulas):
    settings = ExaminationSettings(candidates=[2, 6], k=[1, 5])
    matcher = untrained(small_run(network={"blind": "molecule"}))
    trained = np.zeros(len(store), bool)
    found = retrieval(matcher, store, formulas, np.arange(0, 12), trained, settings)
    assert list(found) == [f"{count}/{kind}" for count in (2, 6) for kind in KINDS]
    assert found["6/random"]["queries"] == 12
    assert found["6/formula"]["queries"] == 8
    # all molecules are one to it: every candidate ties with the truth
    assert {one["hits"]["1"]["value"] for one in found.values()} == {0.0}
    assert found["6/near"]["mrr"]["value"] == pytest.approx(1 / 6)
    assert {one["trained"] for one in found.values()} == {0.0}
    assert torch.is_grad_enabled()
    assert retrieval(matcher, store, [None] * len(store), np.arange(0), trained, settings) == {}
