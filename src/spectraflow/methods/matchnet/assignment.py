"""Which other molecule stands beside the spectra of each in a pair that does not match.

Fingerprints are packed bits (n, 256) uint8. `codes` (n,) are integers, equal for molecules whose rendered spectra are
identical: such molecules, and so a molecule itself, are never each other's candidates. Assignments name the row of the
candidate of every row; each row is a candidate once, so the label of a pair tells nothing of either molecule alone.
"""

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from spectraflow.evaluation.permutation import derangement

Packed = NDArray[np.uint8]
Rows = NDArray[np.int64]
Similarities = NDArray[np.float32]
Seed = int | Sequence[int] | np.random.Generator

_COMPARED_AT_ONCE = 1024


def tanimoto(fingerprints: Packed, others: Packed) -> Similarities:
    """Return the Tanimoto similarities (n, m) of two sets of fingerprints; 0 where both have no bit."""
    one, two = _unpacked(fingerprints), _unpacked(others)
    shared = one @ two.T  # sums of ones: exact in float32
    united = one.sum(axis=1)[:, None] + two.sum(axis=1) - shared
    return np.divide(shared, united, out=shared, where=united > 0)


def paired_tanimoto(fingerprints: Packed, owners: Rows, candidates: Rows) -> Similarities:
    """Return the Tanimoto similarity of each owner to its candidate, (pairs,); 0 where both have no bit."""
    one, two = fingerprints[owners], fingerprints[candidates]
    shared = np.bitwise_count(one & two).sum(axis=1, dtype=np.float32)
    united = np.bitwise_count(one | two).sum(axis=1, dtype=np.float32)
    return np.divide(shared, united, out=shared, where=united > 0)


def uniform_assignment(codes: Rows, seed: Seed) -> Rows:
    """Return a random candidate for each of n molecules, (n,): a derangement.

    Raises ValueError if more than half of the molecules have identical spectra.
    """
    _require_distinct(codes)
    generator = np.random.default_rng(seed)
    return _repaired(derangement(len(codes), int(generator.integers(2**62))), codes, generator)


def near_assignment(fingerprints: Packed, codes: Rows, block: int, seed: Seed) -> Rows:
    """Return the candidates (n,) with the largest sum of similarities to their owners, a derangement.

    More than `block` molecules are matched in random blocks of about equal size, at most `block` (3 molecules are one
    block in any case: none can be matched alone). Raises ValueError if more than half of the molecules have identical
    spectra.
    """
    return _matched(fingerprints, codes, block, seed, -1)


def diff_assignment(fingerprints: Packed, codes: Rows, block: int, seed: Seed) -> Rows:
    """Return the candidates (n,) with the least sum of similarities to their owners; otherwise as `near_assignment`."""
    return _matched(fingerprints, codes, block, seed, 1)


def nearest(fingerprints: Packed, codes: Rows) -> Rows:
    """Return for each molecule the most similar other one, (n,), the first of equals; -1 where all are forbidden.

    One molecule may be the candidate of many: what depends on the candidate alone is then no blind control.
    """
    found = np.empty(len(codes), np.int64)
    for start in range(0, len(codes), _COMPARED_AT_ONCE):
        rows = slice(start, start + _COMPARED_AT_ONCE)
        similarity = tanimoto(fingerprints[rows], fingerprints)
        similarity[codes[rows, None] == codes] = -1
        best = similarity.argmax(axis=1)
        found[rows] = np.where(similarity.max(axis=1) >= 0, best, -1)
    return found


def nearest_isomer(fingerprints: Packed, formulas: Sequence[str | None], codes: Rows) -> Rows:
    """Return for each molecule the most similar one of the same formula, (n,); -1 if there is none."""
    found = np.full(len(codes), -1, np.int64)
    known = np.flatnonzero([formula is not None for formula in formulas])
    _, group = np.unique(np.array([formulas[row] or "" for row in known.tolist()], np.str_), return_inverse=True)
    order = known[np.argsort(group, kind="stable")]
    for rows in np.split(order, np.cumsum(np.bincount(group))[:-1]) if len(order) else ():
        inside = nearest(fingerprints[rows], codes[rows])
        found[rows] = np.where(inside >= 0, rows[inside], -1)
    return found


