"""Retrieval by absolute rank: ties count against the truth, hits are exact expectations over random libraries."""

import numpy as np

from spectraflow.errors import InputError

TIE_TOLERANCE = 1e-6  # relative; float32 carries 6e-8 an operation


class LibraryTooSmallError(InputError, ValueError):
    """More candidates were asked for than the library holds."""


def lowered(scores: np.ndarray) -> np.ndarray:
    """Return truth scores lowered by what float32 sums may differ, so that ties count against the truth."""
    return scores - TIE_TOLERANCE * np.abs(scores)


def at_or_above(query_scores_of_truth: np.ndarray, library_scores: np.ndarray) -> np.ndarray:
    """Return, as int64 [q], how many library molecules score at least as high as the truth of each query.

    query_scores_of_truth: [q]; library_scores: [q, n]. A score that is NaN, the truth's or a molecule's, counts against
    the truth. Set ineligible molecules to -inf.
    """
    truth, library = np.asarray(query_scores_of_truth), np.asarray(library_scores)
    if library.ndim != 2 or truth.shape != library.shape[:1]:
        raise ValueError(f"truth scores {truth.shape} do not fit library scores {library.shape}")
    return (library.shape[1] - (library < truth[:, None]).sum(axis=1)).astype(np.int64)


def _checked(
    at_or_above: np.ndarray, eligible: np.ndarray | int, library_size: int, k: int
) -> tuple[np.ndarray, np.ndarray]:
    above, eligible = np.broadcast_arrays(np.asarray(at_or_above, np.int64), np.asarray(eligible, np.int64))
    if k < 1 or library_size < 1:
        raise ValueError("k and the library size must be at least 1")
    if (above < 0).any() or (above > eligible).any():
        raise ValueError("molecules at or above the truth must lie between 0 and the eligible ones")
    if above.size and library_size > eligible.min() + 1:
        raise LibraryTooSmallError(
            f"{library_size} candidates asked for, but only {eligible.min()} eligible molecules and the truth are there"
        )
    return above, eligible


def expected_hits(at_or_above: np.ndarray, eligible: np.ndarray | int, library_size: int, k: int) -> np.ndarray:
    """Return the probability, float64 [q], that each truth ranks k or better among `library_size` candidates.

    The candidates are the truth and library_size - 1 molecules drawn without replacement from the `eligible` ones, of
    which `at_or_above` (both [q], or one number of eligible for all) beat or equal the truth: hypergeometric
    distribution at k - 1. Raises LibraryTooSmallError (a ValueError) if the library cannot supply them.
    """
    from scipy.stats import hypergeom

    above, eligible = _checked(at_or_above, eligible, library_size, k)
    return np.asarray(hypergeom.cdf(k - 1, eligible, above, library_size - 1), dtype=np.float64).clip(0, 1)


def sampled_hits(
    at_or_above: np.ndarray, eligible: np.ndarray | int, library_size: int, k: int, *, draws: int = 100, seed: int = 0
) -> np.ndarray:
    """Return the share, float64 [q], of `draws` explicitly drawn libraries in which each truth ranks k or better.

    Slow: it is the check on `expected_hits`, with the same arguments and errors.
    """
    above, eligible = _checked(at_or_above, eligible, library_size, k)
    generator = np.random.default_rng(seed)
    hits = np.zeros(above.shape, dtype=np.float64)
    for index, (better, total) in enumerate(zip(above, eligible, strict=True)):
        for _ in range(draws):
            library = generator.choice(int(total), size=library_size - 1, replace=False, shuffle=False)
            hits[index] += np.count_nonzero(library < better) < k
    return hits / draws


def in_batch_hits(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return, as booleans [n], for which rows, and for which columns, the diagonal score is strictly the highest.

    scores: [n, n], n > 0, spectra by molecules: the first array is spectrum to molecule. Ties and NaN count as wrong.
    """
    scores = np.asarray(scores)
    if scores.ndim != 2 or scores.shape[0] != scores.shape[1] or not len(scores):
        raise ValueError(f"in-batch scores must be square and not empty, not of shape {scores.shape}")
    truth = np.diagonal(scores)
    others = len(scores) - 1
    return (scores < truth[:, None]).sum(axis=1) == others, (scores < truth[None, :]).sum(axis=0) == others


def in_batch_accuracy(scores: np.ndarray) -> tuple[float, float]:
    """Return the share of rows, and of columns, that in_batch_hits counts as right."""
    rows, columns = in_batch_hits(scores)
    return float(rows.mean()), float(columns.mean())
