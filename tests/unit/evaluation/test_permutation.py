import numpy as np

from spectraflow.evaluation.permutation import derangement


def test_a_derangement_moves_everything():
    for seed in range(20):
        other = derangement(11, seed)
        assert sorted(other) == list(range(11))
        assert (other != np.arange(11)).all()
