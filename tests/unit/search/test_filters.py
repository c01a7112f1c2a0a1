import numpy as np
import pytest

from spectraflow.errors import InputError
from spectraflow.search.filters import Filter, own_rows, windows
from spectraflow.search.library import Library

from .conftest import DUPLICATES, formula_of, queries_of, weight_of


def test_windows_hold_the_rows_that_agree(make_library, queries):
    library = Library.open(make_library().library)
    order, low, high = windows(queries, library, range(100, 250), Filter("mass", 3.0))
    for query, weight in enumerate(queries.weights):
        inside = set(order[low[query] : high[query]].tolist())
        assert inside == {row for row in range(100, 250) if abs(weight_of(row) - weight) <= 3.0}
    order, low, high = windows(queries, library, range(100), Filter("formula"))
    for query, formula in enumerate(queries.formulas):
        inside = set(order[low[query] : high[query]].tolist())
        assert inside == {row for row in range(100) if formula_of(row) == formula} - set(DUPLICATES)


def test_own_rows_are_found_in_every_part_and_under_a_filter(make_library, queries):
    library = Library.open(make_library().library)
    own = own_rows(queries, library, [range(45), range(45, 300)])
    assert dict(zip(own.query.tolist(), own.row.tolist(), strict=True)) == {n: 10 * n for n in range(9)}
    assert own.most == 1
    kept = own_rows(queries, library, [range(300)], Filter("formula"))
    assert kept.row.tolist() == [10 * n for n in range(9) if formula_of(10 * n) == formula_of(n)]


@pytest.mark.parametrize("kind", ["mass", "formula"])
def test_a_query_that_lacks_what_is_filtered_by_is_named(make_library, kind):
    queries = queries_of(4)
    queries.weights[2], queries.formulas[2] = np.nan, None
    with pytest.raises(InputError, match=f"the {kind} of every query; q:2 and 0 more"):
        windows(queries, Library.open(make_library().library), range(300), Filter(kind))
