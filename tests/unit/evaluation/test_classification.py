import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from spectraflow.evaluation import classification
from spectraflow.evaluation.classification import group_metrics, label_scores, predicted_labels, tiers, violations

NAMES = ["Alcohol", "Phenol", "Enol", "Alkene", "Amide"]


def example(seed: int = 0, count: int = 300) -> tuple[np.ndarray, np.ndarray]:
    """Labels from frequent to absent, and probabilities that know something of them."""
    generator = np.random.default_rng(seed)
    labels = generator.random((count, 5)) < np.array([0.6, 0.3, 0.1, 0.02, 0.0])
    return labels, np.clip(0.35 * labels + generator.random(labels.shape) * 0.65, 0, 1)


@pytest.mark.parametrize("seed", range(4))
def test_scores_agree_with_scikit_learn(seed):
    labels, probabilities = example(seed)
    predicted = probabilities >= 0.5
    found = group_metrics(labels, probabilities, NAMES, draws=20)
    present = np.flatnonzero(labels.any(axis=0))

    def theirs(average, columns=slice(None)):
        return metrics.f1_score(labels[:, columns], predicted[:, columns], average=average, zero_division=0)

    assert found["groups/micro_f1"].value == pytest.approx(theirs("micro"))
    assert found["groups/macro_f1"].value == pytest.approx(theirs("macro"))
    assert found["groups/macro_f1_present"].value == pytest.approx(theirs("macro", present))
    assert found["groups/exact_match"].value == pytest.approx(metrics.accuracy_score(labels, predicted))


def test_scores_of_labels_agree_with_scikit_learn():
    labels, probabilities = example()
    rows = label_scores(labels, probabilities, NAMES)
    found = group_metrics(labels, probabilities, NAMES, draws=20)
    precision, recall, f1, support = metrics.precision_recall_fscore_support(
        labels, probabilities >= 0.5, zero_division=0, average=None
    )
    average = metrics.average_precision_score(labels[:, :4], probabilities[:, :4], average=None)
    for k, row in enumerate(rows[:4]):
        assert (row["precision"], row["recall"], row["f1"]) == pytest.approx((precision[k], recall[k], f1[k]))
        assert row["support"] == support[k] == found[f"groups/label/{NAMES[k]}/f1"].n
        assert row["average_precision"] == pytest.approx(average[k])
        assert found[f"groups/label/{NAMES[k]}/recall"].value == pytest.approx(recall[k])
    assert rows[4]["support"] == 0
    assert rows[4]["predicted"] == (probabilities[:, 4] >= 0.5).sum()
    assert [rows[4][name] for name in ("precision", "recall", "f1", "average_precision")] == [None] * 4
    assert math.isnan(found["groups/label/Amide/f1"].value)


def test_tiers_follow_the_published_bounds():
    labels = np.zeros((79_400, 4), dtype=bool)
    for column, positives in enumerate((600, 601, 5_000, 5_001)):
        labels[:positives, column] = True
    assert tiers(labels, list("abcd")) == {"low": ["a"], "medium": ["b", "c"], "high": ["d"]}


def test_tiers_average_labels_with_positives():
    labels, probabilities = example(count=2000)
    found = group_metrics(labels, probabilities, NAMES, draws=20)
    rows = {row["group"]: row for row in label_scores(labels, probabilities, NAMES)}
    for tier, members in tiers(labels, NAMES).items():
        scored = [rows[name] for name in members if rows[name]["support"]]
        for score in ("f1", "recall"):
            interval = found[f"groups/tier/{tier}/{score}"]
            assert interval.n == len(scored)
            if scored:
                assert interval.value == pytest.approx(np.mean([row[score] for row in scored]))
            else:
                assert math.isnan(interval.value)
    assert {found[f"groups/tier/{tier}/f1"].n for tier in ("low", "medium", "high")} == {0, 1, 3}


