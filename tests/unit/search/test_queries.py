import numpy as np
import pytest

from spectraflow.errors import InputError
from spectraflow.search.queries import read_queries, write_queries
from spectraflow.tables import SPLITS, write_table

from .conftest import queries_of


def test_queries_return_as_they_were(tmp_path):
    queries = queries_of(5)
    queries.truth[2] = np.nan
    queries.weights[1], queries.formulas[1] = np.nan, None
    write_queries(tmp_path / "q.parquet", queries)
    found = read_queries(tmp_path / "q.parquet")
    for name in ("ids", "formulas", "smiles", "first_blocks", "identity_keys"):
        assert getattr(found, name) == getattr(queries, name)
    for name in ("embeddings", "weights", "truth"):
        np.testing.assert_array_equal(getattr(found, name), getattr(queries, name))
    assert found.truth_known.tolist() == [True, True, False, True, True]
    assert np.isnan(found.truth_scores).tolist() == [False, False, True, False, False]


def test_truths_may_all_be_unknown(tmp_path):
    write_queries(tmp_path / "q.parquet", queries_of(3, truths=False))
    assert not read_queries(tmp_path / "q.parquet").truth_known.any()


def test_other_tables_are_no_queries(tmp_path):
    write_table(tmp_path / "s.parquet", SPLITS, {"molecule_id": ["a"], "part": ["test"]})
    with pytest.raises(InputError, match="not a table of embedded queries"):
        read_queries(tmp_path / "s.parquet")
    queries = queries_of(2)
    queries.ids[1] = queries.ids[0]
    write_queries(tmp_path / "q.parquet", queries)
    with pytest.raises(InputError, match="1 query ids occur more than once"):
        read_queries(tmp_path / "q.parquet")
    write_queries(tmp_path / "q.parquet", queries_of(0))
    with pytest.raises(InputError, match="holds no query"):
        read_queries(tmp_path / "q.parquet")
