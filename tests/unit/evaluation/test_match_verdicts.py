import math

import numpy as np
import pytest

from spectraflow.evaluation.match_verdicts import conformal_thresholds, fit_temperature, prior_corrected, verdicts
from spectraflow.evaluation.matching import probabilities


def sampled(count: int, seed: int = 0, scale: float = 2.0) -> tuple[np.ndarray, np.ndarray]:
    """Labels that come true as often as the logits say."""
    generator = np.random.default_rng(seed)
    logits = scale * generator.normal(size=count)
    return generator.random(count) < probabilities(logits), logits


@pytest.mark.parametrize("temperature", [0.25, 1.0, 3.0])
def test_temperature_undoes_a_scale(temperature):
    labels, logits = sampled(20_000)
    assert fit_temperature(labels, temperature * logits) == pytest.approx(temperature, rel=0.05)


def test_temperature_has_bounds():
    labels = np.array([True, True, False])
    assert fit_temperature(labels, np.array([1.0, 2.0, -1.0])) == pytest.approx(0.01, rel=0.01)
    assert fit_temperature(labels, np.array([-1.0, -2.0, 1.0])) == pytest.approx(100, rel=0.01)
    assert fit_temperature(labels, np.zeros(3)) == 1


def test_temperature_needs_both_labels():
    for labels in (np.ones(3, bool), np.zeros(3, bool)):
        with pytest.raises(ValueError, match="pairs that match and pairs that do not"):
            fit_temperature(labels, np.arange(3.0))


def test_prior_moves_probabilities_as_bayes_does():
    logits = np.array([-2.0, 0.0, 3.0])
    odds = np.exp(logits) * 0.01 / 0.99
    np.testing.assert_allclose(probabilities(prior_corrected(logits, 0.01)), odds / (1 + odds))
    np.testing.assert_allclose(prior_corrected(logits, 0.5), logits)
    for prior in (0, 1):
        with pytest.raises(ValueError, match="between 0 and 1"):
            prior_corrected(logits, prior)


@pytest.mark.parametrize("level", [0.8, 0.95])
def test_new_pairs_of_each_label_are_covered(level):
    covered = []
    for seed in range(40):
        labels, logits = sampled(400, seed)
        thresholds = conformal_thresholds(labels[:200], logits[:200], level)
        found = verdicts(labels[200:], logits[200:], np.arange(200), thresholds, draws=1)
        covered.append((found.matching_coverage.value, found.other_coverage.value))
    means = np.mean(covered, axis=0)
    assert (means > level - 0.01).all()
    assert (means < level + 0.05).all()


def test_thresholds_of_a_known_sample():
    values = np.arange(1.0, 20)  # 19 of each label: the lowest of 20 may be missed at a level of 0.95
    labels = np.repeat([True, False], 19)
    assert conformal_thresholds(labels, np.concatenate([values, values]), 0.95) == (1, 19)
    assert conformal_thresholds(labels, np.concatenate([values, values]), 0.9) == (2, 18)
    assert conformal_thresholds(labels, np.concatenate([values, values]), 0.96) == (-math.inf, math.inf)
    assert conformal_thresholds(labels, np.concatenate([values, values - 30]), 0.95) == (-5, -5)


def test_better_models_leave_less_undecided():
    labels = np.tile([True, False], 300)
    noise = np.random.default_rng(0).normal(size=600)
    open_shares = []
    for shift in (0.2, 1.0, 4.0):
        logits = noise + np.where(labels, shift, -shift)
        thresholds = conformal_thresholds(labels[:300], logits[:300], 0.95)
        open_shares.append(verdicts(labels[300:], logits[300:], np.arange(300), thresholds).undecided.value)
    assert open_shares[0] > open_shares[1] > open_shares[2] == 0


def test_verdicts_of_four_pairs():
    labels, logits = np.array([True, True, False, False]), np.array([2.0, -3.0, 0.0, 3.0])
    found = verdicts(labels, logits, np.array([0, 1, 0, 1]), (-1.0, 1.0))
    values = (found.coverage, found.matching_coverage, found.other_coverage, found.undecided)
    assert [one.value for one in values] == [0.5, 0.5, 0.5, 0.25]
    assert [one.n for one in values] == [4, 2, 2, 4]
    assert (found.coverage.low, found.coverage.high) == (0, 1)
    assert math.isnan(verdicts(labels[:2], logits[:2], np.arange(2), (-1.0, 1.0)).other_coverage.value)


@pytest.mark.parametrize(
    ("labels", "logits", "level", "message"),
    [
        ([True], [1.0, 2.0], 0.9, "equally long"),
        ([True, False], [1.0, np.nan], 0.9, "1 of 2 logits are not finite"),
        ([True, False], [1.0, 2.0], 1.0, "level"),
    ],
)
def test_other_input_is_refused(labels, logits, level, message):
    with pytest.raises(ValueError, match=message):
        conformal_thresholds(labels, logits, level)
