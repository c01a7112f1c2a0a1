"""Recall of whole-library search with held-out spectra, CReSS-style (reference section 6.3)."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from spectraflow.evaluation.uncertainty import bootstrap_interval
from spectraflow.files import write_json
from spectraflow.search.exact import Found, search_exact
from spectraflow.search.filters import Filter, own_rows
from spectraflow.search.index import search_approximate
from spectraflow.search.library import Library, open_library
from spectraflow.search.queries import SearchQueries, read_queries
from spectraflow.search.results import TruthRanks, overlap, rank_truths, recall, write_candidates
from spectraflow.search.settings import SearchSettings
from spectraflow.tables import SEARCH_RANKS, TableWriter

INDEX_RECALL = 10


def evaluate_search(
    settings: SearchSettings,
    queries: Path,
    shards: Sequence[Path],
    indexes: Sequence[Path],
    library: Path,
    candidates: Path,
    ranks: Path,
    metrics: Path,
) -> None:
    """Search a whole library exactly, without and with filters, and by the index; write candidates, ranks and recall.

    The truth is added to the candidates of its query; molecules with its first block and duplicates are none. A truth
    beyond the candidates kept has no rank; it is counted as absent.
    """
    asked = read_queries(queries)
    opened, described = open_library(library, shards)
    k = settings.candidates
    found: dict[tuple[str, str], tuple[Found, float]] = {}
    for name, restriction in _filters(settings).items():
        found["exact", name] = timed(lambda by=restriction: search_exact(asked, opened, described, k, by))
    found["approximate", "none"] = timed(
        lambda: search_approximate(asked, opened, indexes, described, k, settings.index)
    )
    truths = {key: rank_truths(asked, one) for key, (one, _) in found.items()}
    exact = found["exact", "none"][0]
    write_candidates(candidates, asked, exact, described)
    with TableWriter(ranks, SEARCH_RANKS) as writer:
        for key, (one, _) in found.items():
            writer.write(_rank_rows(asked, key, one, truths[key]))
    shares = overlap(found["approximate", "none"][0], exact, INDEX_RECALL)
    summary: dict[str, Any] = {
        "library": _library_counts(asked, described, len(opened)),
        "queries": len(asked),
        "truth_unknown": int((~asked.truth_known).sum()),
        "candidates": k,
        "mass_tolerance": settings.mass_tolerance,
        "index": settings.index.model_dump(),
        f"index_recall@{INDEX_RECALL}": bootstrap_interval(shares, seed=settings.seed).as_dict(),
    }
    for (search, name), (one, seconds) in found.items():
        figures = _figures(settings, one, truths[search, name], seconds)
        summary.setdefault(search, {})[name] = figures
    write_json(metrics, summary)


def _filters(settings: SearchSettings) -> dict[str, Filter | None]:
    return {"none": None, "mass": Filter("mass", settings.mass_tolerance), "formula": Filter("formula")}


def timed(search: Callable[[], Found]) -> tuple[Found, float]:
    """Return what a search found, and the seconds it took."""
    started = time.perf_counter()
    found = search()
    return found, time.perf_counter() - started


def _library_counts(queries: SearchQueries, library: Library, shards: int) -> dict[str, int]:
    everything = range(len(library))
    duplicates = int((~library.usable(everything)).sum())
    own = own_rows(queries, library, [everything])
    return {
        "rows": len(library),
        "duplicates": duplicates,
        "candidates": len(library) - duplicates,
        "shards": shards,
        "queries_with_own_first_block": len(np.unique(own.query)),
        "same_first_block_removed": len(own.query),
    }


def _rank_rows(queries: SearchQueries, key: tuple[str, str], found: Found, truths: TruthRanks) -> dict[str, list[Any]]:
    return {
        "query_id": queries.ids,
        "search": [key[0]] * len(queries),
        "filter": [key[1]] * len(queries),
        "rank": [rank or None for rank in truths.rank.tolist()],
        "eligible": found.eligible.tolist(),
    }


def _figures(settings: SearchSettings, found: Found, truths: TruthRanks, seconds: float) -> dict[str, Any]:
    return {
        "recall": recall(truths, settings.k, settings.seed),
        "truth_absent": truths.absent,
        "eligible_mean": float(found.eligible.mean()),
        "seconds": seconds,
    }
