import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from spectraflow.evaluation.ranking_scores import weighted_auc, weighted_average_precision


@pytest.mark.parametrize("seed", range(10))
def test_agree_with_scikit_learn_on_weighted_samples_with_ties(seed):
    generator = np.random.default_rng(seed)
    labels = np.r_[True, False, generator.random(generator.integers(2, 40)) < 0.3]
    scores = generator.integers(0, 6, len(labels)) / 5
    weights = generator.integers(0, 3, (4, len(labels)))
    weights[:, :2] = 1
    auc, precision = (score(labels, scores, weights) for score in (weighted_auc, weighted_average_precision))
    assert auc == pytest.approx([roc_auc_score(labels, scores, sample_weight=one) for one in weights])
    expected = [average_precision_score(labels, scores, sample_weight=one) for one in weights]
    assert precision == pytest.approx(expected)


def test_one_class_has_no_score():
    scores, weights = np.array([0.1, 0.9]), np.array([[1, 0], [1, 1]])
    labels = np.array([True, False])
    assert np.isnan(weighted_auc(labels, scores, weights)).tolist() == [True, False]
    assert np.isnan(weighted_average_precision(~labels, scores, weights)).tolist() == [True, False]
    nothing = np.empty(0)
    assert np.isnan(weighted_auc(nothing.astype(bool), nothing, np.empty((3, 0)))).all()
