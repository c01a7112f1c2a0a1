from hypothesis import given
from hypothesis import strategies as st

from spectraflow.splits.molecules import SplitMolecules
from spectraflow.splits.random_folds import random_parts


def molecules_of(blocks: list[str]) -> SplitMolecules:
    ids = [f"x:{i:04d}" for i in range(len(blocks))]
    return SplitMolecules(ids, blocks, list(ids), [""] * len(blocks))


@given(
    st.lists(st.integers(0, 60), min_size=5, max_size=120).map(lambda numbers: [f"B{n}" for n in numbers]),
    st.integers(2, 8),
    st.integers(0, 99),
    st.floats(0, 0.49),
)
def test_test_parts_partition_the_molecules_and_no_block_crosses(blocks, folds, seed, val_fraction):
    molecules = molecules_of(blocks)
    tested = []
    for fold in range(folds):
        parts = random_parts(molecules, folds=folds, fold=fold, seed=seed, val_fraction=val_fraction)
        assert len(set(zip(blocks, parts, strict=True))) == len(set(blocks))
        tested += [i for i, part in enumerate(parts) if part == "test"]
    assert sorted(tested) == list(range(len(blocks)))


def test_sizes_follow_the_settings():
    parts = random_parts(molecules_of([f"B{i}" for i in range(1000)]), folds=5, fold=2, seed=1, val_fraction=0.1)
    assert {part: parts.count(part) for part in set(parts)} == {"train": 720, "val": 80, "test": 200}


def test_seed_changes_folds_and_fold_changes_val():
    molecules = molecules_of([f"B{i}" for i in range(200)])
    first = random_parts(molecules, folds=4, fold=0, seed=1, val_fraction=0.1)
    assert first != random_parts(molecules, folds=4, fold=0, seed=2, val_fraction=0.1)
    assert first == random_parts(molecules, folds=4, fold=0, seed=1, val_fraction=0.1)


def test_no_val_part_unless_asked_for():
    parts = random_parts(molecules_of([f"B{i}" for i in range(20)]), folds=4, fold=0, seed=1, val_fraction=0)
    assert set(parts) == {"train", "test"}
