import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import top_k_accuracy_score

from spectraflow.evaluation import assignment
from spectraflow.evaluation.assignment import (
    argmax_assignment,
    assignment_correct,
    carbon_bin,
    chance_multiplicity,
    chance_uniform,
    hungarian_assignment,
    hungarian_capacity_assignment,
    published_assignment,
    shuffled,
)

seeds = st.integers(0, 2**31)


def random_scores(seed, peaks, carbons=None, scale=5.0):
    return np.random.default_rng(seed).normal(scale=scale, size=(peaks, carbons or peaks))


def published_by_double_loop(scores):
    chosen = []
    for i in range(len(scores)):
        shares = [
            math.exp(scores[i][j]) / sum(math.exp(scores[other][j]) for other in range(len(scores)))
            for j in range(len(scores[0]))
        ]
        chosen.append(shares.index(max(shares)))
    return chosen


@given(seeds, st.integers(1, 9))
@settings(max_examples=50, deadline=None)
def test_published_metric_equals_the_double_loop(seed, n):
    scores = random_scores(seed, n)
    assert published_assignment(scores).tolist() == published_by_double_loop(scores.tolist())


def test_published_metric_is_neither_argmax_nor_one_to_one():
    scores = np.array([[9.0, 5.0], [8.0, 1.0]])
    assert argmax_assignment(scores).tolist() == [0, 0]
    assert published_assignment(scores).tolist() == [1, 0]
    shared = np.array([[5.0, 0.0, 0.0], [5.0, 0.0, 0.0], [-9.0, 9.0, 8.0]])
    assert published_assignment(shared).tolist() == [0, 0, 1]


def test_published_metric_survives_scores_of_hundreds():
    scores = random_scores(0, 6, scale=2000.0)
    assert published_assignment(scores).tolist() == [
        int(np.argmax([scores[i, j] - max(scores[:, j]) for j in range(6)])) for i in range(6)
    ]


@given(seeds, st.integers(1, 7))
@settings(max_examples=50, deadline=None)
def test_hungarian_finds_the_best_permutation(seed, n):
    scores = random_scores(seed, n)
    best = max(itertools.permutations(range(n)), key=lambda order: sum(scores[i, order[i]] for i in range(n)))
    assert hungarian_assignment(scores).tolist() == list(best)


@given(seeds, st.lists(st.integers(1, 3), min_size=1, max_size=4).filter(lambda sizes: sum(sizes) < 7))
@settings(max_examples=30, deadline=None)
def test_capacities_are_filled_with_the_largest_total(seed, capacities):
    scores = random_scores(seed, len(capacities), sum(capacities))
    peaks = hungarian_capacity_assignment(scores, np.array(capacities))
    assert np.bincount(peaks, minlength=len(capacities)).tolist() == capacities
    places = [peak for peak, size in enumerate(capacities) for _ in range(size)]
    best = max(
        sum(scores[peak, carbon] for carbon, peak in enumerate(order)) for order in set(itertools.permutations(places))
    )
    assert scores[peaks, np.arange(len(peaks))].sum() == pytest.approx(best)


@pytest.mark.parametrize("assign", [published_assignment, argmax_assignment, hungarian_assignment])
def test_accuracy_does_not_depend_on_the_order_of_atoms_and_peaks(assign):
    generator = np.random.default_rng(5)
    mppm = generator.integers(10, 16, size=12) * 1000
    scores = random_scores(6, 12)
    order = generator.permutation(12)
    right = assignment_correct(assign(scores), mppm)
    assert assignment_correct(assign(scores[np.ix_(order, order)]), mppm[order]).tolist() == right[order].tolist()


@pytest.mark.parametrize("assign", [published_assignment, argmax_assignment, hungarian_assignment])
def test_shuffling_is_undone(assign):
    scores = random_scores(7, 10)
    mixed, undo = shuffled(scores, np.random.default_rng(1))
    assert undo.tolist() != list(range(10))
    assert undo[assign(mixed)].tolist() == assign(scores).tolist()


