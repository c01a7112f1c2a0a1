import numpy as np
import pytest

from spectraflow.errors import InputError
from spectraflow.files import read_json
from spectraflow.search import library as library_module
from spectraflow.search.library import Library, describe_library, open_library

from .conftest import DUPLICATES


@pytest.mark.parametrize("rows", [11, 128_000])
def test_duplicates_are_marked_and_everything_is_counted(make_library, monkeypatch, rows):
    monkeypatch.setattr(library_module, "ROW_GROUP_ROWS", rows)
    made = make_library(count=50)
    opened = Library.open(made.library)
    assert np.flatnonzero(~opened.usable(range(50))).tolist() == list(DUPLICATES)
    assert opened.table.column("molecule_id").to_pylist() == [f"lib:{row}" for row in range(50)]
    assert opened.table.column("first_block")[12].as_py() == "BLOCK12"
    assert read_json(made.counts) == {
        "molecules": 54,
        "without_graph": 4,
        "embedded": 50,
        "duplicates": 3,
        "without_mass": 0,
        "without_formula": 0,
    }


def test_rows_are_taken_in_the_order_asked(make_library):
    opened = Library.open(make_library(count=50).library)
    assert opened.take(np.array([9, 2, 9]), ["molecule_id"]) == {"molecule_id": ["lib:9", "lib:2", "lib:9"]}


def test_graphs_of_another_library_are_refused(make_library, tmp_path):
    one, other = make_library(count=50), make_library(count=60)
    with pytest.raises(InputError, match="lacks, such as lib:50"):
        describe_library(one.molecules, other.graphs, tmp_path / "l.arrow", tmp_path / "c.json")
    with pytest.raises(InputError, match="60 molecules, but the shards are of a library of 50"):
        open_library(other.library, one.shards)


def test_other_files_are_no_library(make_library, tmp_path):
    with pytest.raises(InputError, match="not a library table of this version"):
        Library.open(make_library(count=5, shards=1).shards[0])
    with pytest.raises(InputError, match="no such library"):
        Library.open(tmp_path / "none.arrow")
