import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import f1_score

from spectraflow.evaluation.seed_statistics import (
    SeedSummary,
    best_and_not_worse,
    holm,
    paired_difference,
    resampled_f1,
    summarise,
    welch_p,
)


def test_summary_has_the_sample_deviation():
    assert summarise([1.0, 2.0, 4.0]) == SeedSummary(pytest.approx(7 / 3), pytest.approx(1.527525), 3)
    assert math.isnan(summarise([1.0]).sd)
    with pytest.raises(ValueError, match="finite"):
        summarise([1.0, np.nan])


def test_welch_agrees_with_scipy_on_the_runs_themselves():
    generator = np.random.default_rng(0)
    one, other = generator.normal(0.95, 0.01, 8), generator.normal(0.94, 0.03, 5)
    expected = stats.ttest_ind(one, other, equal_var=False).pvalue
    assert welch_p(summarise(one), summarise(other)) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("one", "other", "p"),
    [
        ((0.970, 0.018), (0.947, 0.014), 0.013),
        ((0.921, 0.023), (0.919, 0.012), 0.83),
        ((0.949, 0.008), (0.931, 0.031), 0.15),
    ],
)
def test_published_moments_of_eight_runs_give_their_p_values(one, other, p):
    assert welch_p(SeedSummary(*one, 8), SeedSummary(*other, 8)) == pytest.approx(p, rel=0.05)


def test_welch_without_spread_or_with_one_run():
    assert welch_p(SeedSummary(0.5, 0, 3), SeedSummary(0.5, 0, 3)) == 1
    assert welch_p(SeedSummary(0.6, 0, 3), SeedSummary(0.5, 0, 3)) == 0
    assert math.isnan(welch_p(summarise([0.5]), SeedSummary(0.5, 0.1, 3)))


def test_holm_on_an_example_by_hand():
    # sorted .005 .01 .03 .04 times 4 3 2 1, made monotone
    assert holm([0.01, 0.04, 0.03, 0.005]).tolist() == pytest.approx([0.03, 0.06, 0.06, 0.02])
    with_unknown = holm([0.01, np.nan, 0.5])
    assert with_unknown[[0, 2]].tolist() == pytest.approx([0.02, 0.5])
    assert math.isnan(with_unknown[1])
    assert holm([]).shape == (0,)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_rejects_what_stepping_down_rejects(p_values):
    rejected = set()
    for step, index in enumerate(np.argsort(p_values, kind="stable")):
        if p_values[index] * (len(p_values) - step) > 0.05:
            break
        rejected.add(int(index))
    assert {i for i, p in enumerate(holm(p_values)) if p <= 0.05} == rejected


def test_best_and_what_cannot_be_told_from_it():
    scores = {
        "far": SeedSummary(0.80, 0.01, 8),
        "near": SeedSummary(0.945, 0.02, 8),
        "best": SeedSummary(0.95, 0.01, 8),
        "one run": SeedSummary(0.949, math.nan, 1),
    }
    assert best_and_not_worse(scores) == ["near", "best"]
    assert best_and_not_worse({}) == []
    equal = {"a": SeedSummary(0.9, math.nan, 1), "b": SeedSummary(0.9, math.nan, 1), "c": SeedSummary(0.8, 0.1, 1)}
    assert best_and_not_worse(equal) == ["a", "b"]


def predictions(labels: np.ndarray, wrong: float, seeds: int, seed: int) -> np.ndarray:
    flips = np.random.default_rng(seed).random((seeds, *labels.shape)) < wrong
    return labels[None] ^ flips


def test_paired_difference_agrees_with_resampling_by_hand():
    generator = np.random.default_rng(0)
    labels = generator.random((150, 4)) < [0.5, 0.3, 0.2, 0.05]
    good, bad = predictions(labels, 0.05, 3, 1), predictions(labels, 0.12, 2, 2)
    one, other = (resampled_f1(labels, bits, draws=1500, seed=7) for bits in (good, bad))

    def mean_f1(bits, rows, average):
        scores = [f1_score(labels[rows], one_seed[rows], average=average, zero_division=0) for one_seed in bits]
        return np.mean(scores)

    found = paired_difference(one, other)
    rows = np.arange(150)
    for average in ("micro", "macro"):
        interval = found[f"{average}_f1"]
        expected = mean_f1(good, rows, average) - mean_f1(bad, rows, average)
        assert interval.value == pytest.approx(expected)
        draws = []
        for _ in range(120):
            rows_drawn = generator.integers(150, size=150)
            draws.append(mean_f1(good, rows_drawn, average) - mean_f1(bad, rows_drawn, average))
        assert (interval.low, interval.high) == pytest.approx(tuple(np.quantile(draws, [0.025, 0.975])), abs=0.03)
        assert interval.n == 150


def test_a_model_does_not_differ_from_itself_in_any_sample():
    labels = np.random.default_rng(0).random((60, 3)) < 0.4
    bits = predictions(labels, 0.2, 2, 3)
    one, other = (resampled_f1(labels, chosen, draws=50, seed=1) for chosen in (bits, bits[::-1]))
    interval = paired_difference(one, other)["micro_f1"]
    assert (interval.value, interval.low, interval.high) == pytest.approx((0, 0, 0), abs=1e-12)
    assert one.micro_draws.std() > 0


def test_predictions_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="do not fit"):
        resampled_f1(np.zeros((5, 2), bool), np.zeros((5, 2), bool))
