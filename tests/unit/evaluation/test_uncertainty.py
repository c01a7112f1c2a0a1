import json
import math

import numpy as np
import pytest
from scipy import stats

from spectraflow.evaluation.uncertainty import bootstrap_interval


def test_interval_of_a_mean_agrees_with_the_normal_approximation():
    values = np.random.default_rng(1).normal(10, 2, size=400)
    interval = bootstrap_interval(values, draws=4000)
    low, high = stats.norm.interval(0.95, values.mean(), values.std() / 20)
    assert interval.value == pytest.approx(values.mean())
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=0.02)
    assert interval.n == 400


def test_interval_agrees_with_scipy_bootstrap():
    values = np.random.default_rng(2).exponential(size=60)
    ours = bootstrap_interval(values, draws=6000, level=0.9)
    theirs = stats.bootstrap(
        (values,), np.mean, n_resamples=6000, confidence_level=0.9, method="percentile", rng=0
    ).confidence_interval
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=0.015)


def test_the_interval_covers_the_true_mean_about_as_often_as_it_says():
    generator = np.random.default_rng(3)
    intervals = [bootstrap_interval(generator.random(80) < 0.3, draws=200, seed=i) for i in range(200)]
    assert 0.88 <= np.mean([i.low <= 0.3 <= i.high for i in intervals]) <= 0.99


def test_blocks_of_resamples_change_nothing_but_memory(monkeypatch):
    values = np.random.default_rng(4).random(50)
    whole = bootstrap_interval(values, draws=300)
    monkeypatch.setattr("spectraflow.evaluation.uncertainty._RESAMPLED_AT_ONCE", 60)
    assert bootstrap_interval(values, draws=300) == whole


def test_median_and_seed():
    values = np.array([0.0, 1.0, 2.0, 3.0, 1000.0])
    assert bootstrap_interval(values, statistic="median").value == 2.0
    assert bootstrap_interval(values, seed=1) == bootstrap_interval(values, seed=1)


def test_no_values_are_nan_and_null_in_json():
    empty = bootstrap_interval(np.array([]))
    assert math.isnan(empty.value)
    assert json.loads(json.dumps(empty.as_dict(), allow_nan=False)) == {
        "value": None,
        "low": None,
        "high": None,
        "n": 0,
    }


@pytest.mark.parametrize(
    ("values", "options"), [([1, np.nan], {}), ([1], {"statistic": "mode"}), ([1], {"level": 1.0})]
)
def test_bad_input_is_refused(values, options):
    with pytest.raises(ValueError, match=r"finite|statistic|level"):
        bootstrap_interval(np.array(values), **options)
