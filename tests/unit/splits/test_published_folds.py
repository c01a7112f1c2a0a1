import numpy as np
import pytest

from spectraflow.errors import ConfigError, InputError
from spectraflow.splits.molecules import SplitMolecules
from spectraflow.splits.published_folds import listed_molecules, published_parts, read_id_list


def molecules_of(native: list[str]) -> SplitMolecules:
    ids = sorted(f"nmrshiftdb2:{i}" for i in native)
    return SplitMolecules(ids, [f"B{i}" for i in ids], list(ids), [""] * len(ids))


def test_fold_is_a_slice_of_the_legacy_permutation_of_the_byte_order():
    native = [str(i) for i in (9, 10, 100, 23, 5, 77, 801, 1234, 42, 8, 61)]
    ordered = sorted(native, key=lambda i: b"nmrshiftdb2_" + i.encode())
    assert ordered[:3] == ["10", "100", "1234"]
    np.random.seed(42)
    order = np.random.permutation(11)
    molecules = molecules_of(native)
    for fold in range(5):
        parts = published_parts(molecules, native, folds=5, fold=fold, seed=42, val_fraction=0)
        tested = {molecule for molecule, part in zip(molecules.ids, parts, strict=True) if part == "test"}
        assert tested == {f"nmrshiftdb2:{ordered[i]}" for i in order[2 * fold : 2 * fold + 2]}
        assert parts.count("train") == 9


def test_absent_molecules_leave_the_others_where_they_were():
    native = [str(i) for i in range(200)]
    settings = {"folds": 5, "fold": 1, "seed": 42, "val_fraction": 0}
    whole = molecules_of(native)
    full = dict(zip(whole.ids, published_parts(whole, native, **settings), strict=True))
    part = molecules_of(native[::3])
    assert published_parts(part, native, **settings) == [full[molecule] for molecule in part.ids]


def test_order_of_the_list_is_irrelevant():
    native = [str(i) for i in range(50)]
    settings = {"folds": 5, "fold": 0, "seed": 42, "val_fraction": 0.1}
    molecules = molecules_of(native)
    assert published_parts(molecules, native, **settings) == published_parts(molecules, native[::-1], **settings)


def test_val_is_taken_from_train_alone():
    native = [str(i) for i in range(100)]
    molecules = molecules_of(native)
    without = published_parts(molecules, native, folds=5, fold=3, seed=42, val_fraction=0)
    parts = published_parts(molecules, native, folds=5, fold=3, seed=42, val_fraction=0.25)
    assert parts.count("val") == 20
    assert [part == "test" for part in parts] == [part == "test" for part in without]


def test_unlisted_molecules_are_an_error_unless_left_out():
    molecules = molecules_of(["1", "2", "3", "99"])
    with pytest.raises(InputError, match=r"1 molecule.*nmrshiftdb2:99"):
        published_parts(molecules, ["1", "2", "3"], folds=2, fold=0, seed=42, val_fraction=0)
    assert listed_molecules(molecules, ["3", "1", "7"]).ids == ["nmrshiftdb2:1", "nmrshiftdb2:3"]


def test_more_folds_than_ids_is_an_error():
    with pytest.raises(ConfigError, match="3 ids cannot be cut into 5 folds"):
        published_parts(molecules_of(["1"]), ["1", "2", "3"], folds=5, fold=0, seed=42, val_fraction=0)


@pytest.mark.parametrize(("text", "message"), [("", "holds no ids"), ("1\n2\n1\n", r"1 id\(s\) are repeated")])
def test_faulty_id_lists_are_named(tmp_path, text, message):
    (tmp_path / "ids.txt").write_text(text)
    with pytest.raises(InputError, match=message):
        read_id_list(tmp_path / "ids.txt")
