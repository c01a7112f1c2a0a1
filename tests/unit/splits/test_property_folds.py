import json
import warnings
from collections import defaultdict
from pathlib import Path
from random import Random

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rdkit import Chem, rdBase

from spectraflow.errors import AccountingError, ConfigError, InputError
from spectraflow.files import read_json
from spectraflow.molecules.scaffolds import murcko_scaffold
from spectraflow.sources.moleculenet_files import open_rows, read_cells, task_file
from spectraflow.splits import property_folds
from spectraflow.splits.property_folds import (
    audit_property_split,
    balanced_parts,
    deterministic_parts,
    make_property_split,
    scaffold_groups,
)
from spectraflow.tables import PROPERTIES, SPLITS, TableWriter, read_table

MIRROR = Path(__file__).parents[4] / "shared" / "data" / "moleculenet"
needs_mirror = pytest.mark.skipif(not MIRROR.is_dir(), reason="no mirror of real data beside the project")


def table_of(rows):
    """Return a properties table of (scaffold, first block, targets)."""
    columns = [
        {
            "molecule_id": f"t:{i}",
            "row": i,
            "smiles": "C",
            "inchikey": block and f"{block}-UHFFFAOYSA-N",
            "scaffold": scaffold,
            "targets": targets,
        }
        for i, (scaffold, block, targets) in enumerate(rows)
    ]
    return pa.Table.from_pylist(columns, schema=PROPERTIES)


def write(path, table, targets=("y",), kind="classification"):
    facts = {"task": "t", "cleaning": "paper", "kind": kind, "targets": list(targets), "raw_sha256": "0", "rdkit": "1"}
    with TableWriter(path, PROPERTIES, {"spectraflow.properties": json.dumps(facts)}) as writer:
        writer.write(table)
    return path


def chemprop_1(scaffolds, seed):
    """The rule of chemprop 1 step by step, its three sizes in one list."""
    sizes = [share * len(scaffolds) for share in (0.8, 0.1, 0.1)]
    by_scaffold = defaultdict(set)
    for index, scaffold in enumerate(scaffolds):
        by_scaffold[scaffold].add(index)
    big, small = [], []
    for indices in by_scaffold.values():
        (big if len(indices) > sizes[1] / 2 or len(indices) > sizes[2] / 2 else small).append(indices)
    random = Random(seed)
    random.shuffle(big)
    random.shuffle(small)
    train, val, test = [], [], []
    for indices in big + small:
        if len(train) + len(indices) <= sizes[0]:
            train += indices
        elif len(val) + len(indices) <= sizes[1]:
            val += indices
        else:
            test += indices
    return {**dict.fromkeys(train, "train"), **dict.fromkeys(val, "val"), **dict.fromkeys(test, "test")}


def deepchem(scaffolds):
    """The rule of DeepChem step by step."""
    by_scaffold = defaultdict(list)
    for index, scaffold in enumerate(scaffolds):
        by_scaffold[scaffold].append(index)
    groups = [
        group for _, group in sorted(by_scaffold.items(), key=lambda item: (len(item[1]), item[1][0]), reverse=True)
    ]
    train, val, test = [], [], []
    for group in groups:
        if len(train) + len(group) > 0.8 * len(scaffolds):
            if len(train) + len(val) + len(group) > (0.8 + 0.1) * len(scaffolds):
                test += group
            else:
                val += group
        else:
            train += group
    return {**dict.fromkeys(train, "train"), **dict.fromkeys(val, "val"), **dict.fromkeys(test, "test")}


scaffold_lists = st.lists(st.sampled_from(["", *"ABCDEFGHIJKLMNOPQRSTUVWXYZ"]), min_size=1, max_size=150)


@given(scaffold_lists, st.integers(0, 50))
def test_protocols_agree_with_a_second_implementation(scaffolds, seed):
    expected = chemprop_1(scaffolds, seed)
    assert balanced_parts(scaffolds, seed) == [expected[i] for i in range(len(scaffolds))]
    expected = deepchem(scaffolds)
    assert deterministic_parts(scaffolds) == [expected[i] for i in range(len(scaffolds))]


@given(scaffold_lists, st.integers(0, 9))
def test_no_scaffold_is_divided_the_empty_one_neither(scaffolds, seed):
    for parts in (balanced_parts(scaffolds, seed), deterministic_parts(scaffolds)):
        assert len(set(zip(scaffolds, parts, strict=True))) == len(set(scaffolds))


