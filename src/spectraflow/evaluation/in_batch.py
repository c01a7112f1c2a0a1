"""In-batch accuracy: the published molecule accuracy of K-M3AID (reference section 6.1)."""

from collections.abc import Callable

import numpy as np

from spectraflow.evaluation.retrieval import in_batch_hits
from spectraflow.evaluation.uncertainty import Interval, bootstrap_interval

IN_BATCH = 128
SHUFFLES = 10


def in_batch_metrics(score: Callable[[np.ndarray], np.ndarray], count: int, seed: int = 0) -> dict[str, Interval]:
    """Return rank-1 accuracy among 128 both ways, averaged over 10 seeded shuffles of full batches.

    score: of molecules (b,) int64, a batch, the scores (b, b) of their spectra (rows) with their structures.
    count: number of molecules.

    The interval is the bootstrap over molecules, each with its mean over the shuffles it took part in.
    """
    size = min(IN_BATCH, count)
    hits, taken = np.zeros((2, count)), np.zeros(count)
    for shuffle in range(SHUFFLES):
        order = np.random.default_rng(seed + shuffle).permutation(count)
        for rows in order[: count - count % size].reshape(-1, size):
            hits[:, rows] += in_batch_hits(score(rows))
            taken[rows] += 1
    means = hits[:, taken > 0] / taken[taken > 0]
    chance = 1 / size
    return {
        "in_batch/spectrum_to_molecule": bootstrap_interval(means[0], seed=seed),
        "in_batch/molecule_to_spectrum": bootstrap_interval(means[1], seed=seed),
        "in_batch/chance": Interval(chance, chance, chance, count),
    }