def epoch_negatives(
    kind: Literal["near", "uniform", "mixed"],
    rows: Rows,
    fingerprints: Packed,
    codes: Rows,
    generator: np.random.Generator,
    block: int = 512,
) -> Rows:
    """Return fresh candidates (n,) for the spectra of `rows` (n,), among these rows.

    Near candidates are matched in random blocks of at most `block` molecules, at least two if they can be, so that
    every epoch has others; mixed ones are near for a random half of the molecules and any for the other, each half
    matched in itself. `fingerprints` and `codes` belong to all rows that exist, not to `rows` alone.

    Raises ValueError if more than half of the molecules have identical spectra.
    """
    if kind == "mixed" and len(rows) >= 4:
        return _mixed(rows, fingerprints, codes, generator, block)
    own = codes[rows]
    if kind != "near":
        return rows[uniform_assignment(own, generator)]
    return rows[near_assignment(fingerprints[rows], own, max(2, min(block, (len(rows) + 1) // 2)), generator)]


def _mixed(rows: Rows, fingerprints: Packed, codes: Rows, generator: np.random.Generator, block: int) -> Rows:
    own, partners = codes[rows], np.empty(len(rows), np.int64)
    _require_distinct(own)
    near, uniform = np.array_split(generator.permutation(len(rows)), 2)
    half = max(2, min(block, (len(near) + 1) // 2))
    partners[near] = near[
        _in_blocks(len(near), half, generator, _by_similarity(fingerprints[rows[near]], own[near], -1))
    ]
    partners[uniform] = uniform[derangement(len(uniform), int(generator.integers(2**62)))]
    return rows[_repaired(partners, own, generator)]


def _unpacked(fingerprints: Packed) -> Similarities:
    return np.unpackbits(fingerprints, axis=1).astype(np.float32)


def _require_distinct(codes: Rows) -> None:
    most = int(np.unique(codes, return_counts=True)[1].max(initial=0))
    if len(codes) < 2 or 2 * most > len(codes):
        raise ValueError(f"{most} of {len(codes)} molecules have identical spectra: not all can get another's")


def _matched(fingerprints: Packed, codes: Rows, block: int, seed: Seed, sign: int) -> Rows:
    _require_distinct(codes)
    generator = np.random.default_rng(seed)
    partners = _in_blocks(len(codes), block, generator, _by_similarity(fingerprints, codes, sign))
    return _repaired(partners, codes, generator)


def _in_blocks(count: int, block: int, generator: np.random.Generator, match: Callable[[Rows], Rows]) -> Rows:
    partners = np.empty(count, np.int64)
    blocks = max(1, min(-(-count // block), count // 2))
    for members in np.array_split(generator.permutation(count), blocks):
        partners[members] = members[match(members)]
    return partners


def _by_similarity(fingerprints: Packed, codes: Rows, sign: int) -> Callable[[Rows], Rows]:
    """Return how to match some rows: the least sum of `sign` times the similarity."""
    from scipy.optimize import linear_sum_assignment

    def match(members: Rows) -> Rows:
        cost = sign * tanimoto(fingerprints[members], fingerprints[members]).astype(np.float64)
        # dearer than all else together: forbidden candidates are taken only where the block has no others
        cost[codes[members, None] == codes[members]] = len(members) + 1
        return np.asarray(linear_sum_assignment(cost)[1], np.int64)

    return match


def _repaired(partners: Rows, codes: Rows, generator: np.random.Generator) -> Rows:
    """Exchange forbidden candidates with those of random others until none is left.

    An owner without the spectra in question, whose candidate does not have them either, exists as long as at most half
    of the molecules have them; the exchange makes no new forbidden pair.
    """
    partners = partners.copy()
    for owner in np.flatnonzero(codes == codes[partners]).tolist():
        shared = codes[owner]
        if codes[partners[owner]] == shared:
            other = generator.choice(np.flatnonzero((codes != shared) & (codes[partners] != shared)))
            partners[[owner, other]] = partners[[other, owner]]
    return partners