def test_scores_by_number_of_true_groups_are_those_of_these_molecules():
    labels, probabilities = example()
    found = group_metrics(labels, probabilities, NAMES, draws=20)
    numbers = labels.sum(axis=1)
    for number in np.unique(numbers):
        rows = numbers == number
        alone = group_metrics(labels[rows], probabilities[rows], NAMES, draws=2)
        interval = found[f"groups/count/{number}/exact_match"]
        assert interval.n == rows.sum()
        assert interval.value == pytest.approx(alone["groups/exact_match"].value)
        if number:
            f1 = found[f"groups/count/{number}/micro_f1"].value
            assert f1 == pytest.approx(alone["groups/micro_f1"].value)
    assert "groups/count/0/micro_f1" not in found


def test_violations_are_counted_by_molecule_and_by_stated_premise():
    #                      Alcohol Phenol Enol Alkene Amide
    predicted = np.array(
        [
            [True, True, False, False, False],  # phenol with alcohol
            [False, True, False, False, False],  # phenol without
            [False, False, True, False, False],  # enol breaks two
            [False, False, False, False, True],
        ]
    )
    stated, broken = violations(predicted, NAMES)
    assert stated.shape == (4, 3)
    assert broken.sum(axis=1).tolist() == [0, 1, 2, 0]
    labels = np.zeros((4, 5), dtype=bool)
    found = group_metrics(labels, predicted.astype(float), NAMES, draws=5)
    assert found["groups/violations"].value == pytest.approx(2 / 4)
    assert found["groups/violations_stated"].value == pytest.approx(3 / 4)
    assert found["groups/violations_stated"].n == 4
    unknown = group_metrics(labels, predicted.astype(float), list("abcde"), draws=5)
    assert unknown["groups/violations"].n == 0
    assert math.isnan(unknown["groups/violations"].value)


def test_intervals_agree_with_molecules_resampled_one_by_one():
    labels, probabilities = example(3, 120)
    draws, generator = [], np.random.default_rng(1)
    for _ in range(600):
        rows = generator.integers(120, size=120)
        draws.append(metrics.f1_score(labels[rows], probabilities[rows] >= 0.5, average="micro", zero_division=0))
    interval = group_metrics(labels, probabilities, NAMES, seed=4)["groups/micro_f1"]
    assert (interval.low, interval.high) == pytest.approx(tuple(np.quantile(draws, [0.025, 0.975])), abs=0.012)
    assert interval.low < interval.value < interval.high


def test_blocks_of_resamples_change_nothing_but_memory(monkeypatch):
    labels, probabilities = example(1, 50)
    whole = group_metrics(labels, probabilities, NAMES, seed=5, draws=30)
    monkeypatch.setattr(classification, "_WEIGHTS_AT_ONCE", 200)
    blocks = group_metrics(labels, probabilities, NAMES, seed=5, draws=30)
    assert {name: repr(value) for name, value in whole.items()} == {name: repr(v) for name, v in blocks.items()}


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 12), st.integers(1, 4), st.integers(0, 10_000))
def test_micro_f1_agrees_with_scikit_learn_on_any_labels(count, width, seed):
    generator = np.random.default_rng(seed)
    labels = generator.random((count, width)) < 0.3
    probabilities = generator.random((count, width))
    found = group_metrics(labels, probabilities, [f"l{k}" for k in range(width)], draws=3)
    predicted = probabilities >= 0.5
    micro = metrics.f1_score(labels.ravel(), predicted.ravel(), zero_division=0)
    assert found["groups/micro_f1"].value == pytest.approx(micro)


def test_threshold_of_each_label_and_the_bound_itself():
    assert predicted_labels(np.array([[0.5, 0.49]])).tolist() == [[True, False]]
    assert predicted_labels(np.array([[0.5, 0.49]]), np.array([0.6, 0.4])).tolist() == [[False, True]]


def test_what_is_no_probability_or_does_not_fit_is_refused():
    labels, probabilities = example()
    with pytest.raises(ValueError, match="between 0 and 1"):
        group_metrics(labels, np.full(labels.shape, np.nan), NAMES)
    with pytest.raises(ValueError, match="do not fit"):
        group_metrics(labels, probabilities, NAMES[:4])
    with pytest.raises(ValueError, match="do not fit"):
        group_metrics(labels[:0], probabilities[:0], NAMES)
