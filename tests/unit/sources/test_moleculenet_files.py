import gzip
from typing import get_args

import pytest

from spectraflow.errors import ConfigError, InputError
from spectraflow.methods.mmfrl.settings import Task
from spectraflow.molecules.standardise import UnusableMolecule
from spectraflow.sources.moleculenet_files import (
    TASKS,
    TaskFile,
    open_rows,
    read_cells,
    read_labels,
    row_number,
    task_file,
)

CLASSES = TaskFile("x", "classification", ("a", "b", "c"))
NUMBERS = TaskFile("x", "regression", ("y",))


def write(tmp_path, text):
    path = tmp_path / "raw.csv.gz"
    path.write_bytes(gzip.compress(text.encode()))
    return path


def test_tasks_are_those_of_the_settings():
    assert tuple(TASKS) == get_args(Task)


@pytest.mark.parametrize(
    ("task", "targets"), [("sider", 27), ("clintox", 2), ("muv", 17), ("tox21", 12), ("toxcast", 617), ("lipo", 1)]
)
def test_tasks_have_as_many_targets_as_published(task, targets):
    assert len(TASKS[task].targets) == targets


def test_columns_that_tell_the_target_are_no_targets():
    named = {name for file in TASKS.values() for name in file.targets}
    hints = {"smiles", "mol_id", "pIC50", "Model", "activity", "calc"}
    assert not named & hints
    assert not any("predicted" in name for name in named)


def test_an_unknown_task_is_named():
    with pytest.raises(ConfigError, match=r"'qm9' is no MoleculeNet task; there are bbbp, .*lipo"):
        task_file("qm9")


def test_rows_are_found_by_name_whatever_the_order_and_the_line_ends(tmp_path):
    columns, lines = open_rows(write(tmp_path, '\ufeffb,"a, b",c,smiles,a\r\n1,"x,y",,CCO ,0\r\n'), CLASSES)
    [line] = lines
    assert row_number(line) == 0
    assert read_cells(line, columns) == ("CCO", ["0", "1", ""])


@pytest.mark.parametrize(
    ("header", "column"), [("smiles,a,b", "c"), ("a,b,c", "smiles"), ("smiles,a,b,c,b", "b"), ("", "smiles")]
)
def test_a_missing_or_repeated_column_is_named(tmp_path, header, column):
    with pytest.raises(InputError, match=rf"raw\.csv\.gz: .*'{column}'"):
        open_rows(write(tmp_path, header + "\n"), CLASSES)


@pytest.mark.parametrize("row", ["CC,1,0", "CC,1,0,1,1", '"CC,1,0,1', ""])
def test_a_row_with_other_cells_is_unusable(tmp_path, row):
    columns, lines = open_rows(write(tmp_path, f"smiles,a,b,c\n{row}\nCO,1,0,1\n"), CLASSES)
    with pytest.raises(UnusableMolecule, match="the header has 4"):
        read_cells(next(lines), columns)
    assert read_cells(next(lines), columns)[0] == "CO"


def test_classes_are_0_and_1_and_empty_cells_missing():
    assert read_labels(["1.0", "", "0"], CLASSES) == ([1.0, None, 0.0], [])


def test_other_values_are_missing_and_named():
    values, unusable = read_labels(["2", "active", "nan"], CLASSES)
    assert values == [None, None, None]
    assert [(cell.reason, cell.message[0]) for cell in unusable] == [("unknown_label", name) for name in "abc"]


@pytest.mark.parametrize(
    ("text", "reason"), [("inf", "number_not_finite"), ("nan", "number_not_finite"), ("low", "wrong_value")]
)
def test_numbers_must_be_finite(text, reason):
    values, unusable = read_labels([text], NUMBERS)
    assert values == [None]
    assert [cell.reason for cell in unusable] == [reason]


def test_numbers_stay():
    assert read_labels(["-3.5e-1"], NUMBERS) == ([-0.35], [])
