import numpy as np
import pytest

from spectraflow.files import read_json
from spectraflow.search.evaluate import evaluate_search
from spectraflow.search.index import index_shard, train_index
from spectraflow.search.queries import write_queries
from spectraflow.search.settings import IndexSettings, SearchSettings
from spectraflow.tables import CANDIDATES, SEARCH_RANKS, read_table

from .conftest import WIDTH, queries_of

INDEX = IndexSettings(lists=10, probes=10, rerank=100, dimensions=WIDTH, sample=2000)
SETTINGS = SearchSettings(candidates=20, k=[1, 10], index=INDEX)


@pytest.fixture
def evaluate(make_library, tmp_path):
    def run(queries, settings=SETTINGS):
        made = make_library()
        train_index(settings.index, made.shards, made.library, tmp_path / "trained")
        indexes = [shard.with_suffix(".faiss") for shard in made.shards]
        for shard, index in zip(made.shards, indexes, strict=True):
            index_shard(tmp_path / "trained", shard, made.library, index)
        write_queries(tmp_path / "queries.parquet", queries)
        out = [tmp_path / name for name in ("candidates.parquet", "ranks.parquet", "search.json")]
        evaluate_search(settings, tmp_path / "queries.parquet", made.shards, indexes, made.library, *out)
        return (
            read_table(out[0], CANDIDATES).to_pylist(),
            read_table(out[1], SEARCH_RANKS).to_pylist(),
            read_json(out[2]),
        )

    return run


def test_spectra_that_are_their_molecules_are_found_and_swapped_ones_are_not(evaluate):
    queries = queries_of(60)
    queries.truth[:] = queries.embeddings
    candidates, ranks, summary = evaluate(queries)
    for search, name in (("exact", "none"), ("exact", "mass"), ("exact", "formula"), ("approximate", "none")):
        assert summary[search][name]["recall"]["1"]["value"] == 1
        assert summary[search][name]["truth_absent"] == 0
        assert summary[search][name]["seconds"] > 0
    swapped = summary["exact"]["none"]["swapped_spectra"]["10"]["value"]
    assert swapped < 0.5
    assert summary["exact"]["none"]["chance"]["10"] == pytest.approx(10 / 298, rel=0.02)
    assert summary["exact"]["formula"]["chance"]["10"] > 0.2
    assert [row["molecule_id"] for row in candidates if row["rank"] == 1] == queries.ids
    assert len(ranks) == 4 * 60
    assert {row["rank"] for row in ranks} == {1}


def test_counts_say_what_was_left_out(evaluate):
    queries = queries_of(12)
    queries.truth[:] = -queries.embeddings  # the worst score there is
    queries.truth[3] = np.nan
    _, ranks, summary = evaluate(queries)
    assert summary["library"] == {
        "rows": 300,
        "duplicates": 3,
        "candidates": 297,
        "shards": 3,
        "queries_with_own_first_block": 12,
        "same_first_block_removed": 12,
    }
    assert (summary["queries"], summary["truth_unknown"]) == (12, 1)
    assert summary["exact"]["none"]["truth_absent"] == 11
    assert summary["exact"]["none"]["recall"]["10"]["n"] == 11
    assert summary["exact"]["none"]["recall"]["10"]["value"] == 0
    assert all(row["rank"] is None for row in ranks if row["search"] == "approximate")
    assert len(ranks) == 4 * 12


def test_an_index_visited_whole_loses_nothing(evaluate):
    _, _, summary = evaluate(queries_of(30))
    assert summary["index"]["recall"]["value"] == 1
    assert summary["index"]["settings"]["probes"] == 10
    exact, approximate = (summary[name]["none"]["recall"] for name in ("exact", "approximate"))
    assert exact == approximate