def test_shuffling_takes_the_gift_of_tied_scores_away():
    scores, mppm = np.zeros((6, 6)), np.arange(6)
    assert assignment_correct(hungarian_assignment(scores), mppm).all()
    generator, right = np.random.default_rng(0), []
    for _ in range(400):
        mixed, undo = shuffled(scores, generator)
        right.append(assignment_correct(undo[hungarian_assignment(mixed)], mppm).mean())
    assert np.mean(right) == pytest.approx(1 / 6, abs=0.03)


def test_argmax_accuracy_equals_sklearn():
    scores = random_scores(8, 15)
    ours = assignment_correct(argmax_assignment(scores), np.arange(15)).mean()
    assert ours == pytest.approx(top_k_accuracy_score(np.arange(15), scores, k=1))


def test_carbons_of_one_shift_count_as_right():
    assert assignment_correct(np.array([1, 0, 2]), np.array([128_500, 128_500, 20_000])).all()
    assert not assignment_correct(np.array([1, 0]), np.array([128_500, 128_501])).any()


def test_capacity_assignment_is_judged_by_the_shift_of_the_peak():
    peaks, carbons = np.array([20_000, 128_500]), np.array([128_500, 20_000, 128_500])
    assert assignment_correct(np.array([1, 0, 0]), peaks, carbons).tolist() == [True, True, False]


def test_shifts_in_ppm_are_refused():
    with pytest.raises(ValueError, match="integers"):
        assignment_correct(np.array([0]), np.array([128.5]))


@pytest.mark.parametrize(
    ("carbons", "counted", "worded"),
    [(1, "<=10", "<10"), (9, "<=10", "<10"), (10, "<=10", "10-20"), (11, "11-20", "10-20"), (20, "11-20", "10-20")],
)
def test_carbon_bins(carbons, counted, worded):
    assert carbon_bin(carbons, "counted") == counted
    assert carbon_bin(carbons, "worded") == worded
    assert carbon_bin(21, "counted") == carbon_bin(21, "worded") == ">20"


def test_bins_are_listed():
    for style in ("counted", "worded"):
        assert {carbon_bin(n, style) for n in range(1, 40)} == set(assignment.CARBON_BINS[style])
    with pytest.raises(ValueError, match="style"):
        carbon_bin(3, "other")


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=12))
def test_chance_equals_the_mean_over_all_guesses(carbons):
    mppm, multiplicity = (np.array(column) for column in zip(*carbons, strict=True))
    guesses = [[j for j in range(len(mppm)) if multiplicity[j] == m] for m in multiplicity]
    by_class = np.mean([np.mean([mppm[j] == mppm[i] for j in js]) for i, js in enumerate(guesses)])
    uniform = np.mean([[mppm[j] == mppm[i] for j in range(len(mppm))] for i in range(len(mppm))])
    assert chance_multiplicity(mppm, multiplicity) == pytest.approx(by_class)
    assert chance_uniform(mppm) == pytest.approx(uniform)


@pytest.mark.parametrize(
    "call",
    [
        lambda: published_assignment(np.array([[1.0, np.nan]])),
        lambda: argmax_assignment(np.zeros(3)),
        lambda: argmax_assignment(np.zeros((2, 0))),
        lambda: hungarian_assignment(np.zeros((3, 2))),
        lambda: hungarian_capacity_assignment(np.zeros((2, 4)), np.array([1, 2])),
        lambda: chance_uniform(np.array([])),
        lambda: chance_multiplicity(np.array([1, 2]), np.array([1])),
    ],
)
def test_bad_input_is_refused(call):
    with pytest.raises(ValueError, match=r"scores|carbons|capacities|multiplicities"):
        call()


def test_no_peaks_give_no_assignment():
    assert published_assignment(np.zeros((0, 0))).shape == argmax_assignment(np.zeros((0, 3))).shape == (0,)
