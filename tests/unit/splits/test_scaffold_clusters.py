from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from spectraflow.splits.molecules import SplitMolecules
from spectraflow.splits.scaffold_clusters import (
    CUT,
    cluster_fingerprints,
    clustered_parts,
    distant_clusters,
    leaders,
    medoids,
)
from spectraflow.splits.similarity import distances, morgan_fingerprints

BENZENES = ["c1ccccc1", "c1ccc(-c2ccccc2)cc1", "c1ccc(Cc2ccccc2)cc1", "c1ccc(CCc2ccccc2)cc1", "c1ccc2ccccc2c1"]
RINGS = ["C1CCCCC1", "C1CCCC1", "C1CCC(C2CCCCC2)CC1", "C1CCC(CC2CCCCC2)CC1"]
DISTANT = ["O=C1CC2CCC1S2", "O=C1CC2CCCC1S2", "O=C1CC2CCC1S2(=O)=O"]
SCAFFOLDS = BENZENES + RINGS + DISTANT


def molecules_of(scaffolds: list[str], blocks: list[str] | None = None) -> SplitMolecules:
    ids = [f"x:{i:04d}" for i in range(len(scaffolds))]
    return SplitMolecules(ids, blocks or [f"B{i}" for i in ids], list(ids), scaffolds)


def parts_of(
    molecules: SplitMolecules, *, test: float = 0.2, val: float = 0.1, fold: int = 0, seed: int = 0
) -> list[str]:
    return clustered_parts(molecules, fold=fold, seed=seed, val_fraction=val, test_fraction=test)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["", *SCAFFOLDS]), st.integers(0, 60)), min_size=4, max_size=60),
    st.integers(0, 3),
)
def test_test_shares_no_scaffold_and_no_part_a_first_block(pairs, fold):
    scaffolds, blocks = [scaffold for scaffold, _ in pairs], [f"B{number}" for _, number in pairs]
    parts = parts_of(molecules_of(scaffolds, blocks), fold=fold)
    assert len(set(zip(blocks, parts, strict=True))) == len(set(blocks))
    in_test = [part == "test" for part in parts]
    cyclic = {(scaffold, test) for scaffold, test in zip(scaffolds, in_test, strict=True) if scaffold}
    assert len(cyclic) == len({scaffold for scaffold, _ in cyclic})
    assert sum(in_test) <= round(0.2 * len(pairs))
    cyclic_blocks = {block for scaffold, block in zip(scaffolds, blocks, strict=True) if scaffold}
    assert all(block in cyclic_blocks for block, test in zip(blocks, in_test, strict=True) if test)


def test_the_distant_class_is_test_and_acyclic_molecules_are_not():
    scaffolds = BENZENES * 3 + RINGS * 2 + DISTANT + [""] * 4
    parts = parts_of(molecules_of(scaffolds), test=0.1)
    assert [row for row, part in enumerate(parts) if part == "test"] == [23, 24, 25]


def test_order_of_molecules_changes_nothing_and_folds_change_only_val():
    scaffolds = [*SCAFFOLDS, ""] * 3
    blocks = [f"B{i}" for i in range(len(scaffolds))]
    parts = dict(zip(blocks, parts_of(molecules_of(scaffolds, blocks)), strict=True))
    order = np.random.default_rng(0).permutation(len(blocks)).tolist()
    shuffled = molecules_of([scaffolds[i] for i in order], [blocks[i] for i in order])
    assert dict(zip(shuffled.first_blocks, parts_of(shuffled), strict=True)) == parts
    other = dict(zip(blocks, parts_of(molecules_of(scaffolds, blocks), fold=1), strict=True))
    assert {b for b in blocks if parts[b] == "test"} == {b for b in blocks if other[b] == "test"}
    assert {b for b in blocks if parts[b] == "val"} != {b for b in blocks if other[b] == "val"}


def test_nothing_cyclic_gives_no_test_part():
    assert "test" not in parts_of(molecules_of([""] * 12))


def test_clusters_agree_with_scipy_on_the_full_matrix():
    fingerprints = morgan_fingerprints(SCAFFOLDS)
    matrix = np.stack([distances(one, fingerprints) for one in fingerprints])
    expected = fcluster(linkage(squareform(matrix, checks=False), "average"), CUT, "distance")
    found = cluster_fingerprints(fingerprints)
    assert found.min() == 0
    assert 1 < len(np.unique(found)) < len(SCAFFOLDS)
    for i, j in combinations(range(len(SCAFFOLDS)), 2):
        assert (found[i] == found[j]) == (expected[i] == expected[j])


def test_leaders_are_few_and_the_others_join_the_nearest():
    fingerprints = morgan_fingerprints(SCAFFOLDS)
    assert leaders(fingerprints, len(SCAFFOLDS)) == list(range(len(SCAFFOLDS)))
    chosen = leaders(fingerprints, 6)
    assert len(chosen) <= 6
    clusters = cluster_fingerprints(fingerprints, most=6)
    representatives = [fingerprints[row] for row in chosen]
    for row, one in enumerate(fingerprints):
        assert clusters[row] == clusters[chosen[int(distances(one, representatives).argmin())]]
    assert cluster_fingerprints(fingerprints[:1]).tolist() == [0]


def test_leaders_keep_their_distance_from_each_other():
    fingerprints = morgan_fingerprints(SCAFFOLDS)
    kept = [fingerprints[row] for row in leaders(fingerprints, len(SCAFFOLDS) - 1)]
    assert len(kept) < len(SCAFFOLDS)
    assert min(distances(one, kept[i + 1 :]).min() for i, one in enumerate(kept[:-1])) >= 0.35


def test_medoid_is_the_member_nearest_to_the_others():
    fingerprints = morgan_fingerprints(SCAFFOLDS)
    clusters = np.array([0] * 5 + [1] * 7)
    matrix = np.stack([distances(one, fingerprints) for one in fingerprints])
    expected = [int(matrix[:5, :5].sum(axis=1).argmin()), 5 + int(matrix[5:, 5:].sum(axis=1).argmin())]
    assert medoids(fingerprints, clusters) == [fingerprints[row] for row in expected]


@pytest.mark.parametrize("target", [1, 4, 9, 20])
def test_choice_of_clusters_agrees_with_the_plain_rule(target):
    centres = morgan_fingerprints(SCAFFOLDS)
    sizes = np.random.default_rng(1).integers(1, 6, len(centres))
    matrix = np.stack([distances(one, centres) for one in centres])
    rest, expected = set(range(len(centres))), []
    while True:
        room = target - sum(sizes[c] for c in expected)
        fits = sorted(c for c in rest if sizes[c] <= room)
        if not fits:
            break

        def gain(c):
            others = [o for o in rest if o != c]
            to_rest = np.average(matrix[c, others], weights=sizes[others])
            return to_rest - (np.average(matrix[c, expected], weights=sizes[expected]) if expected else 0)

        best = max(fits, key=gain)
        rest.remove(best)
        expected.append(best)
    assert distant_clusters(centres, sizes, target) == expected
