import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from spectraflow.evaluation.calibration import expected_calibration_error
from spectraflow.evaluation.matching import (
    METRICS,
    area_under_curve,
    drawn_auc,
    matching_metrics,
    null_sd,
    permuted_pairs,
    probabilities,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning")


def balanced(owners: int = 200, shift: float = 1.0, seed: int = 0, decimals: int | None = None):
    """Labels, logits and owners: each owner with one pair that matches and one that does not."""
    generator = np.random.default_rng(seed)
    labels = np.tile([True, False], owners)
    logits = generator.normal(size=2 * owners) + np.where(labels, shift, -shift)
    return labels, logits if decimals is None else logits.round(decimals), np.repeat(np.arange(owners), 2)


@pytest.mark.parametrize("decimals", [None, 1, 0])
def test_values_are_those_of_scikit_learn(decimals):
    labels, logits, owners = balanced(decimals=decimals)
    found = {name: one.value for name, one in matching_metrics(labels, logits, owners, 0, draws=5).items()}
    said, stated = logits >= 0, probabilities(logits)
    expected = {
        "auc": sk.roc_auc_score(labels, logits),
        "accuracy": sk.accuracy_score(labels, said),
        "precision": sk.precision_score(labels, said),
        "recall": sk.recall_score(labels, said),
        "f1": sk.f1_score(labels, said),
        "auprc": sk.average_precision_score(labels, logits),
        "brier": sk.brier_score_loss(labels, stated),
        "ece": expected_calibration_error(stated, labels),
    }
    assert found == pytest.approx(expected, abs=1e-12)
    assert tuple(found) == METRICS
    assert area_under_curve(labels, logits) == pytest.approx(expected["auc"])


@given(
    rows=st.lists(st.tuples(st.booleans(), st.integers(-3, 3), st.integers(1, 4)), min_size=2, max_size=30),
    seed=st.integers(0, 5),
)
@settings(max_examples=60, deadline=None)
def test_samples_score_as_repeated_pairs_do(rows, seed):
    labels, logits, owners = (np.array(column) for column in zip(*rows, strict=True))
    labels = labels.astype(bool)
    sampled = np.random.default_rng(seed).integers(len(np.unique(owners)), size=len(np.unique(owners)))
    drawn = np.concatenate([np.flatnonzero(owners == np.unique(owners)[one]) for one in sampled])
    score = drawn_auc(labels, logits[None], owners, draws=1, seed=seed)
    if labels[drawn].all() or not labels[drawn].any():
        assert math.isnan(score.draws[0])
    else:
        assert score.draws[0] == pytest.approx(sk.roc_auc_score(labels[drawn], logits[drawn]))


def test_logit_zero_counts_as_a_match():
    found = matching_metrics([True, False], [0.0, 0.0], [0, 1], 0)
    assert (found["recall"].value, found["precision"].value, found["auc"].value) == (1, 0.5, 0.5)


def test_certainty_is_calibrated_too():
    assert matching_metrics([True, False], [50.0, 50.0], [0, 1], 0)["ece"].value == pytest.approx(0.5)


def test_precision_and_recall_give_f1_and_accuracy_of_as_many_positives_as_negatives():
    found = {name: one.value for name, one in matching_metrics(*balanced(shift=0.4), 0, draws=5).items()}
    p, r = found["precision"], found["recall"]
    assert found["f1"] == pytest.approx(2 * p * r / (p + r))
    assert found["accuracy"] == pytest.approx((1 + r - r * (1 - p) / p) / 2)


def test_recall_is_the_same_on_sets_with_the_same_positives():
    labels, logits, owners = balanced()
    harder = np.where(labels, logits, logits + 1.5)
    easy, hard = (matching_metrics(labels, one, owners, 0, draws=200) for one in (logits, harder))
    assert easy["recall"] == hard["recall"]
    assert easy["auc"].value > hard["auc"].value


def test_a_score_that_depends_on_owners_alone_is_exactly_half_right():
    labels, _, owners = balanced()
    logits = np.random.default_rng(1).normal(size=200)[owners]
    auc = matching_metrics(labels, logits, owners, 0, draws=50)["auc"]
    assert (auc.value, auc.low, auc.high) == pytest.approx((0.5, 0.5, 0.5), abs=1e-12)


def test_owners_are_resampled_with_all_their_pairs():
    labels, logits, owners = balanced(60)
    once = matching_metrics(labels, logits, owners, 0, draws=400)
    often = matching_metrics(*(np.repeat(one, 9) for one in (labels, logits, owners)), 0, draws=400)
    for name in ("auc", "accuracy", "brier", "recall"):
        assert (often[name].value, often[name].low, often[name].high) == pytest.approx(
            (once[name].value, once[name].low, once[name].high)
        )
    alone = matching_metrics(*(np.repeat(one, 9) for one in (labels, logits)), np.arange(9 * 120), 0, draws=400)
    assert alone["auc"].high - alone["auc"].low < 0.5 * (once["auc"].high - once["auc"].low)


def test_intervals_cover_the_truth():
    truth = 0.5 * math.erfc(-(0.5**0.5))  # P(x > y) of normals whose means lie sqrt(2) standard deviations apart
    inside = 0
    for seed in range(60):
        auc = matching_metrics(*balanced(80, 2**0.5 / 2, seed), seed, draws=200)["auc"]
        inside += auc.low <= truth <= auc.high
        assert auc.low < auc.value < auc.high
    assert 50 <= inside <= 60


def test_seed_decides_the_samples():
    pairs = balanced(50)
    assert matching_metrics(*pairs, 1) == matching_metrics(*pairs, 1)
    assert matching_metrics(*pairs, 1)["auc"].low != matching_metrics(*pairs, 2)["auc"].low


def test_what_is_undefined_is_not_a_number():
    found = matching_metrics([True, True], [-1.0, -2.0], [0, 1], 0)
    for name in ("auc", "precision"):
        assert found[name].n == 0
        assert found[name].as_dict()["value"] is None
    assert (found["recall"].value, found["recall"].n) == (0, 2)
    empty = matching_metrics(np.zeros(0, bool), np.zeros(0), np.zeros(0, int), 0)
    assert all(math.isnan(one.value) and one.n == 0 for one in empty.values())
    negatives = matching_metrics([False, False], [-1.0, -2.0], [0, 1], 0)
    assert [name for name in METRICS if math.isnan(negatives[name].value)] == [
        *("auc", "precision", "recall", "f1", "auprc")
    ]


@pytest.mark.parametrize(
    ("labels", "logits", "owners", "message"),
    [
        ([True], [1.0, 2.0], [0, 1], "equally long"),
        ([True, False], [1.0, np.nan], [0, 1], "1 of 2 logits are not finite"),
        ([True, False], [1.0, np.inf], [0, 1], "not finite"),
        ([True, False], [1.0, 2.0], [0], "owners"),
    ],
)
def test_other_pairs_are_refused(labels, logits, owners, message):
    with pytest.raises(ValueError, match=message):
        matching_metrics(labels, logits, owners, 0)
    with pytest.raises(ValueError, match=message):
        drawn_auc(labels, [logits], owners)


def test_models_are_compared_in_the_same_samples():
    labels, logits, owners = balanced()
    worse = logits + np.random.default_rng(1).normal(size=len(logits))
    one, other = drawn_auc(labels, logits[None], owners), drawn_auc(labels, worse[None], owners)
    difference = one.minus(other)
    assert difference.value == pytest.approx(sk.roc_auc_score(labels, logits) - sk.roc_auc_score(labels, worse))
    assert difference.low > 0
    assert difference.n == 200
    same = one.minus(drawn_auc(labels, 3 * logits[None] - 1, owners))
    assert (same.value, same.low, same.high) == (0, 0, 0)
    order = np.random.default_rng(2).permutation(len(labels))
    np.testing.assert_allclose(drawn_auc(labels[order], logits[None, order], owners[order]).draws, one.draws)


def test_seeds_of_a_model_are_averaged():
    labels, logits, owners = balanced()
    seeds = np.stack([logits, -logits, logits + np.random.default_rng(1).normal(size=len(logits))])
    found = drawn_auc(labels, seeds, owners, draws=50, seed=4)
    assert found.value == pytest.approx(np.mean([sk.roc_auc_score(labels, one) for one in seeds]))
    singles = [drawn_auc(labels, one[None], owners, draws=50, seed=4).draws for one in seeds]
    np.testing.assert_allclose(found.draws, np.mean(singles, axis=0))
    with pytest.raises(ValueError, match="one or more seeds"):
        drawn_auc(labels, np.zeros((0, 400)), owners)


def test_null_deviation_is_that_of_random_scores():
    assert [round(null_sd(n, n), 4) for n in (4332, 658, 270)] == [0.0062, 0.0159, 0.0249]
    generator = np.random.default_rng(0)
    values = [(generator.random((20, 1)) > generator.random(40)).mean() for _ in range(4000)]
    assert null_sd(20, 40) == pytest.approx(np.std(values), rel=0.05)


@pytest.mark.parametrize("count", [4, 7, 300])
def test_exchanged_spectra_match_no_pair(count):
    generator = np.random.default_rng(0)
    rows = generator.choice(1000, count, replace=False)
    owners, labels = np.tile(rows, 2), np.arange(2 * count) < count
    candidates = np.concatenate([rows, np.roll(rows, 1)])
    found = permuted_pairs(owners, candidates, labels, 0)
    assert sorted(found[:count]) == sorted(rows)
    np.testing.assert_array_equal(found[:count], found[count:])
    assert (found != owners).all()
    assert (found != candidates).all()
    np.testing.assert_array_equal(found, permuted_pairs(owners, candidates, labels, 0))
    assert count < 10 or (found != permuted_pairs(owners, candidates, labels, 1)).any()


def test_spectra_of_one_owner_cannot_be_exchanged():
    with pytest.raises(ValueError, match="fewer than two"):
        permuted_pairs([3, 3], [3, 4], [True, False], 0)
    with pytest.raises(ValueError, match="labels"):
        permuted_pairs([3, 4], [3, 4], [True, False], 0)
