import subprocess
import sys

import pytest

from spectraflow.errors import InputError
from spectraflow.search.queries import write_queries
from spectraflow.search.run import find_approximate, find_exact
from spectraflow.tables import CANDIDATES, read_table

from .conftest import queries_of
from .test_index import index_of


@pytest.fixture
def own(tmp_path):
    """A user's queries: their molecules are unknown, and no molecule of the library has the last one's formula."""
    queries = queries_of(3, truths=False)
    for name in ("smiles", "first_blocks", "identity_keys"):
        getattr(queries, name)[:] = [None] * 3
    queries.formulas[2] = "C99H1"
    write_queries(tmp_path / "own.parquet", queries)
    return tmp_path / "own.parquet"


def test_own_spectra_get_candidates_with_smiles(make_library, own, tmp_path):
    made = make_library()
    exact = find_exact(own, made.library, made.shards, tmp_path / "e.parquet", 10)
    indexes = index_of(made)
    other = find_approximate(own, made.library, made.shards, indexes, tmp_path / "a.parquet", 10, probes=20, rerank=200)
    assert str(exact) == str(other) == "3 queries"
    first, second = (read_table(tmp_path / name, CANDIDATES) for name in ("e.parquet", "a.parquet"))
    assert first["molecule_id"].to_pylist() == second["molecule_id"].to_pylist()
    assert len(first) == 30
    assert all(first["smiles"].to_pylist())


def test_queries_without_any_candidate_are_told(make_library, own, tmp_path):
    made = make_library()
    outcome = find_exact(own, made.library, made.shards, tmp_path / "e.parquet", 10, "formula")
    assert str(outcome) == "3 queries; no candidate for 1 of them: q:2"


def test_queries_of_another_model_are_refused(make_library, tmp_path):
    made, queries = make_library(), queries_of(2)
    write_queries(
        tmp_path / "q.parquet",
        type(queries)(**{**vars(queries), "embeddings": queries.embeddings[:, :5], "truth": queries.truth[:, :5]}),
    )
    with pytest.raises(InputError, match="embeddings of 5 numbers, but the library's have 12"):
        find_exact(tmp_path / "q.parquet", made.library, made.shards, tmp_path / "e.parquet", 10)


def test_searching_needs_no_torch():
    code = (
        "import sys, spectraflow.search.evaluate, spectraflow.search.run, spectraflow.search.library\n"
        "print('torch' in sys.modules, 'rdkit' in sys.modules)"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "False False"
