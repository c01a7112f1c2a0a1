import numpy as np
import pytest
from sklearn.metrics import f1_score

from spectraflow.evaluation.thresholds import tuned_thresholds


def best_possible(labels, probabilities):
    """The best F1 of any threshold, by trying every one that divides the molecules differently."""
    predicted = probabilities[None] >= np.array([0.0, 1.1, *probabilities])[:, None]
    return (2 * (predicted & labels).sum(1) / (predicted.sum(1) + labels.sum())).max()


@pytest.mark.parametrize("decimals", [1, 2, 6])
def test_no_threshold_has_a_better_f1(decimals):
    generator = np.random.default_rng(0)
    labels = generator.random((60, 12)) < np.linspace(0.02, 0.98, 12)
    probabilities = np.clip(0.3 * labels + 0.7 * generator.random((60, 12)), 0, 1).round(decimals)
    thresholds = tuned_thresholds(labels, probabilities)
    for k, threshold in enumerate(thresholds):
        found = f1_score(labels[:, k], probabilities[:, k] >= threshold, zero_division=0)
        assert found == pytest.approx(best_possible(labels[:, k], probabilities[:, k]))


@pytest.mark.parametrize(
    ("labels", "probabilities", "expected"),
    [
        ([1, 0], [0.9, 0.2], 0.5),  # 0.5 is as good as any
        ([1, 1, 0], [0.9, 0.3, 0.2], 0.25),
        ([1, 0, 0], [0.9, 0.7, 0.6], 0.8),
        ([1, 1], [0.1, 0.2], 0.05),  # everything is predicted
        ([1, 1], [0.0, 0.2], 0.0),
        ([0, 0], [0.9, 0.2], 0.5),  # no positives
        ([1, 0], [0.5, 0.4], 0.5),
    ],
)
def test_the_nearest_to_one_half_of_the_best(labels, probabilities, expected):
    found = tuned_thresholds(np.array(labels, dtype=bool)[:, None], np.array(probabilities)[:, None])
    assert found.tolist() == [pytest.approx(expected)]


def test_memory_grows_with_the_molecules_alone():
    """A table of every threshold against every molecule would take 40 GB here."""
    generator = np.random.default_rng(0)
    labels = generator.random((200_000, 1)) < 0.2
    found = tuned_thresholds(labels, np.clip(0.3 * labels + 0.6 * generator.random((200_000, 1)), 0, 1))
    assert 0.3 < found[0] < 0.6
