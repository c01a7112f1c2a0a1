"""A split whose test scaffolds lie far from all others (SymSpectra, Appendix K)."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from rdkit.DataStructs import ExplicitBitVect
from rdkit.SimDivFilters import rdSimDivPickers
from scipy.cluster.hierarchy import fcluster, linkage

from spectraflow.splits.molecules import SplitMolecules
from spectraflow.splits.random_folds import validation_size
from spectraflow.splits.scaffold_folds import scaffold_groups
from spectraflow.splits.similarity import distances, morgan_fingerprints

CUT = 0.6
"""Mean Tanimoto distance up to which clusters are joined; the paper does not give it."""
LEADER_DISTANCE = 0.35
LEADER_STEP = 0.05
MOST_CLUSTERED = 20_000
"""Scaffolds that agglomerative clustering takes: it holds all their distances twice, 3.2 GB."""


def clustered_parts(
    molecules: SplitMolecules, *, fold: int, seed: int, val_fraction: float, test_fraction: float
) -> list[str]:
    """Return the part of each molecule: whole clusters of scaffolds, chosen for their distance from the rest, are test.

    Groups of `scaffold_groups` (a scaffold, and those that share a first block with it) are clustered by the Morgan
    fingerprints of their commonest scaffolds, and clusters are chosen by `distant_clusters` up to `test_fraction` of
    all molecules. Acyclic molecules are not test, but for those in such a group. Of the first blocks outside test,
    `val_fraction`, drawn by `seed` and `fold`, is val and the rest train; test depends on neither. A cluster larger
    than the test part cannot be chosen: if all are, test is empty.
    """
    groups = {scaffold: group for group in scaffold_groups(molecules) if (scaffold := _scaffold(molecules, group))}
    scaffolds = sorted(groups)
    test: set[int] = set()
    if scaffolds:
        fingerprints = morgan_fingerprints(scaffolds)
        clusters = cluster_fingerprints(fingerprints)
        sizes = np.bincount(clusters, [len(groups[scaffold]) for scaffold in scaffolds]).astype(np.int64)
        chosen = distant_clusters(medoids(fingerprints, clusters), sizes, round(test_fraction * len(molecules)))
        in_test = np.isin(clusters, chosen)
        test = {row for scaffold, far in zip(scaffolds, in_test, strict=True) if far for row in groups[scaffold]}
    return _with_validation(molecules, test, val_fraction, np.random.default_rng([seed, fold]))


def cluster_fingerprints(fingerprints: Sequence[ExplicitBitVect], most: int = MOST_CLUSTERED) -> NDArray[np.int64]:
    """Return the number of each fingerprint's cluster, (n,), by average linkage of Tanimoto distances up to CUT.

    More than `most` are first thinned to leaders, and every fingerprint joins the cluster of its nearest leader.
    """
    chosen = leaders(fingerprints, most)
    if len(chosen) == 1:
        return np.zeros(len(fingerprints), np.int64)
    representatives = [fingerprints[row] for row in chosen]
    clusters = fcluster(linkage(_pair_distances(representatives), "average"), CUT, "distance").astype(np.int64) - 1
    if len(chosen) == len(fingerprints):
        return clusters
    nearest = [int(distances(one, representatives).argmin()) for one in fingerprints]
    return clusters[nearest]


def leaders(fingerprints: Sequence[ExplicitBitVect], most: int) -> list[int]:
    """Return at most `most` fingerprints, by position, such that each of the others is near one of them.

    Everything if there are no more; else leaders at a Tanimoto distance of 0.35 or more from each other, thinned again
    at distances 0.05 larger until they are few enough.
    """
    chosen, distance = list(range(len(fingerprints))), LEADER_DISTANCE
    while len(chosen) > most:
        pool = [fingerprints[row] for row in chosen]
        picked = rdSimDivPickers.LeaderPicker().LazyBitVectorPick(pool, len(pool), distance)
        chosen = sorted(chosen[place] for place in picked)
        distance += LEADER_STEP
    return chosen


def medoids(fingerprints: Sequence[ExplicitBitVect], clusters: NDArray[np.int64]) -> list[ExplicitBitVect]:
    """Return of each cluster the fingerprint of least mean distance to its others, the first of several."""
    found = []
    for cluster in range(int(clusters.max()) + 1):
        members = [fingerprints[row] for row in np.flatnonzero(clusters == cluster).tolist()]
        found.append(members[int(np.argmin([distances(one, members).sum() for one in members]))])
    return found


def distant_clusters(centres: Sequence[ExplicitBitVect], sizes: NDArray[np.int64], target: int) -> list[int]:
    """Return clusters of `target` molecules at most that lie far from the rest and near each other.

    The first has the largest mean distance to all others; then always the one with the largest difference of its mean
    distances to what is left and to what is chosen. Distances are those of medoids, means weighted by `sizes`;
    clusters that would exceed the target are passed over.
    """
    to_rest = np.array([distances(centre, centres) @ sizes for centre in centres])
    to_chosen = np.zeros(len(sizes))
    chosen: list[int] = []
    free = np.ones(len(sizes), dtype=bool)
    taken = 0
    while (fits := free & (sizes <= target - taken)).any():
        others = np.maximum(sizes.sum() - taken - sizes, 1)
        score = to_rest / others - to_chosen / max(taken, 1)
        best = int(np.where(fits, score, -np.inf).argmax())
        moved = distances(centres[best], centres) * sizes[best]
        to_rest, to_chosen = to_rest - moved, to_chosen + moved
        free[best] = False
        taken += int(sizes[best])
        chosen.append(best)
    return chosen


def _pair_distances(fingerprints: list[ExplicitBitVect]) -> NDArray[np.float64]:
    """Return the distances of all pairs in scipy's condensed form."""
    count = len(fingerprints)
    condensed = np.empty(count * (count - 1) // 2)
    start = 0
    for row, one in enumerate(fingerprints[:-1], start=1):
        condensed[start : start + count - row] = distances(one, fingerprints[row:])
        start += count - row
    return condensed


def _scaffold(molecules: SplitMolecules, group: list[int]) -> str:
    """Return the commonest scaffold of a group, the first in the alphabet of several; empty if all are acyclic."""
    counts = Counter(molecules.scaffolds[row] for row in group)
    counts.pop("", None)
    return min(counts, key=lambda scaffold: (-counts[scaffold], scaffold), default="")


def _with_validation(
    molecules: SplitMolecules, test: set[int], val_fraction: float, generator: np.random.Generator
) -> list[str]:
    blocks = sorted({block for row, block in enumerate(molecules.first_blocks) if row not in test})
    count = validation_size(len(blocks), val_fraction)
    val = set(generator.permutation(np.array(blocks))[:count].tolist())
    return [
        "test" if row in test else "val" if block in val else "train"
        for row, block in enumerate(molecules.first_blocks)
    ]
