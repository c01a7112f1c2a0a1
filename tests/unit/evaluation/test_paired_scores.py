import numpy as np
import pytest

from spectraflow.evaluation.classification import group_metrics
from spectraflow.evaluation.paired_scores import drawn_scores, draws_of
from spectraflow.evaluation.seed_statistics import paired_difference, resampled_f1

NAMES = ("Ester", "Ether", "Alkane", "Amide")


@pytest.fixture
def predicted():
    generator = np.random.default_rng(3)
    labels = generator.random((80, 4)) < (0.1, 0.4, 0.7, 0.05)
    return labels, np.stack([labels ^ (generator.random(labels.shape) < share) for share in (0.1, 0.15, 0.4)])


def test_scores_are_those_of_the_single_models_averaged(predicted):
    labels, predictions = predicted
    found = drawn_scores(labels, predictions[:2], NAMES, draws=10)
    singles = [group_metrics(labels, one.astype(float), NAMES, draws=10) for one in predictions[:2]]
    for name, score in found.items():
        values = [single[name].value for single in singles]
        expected = np.mean(values) if np.isfinite(values).all() else np.nan
        np.testing.assert_allclose(score.value, expected, equal_nan=True, err_msg=name)
    assert {"groups/exact_match", "groups/violations", "groups/tier/high/f1"} <= set(found)


def test_differences_are_paired(predicted):
    labels, predictions = predicted
    one, other = (drawn_scores(labels, part, NAMES, draws=500) for part in (predictions[:1], predictions[2:]))
    found = one["groups/micro_f1"].minus(other["groups/micro_f1"])
    expected = paired_difference(*(resampled_f1(labels, p, draws=500) for p in (predictions[:1], predictions[2:])))
    assert found.low == pytest.approx(expected["micro_f1"].low)
    assert found.low > 0
    same = one["groups/exact_match"].minus(one["groups/exact_match"])
    assert (same.value, same.low, same.high) == (0, 0, 0)


def test_shapes_must_fit(predicted):
    labels, predictions = predicted
    with pytest.raises(ValueError, match="do not fit"):
        drawn_scores(labels[:5], predictions, NAMES)


def test_large_test_parts_are_sampled_less():
    assert [draws_of(n) for n in (100, 50_000, 10**6)] == [10_000, 4_000, 1_000]