def test_seeds_give_other_balanced_splits_and_the_same_seed_the_same():
    scaffolds = [f"s{i % 40}" for i in range(60)]
    splits = [tuple(balanced_parts(scaffolds, seed)) for seed in range(5)]
    assert len(set(splits)) == 5
    assert balanced_parts(scaffolds, 3) == list(splits[3])


def test_among_equal_sizes_the_last_molecules_are_trained_on():
    assert deterministic_parts([f"s{i}" for i in range(10)]) == ["test", "val"] + ["train"] * 8


def two_class_rows(count=20):
    return [(f"s{i}", f"BLOCK{i:09d}", [float(i % 2), None if i < 10 else 1.0]) for i in range(count)]


def test_split_and_audit_are_written(tmp_path):
    properties = write(tmp_path / "p.parquet", table_of(two_class_rows()), ("y", "z"))
    out, audit = tmp_path / "out.parquet", tmp_path / "audit.json"
    found = make_property_split(properties, out, audit, "scaffold_deterministic", 0)
    assert read_json(audit) == found
    split = read_table(out, SPLITS)
    assert split["molecule_id"].to_pylist() == [f"t:{i}" for i in range(20)]
    assert split["part"].to_pylist() == ["test"] * 2 + ["val"] * 2 + ["train"] * 16
    assert {part: size["molecules"] for part, size in found["sizes"].items()} == {"train": 16, "val": 2, "test": 2}
    assert found["sizes"]["test"]["one_class_targets"] == ["z"]
    assert found["sizes"]["train"]["evaluable_targets"] == 1
    assert found["labels"]["y"]["test"] == {"known": 2, "positive": 1}
    assert found["labels"]["z"] == {
        "train": {"known": 10, "positive": 10},
        "val": {"known": 0, "positive": 0},
        "test": {"known": 0, "positive": 0},
    }
    assert found["settings"]["kind"] == "scaffold_deterministic"
    assert found["data"]["raw_sha256"] == "0"


def test_a_part_without_any_evaluable_target_is_no_error(tmp_path):
    rows = [(f"s{i}", f"B{i:013d}", [float(i >= 2)]) for i in range(20)]
    found = make_property_split(
        write(tmp_path / "p.parquet", table_of(rows)), tmp_path / "o", tmp_path / "a", "scaffold_deterministic", 0
    )
    assert [found["sizes"][part]["evaluable_targets"] for part in ("train", "val", "test")] == [0, 0, 0]


def test_first_blocks_that_cross_are_counted():
    rows = [("a", "AAAAAAAAAAAAAA", [1.0]), ("b", "AAAAAAAAAAAAAA", [0.0]), ("c", None, [1.0])]
    found = audit_property_split(table_of(rows), ["train", "test", "val"], ["y"], "classification")
    assert found["overlap"]["train-test"] == {"first_blocks": 1, "scaffolds": 0}
    assert found["overlap"]["train-val"] == {"first_blocks": 0, "scaffolds": 0}


def test_regression_targets_are_evaluable_wherever_there_is_a_number():
    rows = [("a", None, [1.0]), ("b", None, [2.0]), ("c", None, [None])]
    found = audit_property_split(table_of(rows), ["train", "val", "test"], ["y"], "regression")
    assert [size["evaluable_targets"] for size in found["sizes"].values()] == [1, 1, 0]
    assert found["labels"]["y"]["train"] == {"known": 1}


def test_a_scaffold_that_crosses_is_refused(tmp_path, monkeypatch):
    properties = write(tmp_path / "p.parquet", table_of([("", None, [float(i % 2)]) for i in range(20)]))
    monkeypatch.setattr(property_folds, "balanced_parts", lambda scaffolds, seed: ["train"] * 16 + ["val", "test"] * 2)
    with pytest.raises(AccountingError, match="scaffolds cross"):
        make_property_split(properties, tmp_path / "o", tmp_path / "a", "scaffold_balanced", 0)
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([("", None, [1.0])] * 20, "no molecules are left for train and val"),
        ([("", None, [1.0, 0.0])] * 20, "2 targets"),
    ],
)
def test_tables_that_cannot_be_split_are_named(tmp_path, rows, message):
    with pytest.raises(InputError, match=message):
        make_property_split(
            write(tmp_path / "p.parquet", table_of(rows)), tmp_path / "o", tmp_path / "a", "scaffold_balanced", 0
        )


def test_an_unknown_protocol_is_refused(tmp_path):
    properties = write(tmp_path / "p.parquet", table_of(two_class_rows()), ("y", "z"))
    with pytest.raises(ConfigError, match="'random'"):
        make_property_split(properties, tmp_path / "o", tmp_path / "a", "random", 0)


