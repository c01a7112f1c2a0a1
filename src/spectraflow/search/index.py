"""Approximate search: inverted lists of 8-bit codes propose candidates, exact scores rank them.

All embeddings leave a LayerNorm, so their lengths hardly differ and the highest dot product belongs to a near
neighbour: molecules are put into the list of the nearest centroid, and a query visits the lists nearest to it. Codes
are of the library's first principal components. Centring is for the library alone: a dot product with a centred
molecule ranks as one with the molecule itself, and that is what the codes are scored by.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import faiss
import numpy as np

from spectraflow.errors import InputError, UnreadableFileError
from spectraflow.files import atomic_path
from spectraflow.search.exact import Found
from spectraflow.search.filters import own_rows
from spectraflow.search.library import Library, open_library
from spectraflow.search.queries import SearchQueries
from spectraflow.search.settings import IndexSettings
from spectraflow.search.shards import Shard

MOLECULES_A_LIST = 39  # fewer would leave centroids without a mean; faiss warns below
PAIRS_AT_ONCE = 512  # of query and candidate: their embeddings stay in the cache


def train_index(settings: IndexSettings, shards: Sequence[Path], library: Path, out: Path) -> None:
    """Write an empty index: components, centroids and code ranges, all from one sample of the library.

    A library too small for `settings.lists` gets fewer. Raises InputError if it holds no molecule.
    """
    opened, described = open_library(library, shards)
    sample = _sample(opened, described, settings)
    if not len(sample):
        raise InputError(f"{library}: holds no molecule to index")
    width = opened[0].width
    dimensions = min(settings.dimensions or width, width, len(sample))
    components = faiss.PCAMatrix(width, dimensions)
    lists = max(1, min(settings.lists, len(sample) // MOLECULES_A_LIST))
    centroids = faiss.IndexFlatL2(dimensions)
    code = faiss.ScalarQuantizer.QT_8bit
    inverted = faiss.IndexIVFScalarQuantizer(centroids, dimensions, lists, code, faiss.METRIC_INNER_PRODUCT, False)
    inverted.cp.seed = settings.seed
    index = faiss.IndexPreTransform(components, inverted)
    index.train(sample)
    _write(index, out)


def _sample(shards: Sequence[Shard], library: Library, settings: IndexSettings) -> np.ndarray:
    """Return the embeddings (s, p) of usable molecules drawn from the whole library, one shard in memory at a time."""
    generator = np.random.default_rng(settings.seed)
    held = [int(library.usable(shard.rows).sum()) for shard in shards]
    drawn = generator.multivariate_hypergeometric(held, min(settings.sample, sum(held)), method="marginals")
    parts = []
    for shard, count in zip(shards, drawn.tolist(), strict=True):
        usable = np.flatnonzero(library.usable(shard.rows)) + shard.rows.start
        parts.append(shard.take(np.sort(generator.choice(usable, count, replace=False))))
    return np.concatenate(parts)


def _write(index: faiss.Index, out: Path) -> None:
    with atomic_path(out) as temporary:
        faiss.write_index(index, str(temporary))


def _read(path: Path, flags: int = 0) -> Any:
    """Return an `IndexPreTransform`; faiss' own type hints lack what `downcast_index` makes reachable."""
    if not path.is_file():
        raise InputError(f"{path}: no such index")
    try:
        index = faiss.read_index(str(path), flags)
    except RuntimeError as error:
        raise UnreadableFileError(path, f"not an index ({error})") from None
    if not isinstance(index, faiss.IndexPreTransform):
        raise InputError(f"{path}: not an index of this program but a {type(index).__name__}")
    return index


def index_shard(trained: Path, shard: Path, library: Path, out: Path) -> None:
    """Write the index of one shard's molecules, duplicates left out, under their library rows."""
    opened, described = Shard.open(shard), Library.open(library)
    if opened.total != len(described):
        raise InputError(f"{library}: {len(described)} molecules, but {shard} is of a library of {opened.total}")
    index = _read(trained)
    usable = described.usable(opened.rows)
    for span, values in opened.matrices():
        here = usable[span.start - opened.rows.start : span.stop - opened.rows.start]
        index.add_with_ids(values[here], np.arange(span.start, span.stop)[here])
    _write(index, out)


def search_approximate(
    queries: SearchQueries,
    shards: Sequence[Shard],
    indexes: Sequence[Path],
    library: Library,
    k: int,
    probes: int,
    rerank: int,
) -> Found:
    """Return about the best k molecules of each query: their scores are exact, but some may be missing.

    `indexes` are those of the shards, in any order; `probes` lists of each are visited, and `rerank` candidates, at
    least k, scored again exactly. Never candidates: duplicates, and molecules with the first block of the query's own.
    """
    own = own_rows(queries, library, [shard.rows for shard in shards])
    usable = _usable(shards, library)
    rows, _ = propose(queries.embeddings, indexes, usable, max(rerank, k) + own.most, probes)
    scores = score(queries.embeddings, shards, rows)
    order = np.argsort(-scores, axis=1, kind="stable")
    best, places = np.take_along_axis(scores, order, 1), np.take_along_axis(rows, order, 1)
    return own.without(Found(best, places, np.full(len(queries), usable)), k)


