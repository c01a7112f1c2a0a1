from dataclasses import replace

import numpy as np
import pytest

from spectraflow.errors import InputError
from spectraflow.evaluation.calibration import expected_calibration_error
from spectraflow.retrieval.reranking import (
    Reranker,
    ScoredCandidates,
    compare_rerankers,
    reranking_metrics,
    truth_ranks,
    with_columns,
)


def queries(
    count: int, strength: tuple[float, ...], seed: int = 0, candidates: int = 8, absent: float = -np.inf
) -> list[ScoredCandidates]:
    """Scores of unit noise; the truth, or none, is drawn with the probabilities that `strength` and `absent` give."""
    generator = np.random.default_rng(seed)
    made = []
    for number in range(count):
        scores = generator.normal(size=(candidates, len(strength)))
        odds = np.exp(np.append(scores @ np.array(strength), absent))
        drawn = int(generator.choice(candidates + 1, p=odds / odds.sum()))
        made.append(ScoredCandidates(str(number), scores, drawn if drawn < candidates else None))
    return made


def test_fit_finds_the_weights_that_made_the_truths():
    fitted = Reranker.fit(queries(4000, (2.0, 0.5, 0.0)))
    assert fitted.weights / fitted.spread == pytest.approx([2.0, 0.5, 0.0], abs=0.1)


def test_probabilities_of_fitted_scores_come_true():
    asked = queries(4000, (2.0,), seed=1)
    fitted = Reranker.fit(queries(4000, (2.0,)))
    assert reranking_metrics(asked, fitted, [1])["calibration"]["expected_error"] < 0.03
    overconfident = Reranker(fitted.center, fitted.spread, fitted.weights * 4)
    stated = np.array([overconfident.probabilities(one).max() for one in asked])
    assert expected_calibration_error(stated, truth_ranks(asked, overconfident) == 1) > 0.15


def test_two_scores_beat_each_of_them():
    _, metrics = compare_rerankers(
        queries(2000, (1.5, 1.5)), queries(2000, (1.5, 1.5), seed=1), {"one": (0,), "two": (1,), "both": (0, 1)}, [1, 5]
    )
    best = metrics["both"]["recall"]["1"]["value"]
    assert best > max(metrics[name]["recall"]["1"]["value"] for name in ("one", "two")) + 0.1
    assert metrics["both"]["recall"]["5"]["value"] > best


def test_ties_count_against_the_truth():
    one = ScoredCandidates("a", np.array([[1.0], [1.0], [0.0]]), 0)
    assert truth_ranks([one], Reranker(np.zeros(1), np.ones(1), np.ones(1))).tolist() == [2]


def test_absent_truth_is_missed_and_lowers_the_calibrated_share():
    present = ScoredCandidates("a", np.array([[3.0], [0.0]]), 0)
    absent = ScoredCandidates("b", np.array([[3.0], [0.0]]), None)
    metrics = reranking_metrics([present, absent], Reranker(np.zeros(1), np.ones(1), np.ones(1)), [1, 2])
    assert metrics["recall"]["1"]["value"] == metrics["recall"]["2"]["value"] == 0.5
    (row,) = metrics["calibration"]["bins"]
    assert row["n"] == 2
    assert row["happened"] == 0.5


def test_query_without_candidates_is_missed():
    metrics = reranking_metrics(
        [ScoredCandidates("a", np.zeros((0, 1)), None)], Reranker(np.zeros(1), np.ones(1), np.ones(1)), [1]
    )
    assert metrics["recall"]["1"]["value"] == 0


def test_absent_truths_take_their_share_of_the_probability():
    fitted = Reranker.fit(queries(4000, (2.0,), absent=2.5))
    asked = queries(4000, (2.0,), seed=1, absent=2.5)
    share = np.mean([one.truth is None for one in asked])
    assert 0.2 < share < 0.6
    assert np.mean([1 - fitted.probabilities(one).sum() for one in asked]) == pytest.approx(share, abs=0.03)
    assert reranking_metrics(asked, fitted, [1])["calibration"]["expected_error"] < 0.03
    without = Reranker(fitted.center, fitted.spread, fitted.weights)
    assert reranking_metrics(asked, without, [1])["calibration"]["expected_error"] > 0.1


def test_confidence_comes_true_even_where_the_model_is_wrong():
    """Truths are absent whatever the scores say, which no option of constant weight can know."""

    def some_absent(seed: int) -> list[ScoredCandidates]:
        made = enumerate(queries(3000, (2.0,), seed))
        return [ScoredCandidates(one.query_id, one.scores, None if i % 3 == 0 else one.truth) for i, one in made]

    fitted, asked = Reranker.fit(some_absent(0)), some_absent(1)
    assert reranking_metrics(asked, fitted, [1])["calibration"]["expected_error"] < 0.03
    assert reranking_metrics(asked, replace(fitted, steps=None), [1])["calibration"]["expected_error"] > 0.05
    confidences = [fitted.confidence(one) for one in asked]
    assert 0 <= min(confidences) < max(confidences) <= 1


def test_minus_infinity_rules_a_candidate_out():
    one = ScoredCandidates("a", np.array([[5.0, -np.inf], [0.0, 0.0], [-1.0, 0.0]]), 1)
    both = Reranker(np.zeros(2), np.ones(2), np.ones(2))
    assert both.probabilities(one)[0] == 0
    assert both.probabilities(one).sum() == pytest.approx(1)
    assert truth_ranks([one], both).tolist() == [1]
    assert truth_ranks([ScoredCandidates("a", one.scores, 0)], both).tolist() == [0]


def test_all_ruled_out_has_no_probability():
    one = ScoredCandidates("a", np.full((2, 1), -np.inf), 0)
    assert Reranker(np.zeros(1), np.ones(1), np.ones(1)).probabilities(one).tolist() == [0, 0]


@pytest.mark.parametrize(
    "useless",
    [[], [ScoredCandidates("a", np.zeros((2, 1)), None)], [ScoredCandidates("a", np.full((2, 1), -np.inf), 0)]],
)
def test_nothing_to_fit_on_is_an_error(useless):
    with pytest.raises(InputError, match="fit on"):
        Reranker.fit(useless)


def test_order_of_candidates_does_not_matter():
    fitted = Reranker.fit(queries(200, (1.0,)))
    one = queries(1, (1.0,), seed=3)[0]
    order = np.random.default_rng(0).permutation(len(one.scores))
    shuffled = ScoredCandidates(one.query_id, one.scores[order], int(np.flatnonzero(order == one.truth)[0]))
    assert fitted.probabilities(shuffled) == pytest.approx(fitted.probabilities(one)[order])
    assert truth_ranks([shuffled], fitted).tolist() == truth_ranks([one], fitted).tolist()


def test_columns_are_picked_in_order():
    (one,) = with_columns([ScoredCandidates("a", np.array([[1.0, 2.0, 3.0]]), 0)], (2, 0))
    assert one.scores.tolist() == [[3.0, 1.0]]
