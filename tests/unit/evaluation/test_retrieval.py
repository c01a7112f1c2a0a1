import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import top_k_accuracy_score

from spectraflow.errors import InputError
from spectraflow.evaluation.retrieval import at_or_above, expected_hits, in_batch_accuracy, sampled_hits


def test_ties_count_against_the_truth():
    library = np.array([[0.5, 0.9, 0.1, 0.5]])
    assert at_or_above(np.array([0.5]), library).tolist() == [3]
    assert at_or_above(np.array([0.95]), library).tolist() == [0]


def test_scores_that_are_not_numbers_count_against_the_truth():
    library = np.array([[np.nan, 0.1, -np.inf], [0.1, 0.2, 0.3]])
    assert at_or_above(np.array([0.5, np.nan]), library).tolist() == [1, 3]


@given(st.integers(1, 7), st.data())
@settings(max_examples=60, deadline=None)
def test_expected_hits_equal_the_share_of_all_libraries(eligible, data):
    better = data.draw(st.integers(0, eligible))
    size = data.draw(st.integers(1, eligible + 1))
    k = data.draw(st.integers(1, size))
    libraries = list(itertools.combinations(range(eligible), size - 1))
    share = np.mean([sum(molecule < better for molecule in library) < k for library in libraries])
    assert expected_hits(np.array([better]), eligible, size, k)[0] == pytest.approx(share, abs=1e-9)


def test_expected_hits_agree_with_explicit_draws():
    above, eligible = np.array([0, 3, 40, 200, 400]), np.array([500, 490, 500, 480, 500])
    expected = expected_hits(above, eligible, 100, 5)
    sampled = sampled_hits(above, eligible, 100, 5, draws=1500, seed=1)
    assert sampled == pytest.approx(expected, abs=4.5 * np.sqrt(0.25 / 1500))
    assert 0.02 < expected[2] < 0.98


def test_the_whole_library_gives_plain_recall():
    generator = np.random.default_rng(0)
    truth, library = generator.random(50), generator.random((50, 200))
    above = at_or_above(truth, library)
    ranks = 1 + (library >= truth[:, None]).sum(axis=1)
    for k in (1, 10, 100):
        assert expected_hits(above, 200, 201, k).tolist() == pytest.approx((ranks <= k).astype(float).tolist())


def test_whole_library_hits_equal_sklearn():
    scores = np.random.default_rng(1).random((30, 30))
    above = at_or_above(np.diagonal(scores), np.where(np.eye(30, dtype=bool), -np.inf, scores))
    hits = expected_hits(above, 29, 30, 5)
    assert hits.mean() == pytest.approx(top_k_accuracy_score(np.arange(30), scores, k=5))
    theirs = [top_k_accuracy_score([i], [row], k=5, labels=np.arange(30)) for i, row in enumerate(scores)]
    assert hits.tolist() == pytest.approx(theirs)


def test_hits_grow_with_k_and_shrink_with_the_library():
    above = np.array([2_000])
    by_k = [expected_hits(above, 600_000, 1_000, k)[0] for k in (1, 5, 10, 25)]
    by_size = [expected_hits(above, 600_000, size, 1)[0] for size in (100, 1_000, 10_000, 100_000)]
    assert by_k == sorted(by_k)
    assert by_size == sorted(by_size, reverse=True)
    assert by_size[-1] < 1e-12
    assert by_size[0] == pytest.approx((1 - 2_000 / 600_000) ** 99, rel=1e-3)


def test_random_scores_hit_by_chance():
    above = np.random.default_rng(2).integers(0, 10_001, size=4_000)
    assert expected_hits(above, 10_000, 100, 5).mean() == pytest.approx(0.05, abs=0.01)


def test_a_library_that_is_too_small_is_refused():
    assert expected_hits(np.array([0]), 99, 100, 1)[0] == 1.0
    for error in (ValueError, InputError):
        with pytest.raises(error, match="101 candidates"):
            expected_hits(np.array([0, 0]), np.array([200, 99]), 101, 1)
    with pytest.raises(ValueError, match="eligible"):
        expected_hits(np.array([5]), 4, 3, 1)
    with pytest.raises(ValueError, match="k and"):
        sampled_hits(np.array([1]), 4, 3, 0)


def test_in_batch_accuracy_of_both_directions():
    scores = np.array([[3.0, 1.0, 1.0], [4.0, 5.0, 1.0], [1.0, 1.0, 2.0]])
    assert in_batch_accuracy(scores) == pytest.approx((1.0, 2 / 3))
    assert in_batch_accuracy(scores.T) == pytest.approx((2 / 3, 1.0))


def test_in_batch_accuracy_equals_sklearn_without_ties_and_is_blind_to_order():
    scores = np.random.default_rng(3).normal(size=(40, 40)) + 2 * np.eye(40)
    rows, columns = in_batch_accuracy(scores)
    assert rows == pytest.approx(top_k_accuracy_score(np.arange(40), scores, k=1))
    assert columns == pytest.approx(top_k_accuracy_score(np.arange(40), scores.T, k=1))
    order = np.random.default_rng(4).permutation(40)
    assert in_batch_accuracy(scores[np.ix_(order, order)]) == pytest.approx((rows, columns))


def test_a_model_that_says_the_same_of_all_gets_nothing():
    assert in_batch_accuracy(np.ones((8, 8))) == (0.0, 0.0)
    assert in_batch_accuracy(np.full((8, 8), np.nan)) == (0.0, 0.0)


@pytest.mark.parametrize("scores", [np.zeros((2, 3)), np.zeros((0, 0)), np.zeros(4)])
def test_in_batch_scores_must_be_square(scores):
    with pytest.raises(ValueError, match="square"):
        in_batch_accuracy(scores)
