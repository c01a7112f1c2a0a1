import numpy as np
import pytest

from spectraflow.evaluation.in_batch import in_batch_metrics


def of(scores):
    return lambda rows: scores[np.ix_(rows, rows)]


def test_in_batch_accuracy_of_perfect_and_of_random_embeddings():
    perfect = in_batch_metrics(of(np.eye(256)), 256)
    assert perfect["in_batch/spectrum_to_molecule"].value == 1
    chance = in_batch_metrics(of(np.random.default_rng(0).normal(size=(512, 512))), 512)
    interval = chance["in_batch/spectrum_to_molecule"]
    assert interval.n == 512, "the interval counts molecules, not batches of the same molecules"
    right = np.arange(400)[:, None] % 2 * np.eye(400)  # every second spectrum says nothing
    half = in_batch_metrics(of(right), 400)["in_batch/spectrum_to_molecule"]
    assert half.value == pytest.approx(0.5, abs=0.02)
    assert half.high - half.low == pytest.approx(2 * 1.96 * (0.25 / 400) ** 0.5, rel=0.2)
    assert chance["in_batch/chance"].value == 1 / 128
    assert chance["in_batch/molecule_to_spectrum"].value == pytest.approx(1 / 128, abs=0.01)