def truths_reached(
    queries: SearchQueries,
    shards: Sequence[Shard],
    indexes: Sequence[Path],
    library: Library,
    k: int,
    probes: int,
    rerank: int,
) -> np.ndarray:
    """Return (q,) bool whether `search_approximate` would score each truth if the library held it.

    It is scored if its list is visited, and its code is among the best of those lists. False where it is unknown.
    """
    own = own_rows(queries, library, [shard.rows for shard in shards])
    count = max(rerank, k) + own.most
    _, lowest = propose(queries.embeddings, indexes, _usable(shards, library), count, probes)
    index = _read(indexes[0], faiss.IO_FLAG_MMAP)
    inverted: Any = faiss.downcast_index(index.index)
    visit = _visit(index, queries.embeddings, probes)
    known = queries.truth_known
    truths = index.chain.at(0).apply(np.where(known[:, None], queries.truth, 0).astype(np.float32))
    _, home = inverted.quantizer.search(truths, 1)
    decoded = inverted.sq.decode(inverted.sq.compute_codes(truths))
    scores = np.einsum("qd,qd->q", decoded, visit.projected)
    return np.asarray(known & (visit.lists == home).any(1) & (scores >= lowest))


def _usable(shards: Sequence[Shard], library: Library) -> int:
    return sum(int(library.usable(shard.rows).sum()) for shard in shards)


class Visit(NamedTuple):
    """What queries look for and where: `projected` (q, d) float32, `lists` (q, p) int64 with `distances` float32."""

    projected: np.ndarray
    lists: np.ndarray
    distances: np.ndarray


def _visit(index: Any, queries: np.ndarray, probes: int) -> Visit:
    """Return the lists each query visits; all shards have the same ones."""
    components: Any = faiss.downcast_VectorTransform(index.chain.at(0))
    inverted: Any = faiss.downcast_index(index.index)
    centred = components.apply(queries)
    distances, lists = inverted.quantizer.search(centred, min(probes, inverted.nlist))
    return Visit(centred - faiss.vector_to_array(components.b), lists, distances)


def propose(
    queries: np.ndarray, indexes: Sequence[Path], indexed: int, count: int, probes: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the library rows with the highest scores by their codes, and the lowest of these scores.

    Rows are (q, count) int64, -1 where there are no more; lowest scores (q,) float32, -inf there. Raises InputError
    unless the indexes hold `indexed` molecules in all.
    """
    heap = faiss.ResultHeap(len(queries), count, keep_max=True)
    opened = [_read(path, faiss.IO_FLAG_MMAP) for path in indexes]
    held = sum(index.ntotal for index in opened)
    visit = _visit(opened[0], queries, probes)

    def search(index: Any) -> tuple[np.ndarray, np.ndarray]:
        inverted: Any = faiss.downcast_index(index.index)
        inverted.nprobe = visit.lists.shape[1]
        return inverted.search_preassigned(visit.projected, count, visit.lists, visit.distances)

    with _threads() as threads:
        for found in threads.map(search, opened):
            heap.add_result(*found)
    if held != indexed:
        raise InputError(f"{indexes[0]} and {len(indexes) - 1} more indexes hold {held} molecules, not {indexed}")
    heap.finalize()
    return np.asarray(heap.I), np.where(heap.I[:, -1] >= 0, heap.D[:, -1], -np.inf)


def score(queries: np.ndarray, shards: Sequence[Shard], rows: np.ndarray) -> np.ndarray:
    """Return the exact scores (q, r) float32 of library rows (q, r), -inf where a row is -1.

    Rows are read in the order of the files.
    """
    flat = rows.ravel()
    order = np.argsort(flat)
    ordered = flat[order]
    scores = np.full(len(flat), -np.inf, np.float32)

    def score_shard(shard: Shard) -> None:
        for span, values in shard.matrices():
            first, last = np.searchsorted(ordered, [span.start, span.stop])
            for begin in range(first, last, PAIRS_AT_ONCE):
                pairs = order[begin : min(begin + PAIRS_AT_ONCE, last)]
                found = values.take(flat[pairs] - span.start, axis=0)
                scores[pairs] = np.einsum("nd,nd->n", found, queries.take(pairs // rows.shape[1], axis=0))

    with _threads() as threads:
        list(threads.map(score_shard, shards))
    return scores.reshape(rows.shape)


def _threads() -> ThreadPoolExecutor:
    """Return as many threads as faiss takes; it takes one for given lists, and numpy one at a time."""
    return ThreadPoolExecutor(faiss.omp_get_max_threads())
