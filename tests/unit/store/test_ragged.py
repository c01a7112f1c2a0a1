import pyarrow as pa
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from spectraflow.store.ragged import Ragged, from_list_columns


def as_ragged(rows: list[list[int]]) -> Ragged:
    table = pa.table({"a": pa.array(rows, pa.list_(pa.int32()))})
    return from_list_columns(table, ["a"], "int64")


@given(st.lists(st.lists(st.integers(0, 99), max_size=5), min_size=1, max_size=8), st.data())
def test_take_equals_a_loop_over_rows(rows, data):
    wanted = data.draw(st.lists(st.integers(0, len(rows) - 1), max_size=10))
    values, segment, counts = as_ragged(rows).take(torch.tensor(wanted, dtype=torch.int64))
    assert values[:, 0].tolist() == [value for row in wanted for value in rows[row]]
    assert segment.tolist() == [place for place, row in enumerate(wanted) for _ in rows[row]]
    assert counts.tolist() == [len(rows[row]) for row in wanted]


def test_sliced_and_chunked_columns_keep_their_rows():
    table = pa.table({"a": pa.chunked_array([[[1], [2, 3]], [[], [4]]], pa.list_(pa.int16()))}).slice(1, 3)
    ragged = from_list_columns(table, ["a"], "int64")
    assert ragged.counts.tolist() == [2, 0, 1]
    assert ragged.values[:, 0].tolist() == [2, 3, 4]


def test_columns_of_other_lengths_are_refused():
    table = pa.table({"a": [[1, 2]], "b": [[1]]})
    with pytest.raises(ValueError, match="'b' has other list lengths"):
        from_list_columns(table, ["a", "b"], "int64")
