import numpy as np
import pytest

from spectraflow.evaluation.calibration import expected_calibration_error, negative_log_likelihood, reliability


def test_bins_hold_what_was_said_and_what_happened():
    rows = reliability(np.array([0.05, 0.15, 0.95, 1.0]), np.array([False, True, True, False]))
    assert [(row["low"], row["n"]) for row in rows] == [(0.0, 1), (0.1, 1), (0.9, 2)]
    assert rows[2]["stated"] == pytest.approx(0.975)
    assert rows[2]["happened"] == pytest.approx(0.5)


def test_error_is_zero_if_probabilities_come_true_and_large_if_not():
    stated = np.repeat([0.25, 0.75], 4)
    happened = np.array([1, 0, 0, 0, 1, 1, 1, 0], bool)
    assert expected_calibration_error(stated, happened) == pytest.approx(0)
    assert expected_calibration_error(stated, ~happened) == pytest.approx(0.5)


def test_no_observation_has_no_error():
    assert np.isnan(expected_calibration_error(np.zeros(0), np.zeros(0, bool)))


@pytest.mark.parametrize(
    ("stated", "happened"), [([1.2], [True]), ([float("nan")], [True]), ([0.5, 0.5], [True]), ([[0.5]], [[True]])]
)
def test_other_values_are_refused(stated, happened):
    with pytest.raises(ValueError, match="probabilities"):
        reliability(np.array(stated), np.array(happened))


def test_log_loss_of_an_impossible_truth_is_finite():
    assert negative_log_likelihood(np.array([1.0, 0.0])).value == pytest.approx(-np.log(1e-6) / 2)
