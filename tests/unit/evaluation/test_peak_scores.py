import numpy as np
import pytest

from spectraflow.evaluation.peak_scores import CLASS_MISMATCH, peak_scores


def test_scores_are_log_likelihoods_less_the_penalty():
    scores = peak_scores(
        np.array([20.0, 130.0]), np.array([3, 1]), np.array([22.0, 129.0]), np.array([2.0, 0.5]), np.array([3, 1])
    )
    log_likelihood = [
        [-1.0 - np.log(4.0), -218.0 - np.log(1.0)],
        [-54.0 - np.log(4.0), -2.0 - np.log(1.0)],
    ]
    np.testing.assert_allclose(scores, log_likelihood - CLASS_MISMATCH * (1 - np.eye(2)))


def test_a_fitting_class_outweighs_a_few_ppm_but_not_everything():
    ppm, multiplicity, scale, hydrogens = np.array([30.0]), np.array([2]), np.ones(2), np.array([2, 3])
    near, far = (peak_scores(ppm, multiplicity, np.array([x, 30.0]), scale, hydrogens)[0] for x in (40.0, 140.0))
    assert near[0] > near[1]
    assert far[0] < far[1]


def test_four_hydrogens_are_a_quartet():
    scores = peak_scores(np.array([-2.0]), np.array([3]), np.array([-2.0]), np.ones(1), np.array([4]))
    assert scores[0, 0] == pytest.approx(-np.log(2.0))
