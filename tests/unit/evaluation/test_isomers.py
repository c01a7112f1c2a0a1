import itertools

import numpy as np
import pytest

from spectraflow.evaluation.isomers import (
    ScoredGroup,
    formula_groups,
    isomer_metrics,
    one_to_one,
    rank_one,
    score_groups,
)

# Six records: a pair of mirror images (one identity), a stereo twin of that pair, two constitutions, another formula.
FORMULAS = ["A", "A", "A", "A", "A", "B"]
IDENTITIES = ["x", "x", "x'", "y", "z", "other"]
BLOCKS = ["X", "X", "X", "Y", "Z", "O"]


def group_of(queries, candidates=range(6), least=4, seen=()):
    (group,) = formula_groups(FORMULAS, IDENTITIES, BLOCKS, candidates, queries, least=least, seen=seen)
    return group


def scored(scores, group=None):
    scores = np.asarray(scores, float)
    group = group or group_of([0, 2, 3, 4])
    return ScoredGroup(group, scores)


def test_mirror_images_are_one_member_and_one_query():
    group = group_of([0, 1, 3])
    assert group.members.tolist() == [0, 2, 3, 4]
    assert group.queries.tolist() == [0, 3]
    assert group.truth.tolist() == [0, 2]


def test_query_of_the_other_mirror_image_finds_the_standing_record():
    group = group_of([1])
    assert (group.queries.tolist(), group.members[group.truth].tolist()) == ([1], [0])


def test_small_groups_and_groups_without_query_are_left_out():
    assert not formula_groups(FORMULAS, IDENTITIES, BLOCKS, range(6), [0], least=5)
    assert not formula_groups(FORMULAS, IDENTITIES, BLOCKS, range(6), [5], least=4)
    assert len(formula_groups(FORMULAS, IDENTITIES, BLOCKS, range(6), [0, 5], least=1)) == 2


def test_query_outside_the_candidates_is_refused():
    with pytest.raises(ValueError, match="not among the candidates"):
        formula_groups(FORMULAS, IDENTITIES, BLOCKS, [0, 1], [3], least=1)


def test_twins_are_other_members_of_the_same_constitution():
    assert group_of([0, 2, 3]).twins.tolist() == [[False, True, False, False], [True, False, False, False], [False] * 4]


def test_member_is_seen_if_any_record_of_its_identity_is():
    assert group_of([3, 4], seen=[1]).seen.tolist() == [[True, False, False, False]] * 2


def test_ties_count_against_the_truth_within_rounding():
    scores = np.eye(4)
    scores[1, 3] = 1 - 1e-9
    assert rank_one(scored(scores)).tolist() == [1, 0, 1, 1]


def test_competitors_can_be_limited():
    one = scored([[1, 2, 0, 0], [0, 1, 0, 2], [0, 0, 1, 0], [0, 0, 0, 1]])
    assert rank_one(one).tolist() == [0, 0, 1, 1]
    assert rank_one(one, np.array([[True, False, True, True]] * 4)).tolist() == [1, 0, 1, 1]


def test_truth_that_cannot_be_scored_is_no_hit():
    assert rank_one(scored(np.full((4, 4), -np.inf))).tolist() == [0, 0, 0, 0]


def test_one_to_one_has_the_largest_total():
    generator = np.random.default_rng(1)
    for _ in range(20):
        scores = generator.normal(size=(4, 4)) + np.eye(4)
        best = max(itertools.permutations(range(4)), key=lambda order: scores[range(4), order].sum())
        expected = [float(given == truth) for given, truth in zip(best, range(4), strict=True)]
        assert one_to_one(scored(scores), generator).tolist() == expected


def test_one_to_one_does_not_profit_from_the_order_of_the_lists():
    one = scored(np.zeros((4, 4)))
    mean = np.mean([one_to_one(one, np.random.default_rng(seed)).mean() for seed in range(200)])
    assert mean == pytest.approx(0.25, abs=0.06)


def test_one_to_one_takes_impossible_pairs_last():
    scores = np.full((4, 4), -np.inf)
    scores[range(4), [0, 1, 3, 2]] = 1.0
    assert one_to_one(scored(scores), np.random.default_rng(0)).tolist() == [1, 1, 0, 0]


def test_a_few_queries_may_take_any_member():
    group = group_of([3])
    assert one_to_one(ScoredGroup(group, np.array([[0.0, 0.0, 5.0, 1.0]])), np.random.default_rng(0)).tolist() == [1]


def test_metrics_are_means_over_queries():
    groups = formula_groups(FORMULAS, IDENTITIES, BLOCKS, range(6), [0, 2, 3, 5], least=1, seen=[4])
    metrics, rows = isomer_metrics(
        score_groups(groups, lambda queries, members: (queries[:, None] == members).astype(float))
    )
    assert metrics["rank1"].value == metrics["one_to_one"].value == 1
    assert metrics["rank1"].n == 4
    assert metrics["ceiling_without_stereo"].value == pytest.approx(0.5)
    assert metrics["chance"].value == pytest.approx((3 / 4 + 1) / 4)
    assert [(row["formula"], row["members"], row["queries"], row["seen"]) for row in rows] == [
        ("A", 4, 3, 1),
        ("B", 1, 1, 0),
    ]


def test_no_group_has_no_metrics():
    assert isomer_metrics([]) == ({}, [])


@pytest.mark.parametrize("scores", [np.zeros((1, 3)), np.full((1, 4), np.nan)])
def test_unusable_scores_are_refused(scores):
    with pytest.raises(ValueError, match="do not fit"):
        score_groups([group_of([0])], lambda queries, members: scores)


def test_queries_without_a_competitor_of_a_kind_do_not_count_there():
    groups = formula_groups(FORMULAS, IDENTITIES, BLOCKS, range(6), [0, 3, 5], least=1, seen=[4])
    metrics, rows = isomer_metrics(
        score_groups(groups, lambda queries, members: np.zeros((len(queries), len(members))))
    )
    assert (metrics["rank1_among_seen"].n, metrics["rank1_among_seen"].value) == (2, 0)
    assert (metrics["rank1"].n, metrics["rank1"].value) == (3, pytest.approx(1 / 3))
    assert rows[1]["rank1_among_seen"] is None
    assert rows[1]["rank1_among_unseen"] is None
