import numpy as np
import pytest

from spectraflow.search import exact, shards
from spectraflow.search.exact import search_exact
from spectraflow.search.filters import Filter
from spectraflow.search.library import open_library

from .conftest import allowed_rows, best_rows, formula_of, queries_of, weight_of


@pytest.mark.parametrize("count", [1, 3, 400])
def test_best_rows_are_those_of_all_dot_products(make_library, queries, monkeypatch, count):
    monkeypatch.setattr(shards, "BATCH_ROWS", 64)
    made = make_library(shards=count)
    found = search_exact(queries, *open_library(made.library, made.shards), k=20)
    allowed = allowed_rows(queries, made)
    assert found.rows.tolist() == best_rows(queries, made, allowed, 20)
    assert found.eligible.tolist() == allowed.sum(1).tolist()
    expected = np.einsum("qd,qkd->qk", queries.embeddings, made.embeddings[found.rows])
    np.testing.assert_allclose(found.scores, expected, rtol=1e-5)


@pytest.mark.parametrize("restriction", [Filter("mass", 5.0), Filter("mass", 0.0), Filter("formula")])
@pytest.mark.parametrize("window", [16, 2048])
def test_filters_leave_what_they_say(make_library, queries, monkeypatch, restriction, window):
    monkeypatch.setattr(exact, "WINDOW_ROWS", window)
    made = make_library()
    rows = range(len(made.embeddings))
    if restriction.kind == "mass":
        off = np.abs(np.array([weight_of(row) for row in rows])[None] - queries.weights[:, None])
        agrees = off <= restriction.tolerance
    else:
        agrees = np.array([[formula_of(row) == formula for row in rows] for formula in queries.formulas])
    allowed = allowed_rows(queries, made) & agrees
    found = search_exact(queries, *open_library(made.library, made.shards), k=20, restriction=restriction)
    assert [[row for row in best if row >= 0] for best in found.rows.tolist()] == best_rows(queries, made, allowed, 20)
    assert found.eligible.tolist() == allowed.sum(1).tolist()
    assert np.isneginf(found.scores[found.rows < 0]).all()


def test_more_is_asked_for_than_there_is(make_library, queries):
    made = make_library(count=12, shards=20)
    found = search_exact(queries, *open_library(made.library, made.shards), k=50)
    assert found.rows.shape == (9, 50)
    assert (found.rows >= 0).sum(1).tolist() == allowed_rows(queries, made).sum(1).tolist()


def test_a_query_that_no_molecule_agrees_with_finds_nothing(make_library):
    queries = queries_of(2)
    queries.formulas[1] = "C99H1"
    made = make_library()
    found = search_exact(queries, *open_library(made.library, made.shards), k=5, restriction=Filter("formula"))
    assert (found.rows[0] >= 0).all()
    assert (found.rows[1] == -1).all()
    assert found.eligible[1] == 0
