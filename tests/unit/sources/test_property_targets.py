import numpy as np
import pyarrow as pa
import pytest

from spectraflow.errors import InputError
from spectraflow.sources.property_targets import read_facts, target_lists, target_matrix
from spectraflow.tables import PROPERTIES, TableWriter


def table_of(lists):
    rows = [
        {"molecule_id": f"t:{i}", "row": i, "smiles": "C", "inchikey": None, "scaffold": "", "targets": targets}
        for i, targets in enumerate(lists)
    ]
    return pa.Table.from_pylist(rows, schema=PROPERTIES)


def test_missing_labels_survive_the_way_there_and_back():
    lists = [[1.0, None], [None, None], [0.0, 2.5]]
    table = table_of(lists)
    values = target_matrix(table, 2)
    np.testing.assert_array_equal(values, [[1, np.nan], [np.nan, np.nan], [0, 2.5]])
    assert target_lists(values).to_pylist() == lists
    assert target_matrix(table.slice(1), 2).tolist()[1] == [0.0, 2.5]


def test_no_rows_have_no_targets():
    assert target_matrix(table_of([]), 3).shape == (0, 3)


@pytest.mark.parametrize("lists", [[[1.0, 0.0], [1.0]], [[1.0, 0.0], [1.0, 0.0, 1.0]], [[1.0, 0.0], None]])
def test_a_row_with_other_targets_is_named(lists):
    with pytest.raises(InputError, match=r"t:1 has . targets, the task has 2"):
        target_matrix(table_of(lists), 2)


def test_a_table_without_facts_is_named(tmp_path):
    path = tmp_path / "bare.parquet"
    with TableWriter(path, PROPERTIES) as writer:
        writer.write(table_of([[1.0]]))
    with pytest.raises(InputError, match=r"bare\.parquet"):
        read_facts(path)
    with pytest.raises(InputError, match=r"absent\.parquet"):
        read_facts(tmp_path / "absent.parquet")
