"""Exact search: the highest dot products with all of a library, or with the part of it a filter leaves.

One shard is mapped at a time, and of it one batch is worked on, so memory does not grow with the library.
"""

from collections.abc import Sequence
from typing import NamedTuple

import faiss
import numpy as np

from spectraflow.search.filters import Filter, own_rows, windows
from spectraflow.search.library import Library
from spectraflow.search.queries import SearchQueries
from spectraflow.search.shards import Shard

WINDOW_ROWS = 2048


class Found(NamedTuple):
    """The best k of each query in falling order: scores (q, k) float32, library rows (q, k) int64, -1 where none.

    `eligible` (q,) int64 counts the molecules that were candidates.
    """

    scores: np.ndarray
    rows: np.ndarray
    eligible: np.ndarray


def search_exact(
    queries: SearchQueries, shards: Sequence[Shard], library: Library, k: int, restriction: Filter | None = None
) -> Found:
    """Return the best k molecules of each query.

    Never candidates: duplicates, and molecules with the first block of the query's own.
    """
    own = own_rows(queries, library, [shard.rows for shard in shards], restriction)
    heap = faiss.ResultHeap(len(queries), k + own.most, keep_max=True)
    eligible = np.zeros(len(queries), np.int64)
    for shard in shards:
        if restriction is None:
            eligible += _add_shard(heap, queries.embeddings, shard, library.usable(shard.rows))
        else:
            eligible += _add_windows(heap, queries, shard, library, restriction)
    heap.finalize()
    return own.without(Found(heap.D, heap.I, eligible), k)


def _add_shard(heap: faiss.ResultHeap, queries: np.ndarray, shard: Shard, usable: np.ndarray) -> int:
    """Add the best of a shard's usable rows (n,) to the heap; return how many there are."""
    for span, values in shard.matrices():
        rows = np.arange(span.start, span.stop)
        here = usable[span.start - shard.rows.start : span.stop - shard.rows.start]
        if not here.all():
            rows, values = rows[here], values[here]
        if not len(rows):
            continue
        scores, places = faiss.knn(queries, values, min(heap.k, len(rows)), metric=faiss.METRIC_INNER_PRODUCT)
        heap.add_result(scores, rows[places])
    return int(usable.sum())


def _add_windows(
    heap: faiss.ResultHeap, queries: SearchQueries, shard: Shard, library: Library, restriction: Filter
) -> np.ndarray:
    """Add the best of the rows that each query's filter leaves; return how many it leaves, (q,).

    Rows come in the order of what the filter looks at, so a block concerns few queries.
    """
    order, low, high = windows(queries, library, shard.rows, restriction)
    for begin in range(0, len(order), WINDOW_ROWS):
        rows = order[begin : begin + WINDOW_ROWS]
        places = np.arange(begin, begin + len(rows))
        concerned = np.flatnonzero((low < begin + len(rows)) & (high > begin))
        if not len(concerned):
            continue
        scores = queries.embeddings[concerned] @ shard.take(rows).T
        outside = (places < low[concerned, None]) | (places >= high[concerned, None])
        scores[outside] = -np.inf
        ids = np.ascontiguousarray(np.broadcast_to(rows, scores.shape))
        heap.add_result_subset(concerned, scores, ids)
    return np.asarray(high - low)
