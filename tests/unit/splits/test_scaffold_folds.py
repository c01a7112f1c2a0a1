from collections import defaultdict

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from spectraflow.splits.molecules import SplitMolecules
from spectraflow.splits.scaffold_folds import balanced_parts, deterministic_parts, scaffold_groups


def molecules_of(scaffolds: list[str], blocks: list[str] | None = None) -> SplitMolecules:
    ids = [f"x:{i:04d}" for i in range(len(scaffolds))]
    return SplitMolecules(ids, blocks or [f"B{i}" for i in ids], list(ids), scaffolds)


def fill_one_by_one(groups: list[list[int]], total: int, val: float, test: float) -> dict[int, str]:
    places = {"train": total - round(val * total) - round(test * total), "val": round(val * total)}
    part_of, used = {}, defaultdict(int)
    for group in groups:
        if used["train"] + len(group) <= places["train"]:
            part = "train"
        elif used["val"] + len(group) <= places["val"]:
            part = "val"
        else:
            part = "test"
        used[part] += len(group)
        part_of.update(dict.fromkeys(group, part))
    return part_of


def test_balanced_fills_train_with_large_scaffolds_first():
    scaffolds = ["large"] * 6 + ["pair"] * 2 + [f"one{i}" for i in range(12)]
    for seed in range(20):
        parts = balanced_parts(molecules_of(scaffolds), fold=0, seed=seed, val_fraction=0.1, test_fraction=0.1)
        assert parts[:8] == ["train"] * 8
        assert {part: parts.count(part) for part in set(parts)} == {"train": 16, "val": 2, "test": 2}


@given(
    st.lists(st.sampled_from("ABCDEFGHIJKLMNOP"), min_size=10, max_size=150),
    st.integers(0, 50),
    st.integers(0, 4),
    st.sampled_from([0.0, 0.1, 0.2]),
)
def test_balanced_agrees_with_a_second_implementation(scaffolds, seed, fold, val):
    by_scaffold = defaultdict(list)
    for position, scaffold in enumerate(scaffolds):
        by_scaffold[scaffold].append(position)
    half = [share * len(scaffolds) / 2 for share in (val, 0.1) if share > 0]
    large = [group for group in by_scaffold.values() if any(len(group) > limit for limit in half)]
    small = [group for group in by_scaffold.values() if all(len(group) <= limit for limit in half)]
    generator = np.random.default_rng(seed + fold)
    shuffled = [large[i] for i in generator.permutation(len(large))]
    shuffled += [small[i] for i in generator.permutation(len(small))]
    expected = fill_one_by_one(shuffled, len(scaffolds), val, 0.1)
    parts = balanced_parts(molecules_of(scaffolds), fold=fold, seed=seed, val_fraction=val, test_fraction=0.1)
    assert parts == [expected[i] for i in range(len(scaffolds))]


def test_deterministic_gives_the_largest_scaffolds_to_train():
    scaffolds = ["a", "b", "c"] + ["d"] * 5 + ["e"] * 2
    parts = deterministic_parts(molecules_of(scaffolds), val_fraction=0.2, test_fraction=0.1)
    assert parts == ["test", "val", "val"] + ["train"] * 7


@given(
    st.lists(
        st.tuples(st.sampled_from(["", "A", "B", "C", "D", "E", "F"]), st.integers(0, 40)), min_size=2, max_size=80
    ),
    st.integers(0, 9),
)
def test_neither_scaffold_nor_block_is_divided(pairs, seed):
    scaffolds, blocks = [scaffold for scaffold, _ in pairs], [f"B{number}" for _, number in pairs]
    molecules = molecules_of(scaffolds, blocks)
    for parts in (
        balanced_parts(molecules, fold=0, seed=seed, val_fraction=0.2, test_fraction=0.2),
        deterministic_parts(molecules, val_fraction=0.2, test_fraction=0.2),
    ):
        assert len(set(zip(blocks, parts, strict=True))) == len(set(blocks))
        cyclic = [(scaffold, part) for scaffold, part in zip(scaffolds, parts, strict=True) if scaffold]
        assert len(set(cyclic)) == len({scaffold for scaffold, _ in cyclic})


def test_acyclic_molecules_are_grouped_by_block_and_tautomers_join_scaffolds():
    molecules = molecules_of(["", "", "", "ring1", "ring2", "ring2", "ring3"], ["a", "b", "a", "t", "t", "u", "v"])
    assert scaffold_groups(molecules) == [[0, 2], [1], [3, 4, 5], [6]]


def test_fold_shifts_the_seed():
    molecules = molecules_of([f"s{i}" for i in range(60)])
    fractions = {"val_fraction": 0.1, "test_fraction": 0.1}
    one = balanced_parts(molecules, fold=1, seed=3, **fractions)
    assert one == balanced_parts(molecules, fold=0, seed=4, **fractions)
    assert one != balanced_parts(molecules, fold=0, seed=3, **fractions)