def published(task):
    """Return molecules and labels (text) of the rows of a published file that can be read."""
    file = task_file(task)
    columns, lines = open_rows(MIRROR / f"{file.stem}.csv.gz", file)
    with rdBase.BlockLogs():
        rows = [(Chem.MolFromSmiles(smiles), cells) for smiles, cells in (read_cells(line, columns) for line in lines)]
    return [mol for mol, _ in rows if mol is not None], [cells for mol, cells in rows if mol is not None]


BALANCED = {
    "bbbp": (1631, 203, 205), "bace": (1210, 151, 152), "sider": (1141, 142, 144), "clintox": (1184, 148, 148),
    "hiv": (32896, 4112, 4112), "muv": (74501, 9312, 9314), "tox21": (6258, 782, 783), "toxcast": (6877, 859, 861),
    "esol": (902, 112, 114), "freesolv": (513, 64, 65), "lipo": (3360, 420, 420),
}  # fmt: skip


@pytest.mark.real_data
@needs_mirror
@pytest.mark.parametrize(
    "task", [pytest.param(name, marks=pytest.mark.slow if sum(BALANCED[name]) > 4000 else ()) for name in BALANCED]
)
def test_published_files_give_the_published_sizes(task):
    scaffolds = [murcko_scaffold(mol) for mol in published(task)[0]]
    for seed in (*range(10), 19, 42):
        parts = balanced_parts(scaffolds, seed)
        assert tuple(parts.count(part) for part in ("train", "val", "test")) == BALANCED[task]
    parts = deterministic_parts(scaffolds)
    differences = [
        parts.count(part) - size for part, size in zip(("train", "val", "test"), BALANCED[task], strict=True)
    ]
    assert differences[0] == 0
    assert all(abs(difference) <= 1 for difference in differences)


@pytest.mark.real_data
@needs_mirror
@pytest.mark.parametrize(("task", "single"), [("bbbp", ["val", "test"]), ("bace", ["test"])])
def test_the_other_tie_break_leaves_a_single_class(task, single):
    mols, labels = published(task)
    scaffolds = [murcko_scaffold(mol) for mol in mols]
    targets = [[float(cells[0])] for cells in labels]
    table = table_of([(scaffold, None, label) for scaffold, label in zip(scaffolds, targets, strict=True)])
    # sorting is stable: equal sizes stay in ascending order of their first molecule
    groups = sorted(scaffold_groups(scaffolds), key=len, reverse=True)
    order = [row for group in groups for row in group]
    wrong, right = deterministic_parts([scaffolds[row] for row in reversed(order)]), deterministic_parts(scaffolds)
    wrong = [part for _, part in sorted(zip(reversed(order), wrong, strict=True))]
    found = {
        name: [
            part
            for part, size in audit_property_split(table, parts, ["y"], "classification")["sizes"].items()
            if size["one_class_targets"]
        ]
        for name, parts in (("wrong", wrong), ("right", right))
    }
    assert found == {"wrong": single, "right": []}


@pytest.mark.real_data
@needs_mirror
@pytest.mark.parametrize("task", ["esol"])
def test_groups_are_those_of_chemprop_2_though_it_fills_test_first(task):
    mols, _ = published(task)
    scaffolds = [murcko_scaffold(mol) for mol in mols]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from astartes.samplers.extrapolation.scaffold import Scaffold
        from chemprop.data import make_split_indices

        theirs = [Scaffold.generate_bemis_murcko_scaffold(mol) for mol in mols]
        train, val, test = (places[0] for places in make_split_indices(mols, "scaffold_balanced", (0.8, 0.1, 0.1)))
    assert scaffold_groups(theirs) == scaffold_groups(scaffolds)
    assert not {scaffolds[i] for i in train} & {scaffolds[i] for i in val + test}
    assert not {scaffolds[i] for i in val} & {scaffolds[i] for i in test}


@pytest.mark.real_data
@needs_mirror
@pytest.mark.parametrize("task", ["bbbp", "esol"])
def test_deterministic_parts_agree_with_scikit_fingerprints(task):
    """It fills the same order of scaffolds from test to train, so that only molecules at the two borders differ."""
    splitters = pytest.importorskip("skfp.model_selection")
    mols, _ = published(task)
    sizes = {"train_size": 0.8, "valid_size": 0.1, "test_size": 0.1}
    theirs = splitters.scaffold_train_valid_test_split(mols, **sizes, return_indices=True)
    parts = deterministic_parts([murcko_scaffold(mol) for mol in mols])
    agreeing = sum(
        parts[i] == part for part, places in zip(("train", "val", "test"), theirs, strict=True) for i in places
    )
    assert agreeing >= len(mols) - 3
