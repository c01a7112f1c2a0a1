import numpy as np
import pytest

from spectraflow.errors import InputError
from spectraflow.search.exact import search_exact
from spectraflow.search.index import index_shard, propose, search_approximate, train_index, truths_reached
from spectraflow.search.library import open_library
from spectraflow.search.settings import IndexSettings

from .conftest import queries_of

SETTINGS = IndexSettings(lists=20, probes=5, rerank=40, dimensions=10, sample=2000)


def index_of(made, settings=SETTINGS):
    folder = made.library.parent
    train_index(settings, made.shards, made.library, folder / "trained.faiss")
    indexes = [shard.with_suffix(".faiss") for shard in made.shards]
    for shard, index in zip(made.shards, indexes, strict=True):
        index_shard(folder / "trained.faiss", shard, made.library, index)
    return indexes


def test_visiting_every_list_is_exact(make_library, queries):
    made = make_library(count=1000, shards=3)
    indexes, opened = index_of(made), open_library(made.library, made.shards)
    found = search_approximate(queries, opened[0], indexes[::-1], opened[1], 10, 20, 400)
    exact = search_exact(queries, *opened, 10)
    assert found.rows.tolist() == exact.rows.tolist()
    np.testing.assert_allclose(found.scores, exact.scores, rtol=1e-5)
    assert found.eligible.tolist() == exact.eligible.tolist()


def test_few_lists_find_most_of_the_best(make_library):
    made, queries = make_library(count=4000, shards=2), queries_of(60)
    indexes, opened = index_of(made), open_library(made.library, made.shards)
    found = search_approximate(queries, opened[0], indexes, opened[1], 10, 5, 60)
    exact = search_exact(queries, *opened, 10)
    shared = np.mean([np.isin(one, other).mean() for one, other in zip(exact.rows, found.rows, strict=True)])
    assert shared > 0.8
    proposed, _ = propose(queries.embeddings, indexes, 3997, 60, 5)
    assert not np.isin(proposed, [7, 8, 41]).any()  # the duplicates


def test_truths_are_reached_as_the_molecules_of_the_library_are(make_library):
    """Molecules of the library stand for truths: those the index proposes must be those it is said to reach."""
    made, queries = make_library(count=3000, shards=2), queries_of(200)
    indexes, opened = index_of(made), open_library(made.library, made.shards)
    queries.first_blocks[:] = [None] * 200
    rows = search_exact(queries, *opened, 30).rows[np.arange(200), np.arange(200) % 30]
    queries.truth[:] = made.embeddings[rows]
    reached = truths_reached(queries, opened[0], indexes, opened[1], 10, 2, 40)
    proposed, _ = propose(queries.embeddings, indexes, 2997, 40, 2)
    assert reached.tolist() == (proposed == rows[:, None]).any(1).tolist()
    assert 0.2 < reached.mean() < 0.98
    queries.truth[0] = np.nan
    assert not truths_reached(queries, opened[0], indexes, opened[1], 10, 20, 3000)[0]


def test_library_smaller_than_its_lists_and_shards(make_library, queries):
    made = make_library(count=30, shards=40)
    indexes, opened = index_of(made), open_library(made.library, made.shards)
    found = search_approximate(queries, opened[0], indexes, opened[1], 50, 5, 10)
    assert found.rows.tolist() == search_exact(queries, *opened, 50).rows.tolist()


def test_indexes_that_lack_a_shard_are_refused(make_library, queries):
    made = make_library()
    indexes, opened = index_of(made), open_library(made.library, made.shards)
    with pytest.raises(InputError, match=r"hold \d+ molecules, not 297"):
        search_approximate(queries, opened[0], indexes[1:], opened[1], 5, 5, 10)
    with pytest.raises(InputError, match="not an index"):
        search_approximate(queries, opened[0], [made.shards[0]], opened[1], 5, 5, 10)


def test_training_is_repeatable(make_library, tmp_path):
    made = make_library()
    paths = [tmp_path / name for name in ("a", "b")]
    for path in paths:
        train_index(SETTINGS, made.shards, made.library, path)
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_a_library_of_nothing_cannot_be_indexed(make_library, tmp_path):
    made = make_library(count=0, without_graph=0)
    with pytest.raises(InputError, match="no molecule to index"):
        train_index(SETTINGS, made.shards, made.library, tmp_path / "t.faiss")
