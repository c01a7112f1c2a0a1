from itertools import combinations

import numpy as np
import pytest
from sklearn.metrics import f1_score

from spectraflow.errors import InputError
from spectraflow.methods.symspectra.baselines.commonest import Commonest, best_count
from spectraflow.methods.symspectra.settings import BaselineSettings

LABELS = (np.random.default_rng(0).random((60, 6)) < [0.1, 0.9, 0.5, 0.4, 0.0, 0.3]).astype(np.float32)


def fitted(count):
    return Commonest(BaselineSettings(commonest=count)).fit(np.zeros((60, 3), np.float32), LABELS)


def test_the_commonest_groups_are_always_there():
    found = fitted(2).probabilities(np.zeros((4, 3), np.float32))
    assert found.tolist() == [[0, 1, 1, 0, 0, 0]] * 4


def test_no_constant_set_is_better_than_the_chosen_one():
    def score(groups):
        constant = np.isin(np.arange(6), groups)
        return f1_score(LABELS, np.tile(constant, (60, 1)), average="micro")

    scores = {groups: score(groups) for size in range(1, 7) for groups in combinations(range(6), size)}
    chosen = tuple(np.flatnonzero(fitted(0).groups).tolist())
    assert scores[chosen] == pytest.approx(max(scores.values()))
    assert len(chosen) == best_count(LABELS)


def test_the_choice_is_saved():
    model = fitted(3)
    again = Commonest.from_tensors(model.settings, model.tensors())
    vectors = np.zeros((2, 3), np.float32)
    assert np.array_equal(again.probabilities(vectors), model.probabilities(vectors))
    with pytest.raises(InputError, match="not the tensors"):
        Commonest.from_tensors(model.settings, {})
