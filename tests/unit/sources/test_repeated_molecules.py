import numpy as np
import pyarrow as pa
import pytest

from spectraflow.sources.property_targets import target_matrix
from spectraflow.sources.repeated_molecules import count_repeats, merge_repeated
from spectraflow.tables import PROPERTIES


def table_of(*rows):
    columns = [
        {"molecule_id": f"t:{i}", "row": i, "smiles": f"S{i}", "inchikey": key, "scaffold": "", "targets": targets}
        for i, (key, targets) in enumerate(rows)
    ]
    return pa.Table.from_pylist(columns, schema=PROPERTIES)


def test_equal_classes_stay_unlike_ones_become_missing():
    table = table_of(
        ("A", [1.0, 0.0, None, None]),
        ("B", [0.0, 0.0, 0.0, 0.0]),
        ("A", [1.0, 1.0, 0.0, None]),
        ("A", [None, 1.0, 0.0, None]),
    )
    result = merge_repeated(table, 4, "classification")
    assert (result.merged, result.dropped, result.conflicting_labels) == (2, 0, 1)
    assert result.table["row"].to_pylist() == [0, 1]
    assert result.table["smiles"].to_pylist() == ["S0", "S1"]
    assert result.table["targets"].to_pylist() == [[1.0, None, 0.0, None], [0.0] * 4]


def test_near_numbers_become_their_mean_far_ones_go():
    table = table_of(
        ("A", [1.0]), ("B", [2.0]), ("A", [1.5]), ("B", [2.51]), ("C", [-3.05]), ("C", [-2.55]), ("D", [7.0])
    )
    result = merge_repeated(table, 1, "regression")
    assert (result.merged, result.dropped) == (2, 2)
    assert result.table["molecule_id"].to_pylist() == ["t:0", "t:4", "t:6"]
    assert [row[0] for row in result.table["targets"].to_pylist()] == pytest.approx([1.25, -2.8, 7.0], abs=1e-6)


def test_a_missing_number_counts_for_nothing():
    result = merge_repeated(table_of(("A", [None]), ("A", [2.0]), ("B", [None]), ("B", [None])), 1, "regression")
    assert result.table["targets"].to_pylist() == [[2.0], [None]]
    assert (result.merged, result.dropped) == (2, 0)


def test_molecules_without_inchikey_are_left_alone():
    result = merge_repeated(table_of((None, [1.0]), (None, [0.0])), 1, "classification")
    assert result.table.num_rows == 2


def test_repeats_are_counted_with_their_conflicts():
    values = target_matrix(table_of(("A", [1.0, None]), ("A", [1.0, 0.0]), ("B", [0.0, 1.0]), ("B", [0.0, 0.0])), 2)
    assert count_repeats(["a", "a", "b", "b"], values) == {"groups": 2, "conflicting": 1}
    assert count_repeats(["a", "b", "c", "d"], values) == {"groups": 0, "conflicting": 0}
    assert np.isnan(values[0, 1])
