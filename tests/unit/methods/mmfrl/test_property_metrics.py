import numpy as np
import pytest
from sklearn.metrics import (
    average_precision_score,
    mean_absolute_error,
    r2_score,
    roc_auc_score,
    root_mean_squared_error,
)

from spectraflow.methods.mmfrl.property_metrics import (
    drawn_score,
    mean_score,
    property_metrics,
    target_counts,
    target_scores,
)


def make_classes(count=60, seed=0):
    """Three labels: one with missing values, one complete, one of a single class."""
    generator = np.random.default_rng(seed)
    measured = (generator.random((count, 3)) < 0.4).astype(float)
    measured[:2, :2] = [[1, 0], [0, 1]]
    measured[generator.random(count) < 0.3, 0] = np.nan
    measured[:2, 0] = [1, 0]
    measured[:, 2] = 1
    return measured, np.clip(0.3 * np.nan_to_num(measured) + 0.7 * generator.random((count, 3)), 0, 1)


def test_scores_of_classes_agree_with_scikit_learn():
    measured, predicted = make_classes()
    found = property_metrics(measured, predicted, "classification", ["a", "b", "c"], draws=50)
    known = np.isfinite(measured[:, 0])
    aucs = [
        roc_auc_score(measured[known, 0], predicted[known, 0]),
        roc_auc_score(measured[:, 1], predicted[:, 1]),
    ]
    assert found["property/auc"].value == pytest.approx(np.mean(aucs))
    assert found["property/target/a/auc"].value == pytest.approx(aucs[0])
    assert found["property/target/a/auc"].n == known.sum()
    assert np.isnan(found["property/target/c/auc"].value)
    assert found["property/target/c/auc"].as_dict()["low"] is None
    precision = average_precision_score(measured[:, 1], predicted[:, 1])
    assert found["property/target/b/pr_auc"].value == pytest.approx(precision)
    for name in ("property/auc", "property/target/b/auc"):
        assert found[name].low < found[name].value < found[name].high
    assert mean_score(measured, predicted, "classification") == found["property/auc"].value


def test_errors_of_numbers_agree_with_scikit_learn():
    generator = np.random.default_rng(0)
    measured = generator.normal(-3, 2, (80, 1))
    predicted = measured + generator.normal(0, 1, (80, 1))
    measured[:10] = np.nan
    found = property_metrics(measured, predicted, "regression", ["logS"], draws=200)
    assert set(found) == {"property/rmse", "property/mae", "property/r2"}
    for name, oracle in {"rmse": root_mean_squared_error, "mae": mean_absolute_error, "r2": r2_score}.items():
        interval = found[f"property/{name}"]
        assert interval.value == pytest.approx(oracle(measured[10:], predicted[10:]))
        assert interval.low < interval.value < interval.high
        assert interval.n == 70
    constant = property_metrics(np.ones((5, 1)), np.zeros((5, 1)), "regression", ["logS"], draws=10)
    assert np.isnan(constant["property/r2"].value)
    assert constant["property/rmse"].value == 1


def test_a_part_without_evaluable_targets_is_undefined():
    measured = np.array([[1.0, np.nan], [1.0, np.nan]])
    counts = target_counts(measured, "classification", ["a", "b"])
    assert counts["status"] == "undefined"
    assert counts["evaluable"] == 0
    assert counts["not_evaluable"] == ["a", "b"]
    assert counts["positives"] == {"a": 2, "b": 0}
    assert counts["labelled"] == {"a": 2, "b": 0}
    found = property_metrics(measured, np.full((2, 2), 0.5), "classification", ["a", "b"], draws=5)
    assert found["property/auc"].as_dict() == {"value": None, "low": None, "high": None, "n": 2}
    assert np.isnan(mean_score(measured, np.full((2, 2), 0.5), "classification"))


def test_evaluable_targets_are_those_with_a_score():
    measured, predicted = make_classes()
    scores = target_scores(measured, predicted, "classification", "auc")
    counts = target_counts(measured, "classification", ["a", "b", "c"])
    assert counts["evaluable"] == np.isfinite(scores).sum() == 2
    assert counts["status"] == "ok"
    assert "positives" not in target_counts(np.ones((3, 1)), "regression", ["a"])


def test_samples_of_a_single_label_keep_its_classes():
    measured = np.r_[1.0, np.zeros(30)][:, None]
    predicted = np.r_[0.5, np.linspace(0, 1, 30)][:, None]
    drawn = drawn_score(measured, predicted[None], "classification", draws=700)
    assert np.isfinite(drawn.draws).all()
    assert drawn.draws.shape == (700,)
    assert drawn.draws.mean() == pytest.approx(drawn.value, abs=0.02)
    assert drawn.value == pytest.approx(roc_auc_score(measured[:, 0], predicted[:, 0]))


def test_drawn_scores_average_over_seeds_and_share_samples():
    generator = np.random.default_rng(0)
    measured = generator.normal(size=(40, 1))
    seeds = np.stack([measured + 1, measured + 3])
    drawn = drawn_score(measured, seeds, "regression", draws=100)
    assert drawn.value == pytest.approx(2)
    assert drawn.draws == pytest.approx(np.full(100, 2))
    other = drawn_score(measured, seeds + 0.5, "regression", draws=100)
    difference = other.minus(drawn)
    assert (difference.low, difference.high) == pytest.approx((0.5, 0.5))


def test_predictions_that_are_no_numbers_are_refused():
    with pytest.raises(ValueError, match="1 predictions are not finite"):
        property_metrics(np.ones((2, 1)), np.array([[1.0], [np.nan]]), "regression", ["a"])
    with pytest.raises(ValueError, match="do not fit"):
        property_metrics(np.ones((2, 1)), np.ones((2, 2)), "regression", ["a"])
