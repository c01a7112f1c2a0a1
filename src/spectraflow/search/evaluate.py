"""Recall of whole-library search with held-out spectra, CReSS-style (reference section 6.3)."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from spectraflow.evaluation.permutation import derangement
from spectraflow.evaluation.uncertainty import bootstrap_interval
from spectraflow.files import write_json
from spectraflow.search.exact import Found, search_exact
from spectraflow.search.filters import Filter, own_rows
from spectraflow.search.index import search_approximate, truths_reached
from spectraflow.search.library import Library, open_library
from spectraflow.search.queries import SearchQueries
from spectraflow.search.results import TruthRanks, overlap, rank_truths, recall, write_candidates
from spectraflow.search.run import read_fitting
from spectraflow.search.settings import SearchSettings
from spectraflow.search.shards import Shard
from spectraflow.tables import SEARCH_RANKS, TableWriter

INDEX_RECALL = 10

Searches = dict[tuple[str, str], Found]


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
    beyond the candidates kept has no rank, nor has one that the index would have missed; they are counted as absent.
    Beside each recall stand that of a random rank and that of the same search with spectra swapped among the queries.
    """
    opened, described = open_library(library, shards)
    asked = read_fitting(queries, opened)
    found, seconds = _search_all(settings, asked, opened, indexes, described)
    truths = {key: rank_truths(asked, one) for key, one in found.items()}
    places = (opened, indexes, described, settings.candidates, settings.index.probes, settings.index.rerank)
    key = ("approximate", "none")
    truths[key] = truths[key].among(truths_reached(asked, *places))
    write_candidates(candidates, asked, found["exact", "none"], described)
    with TableWriter(ranks, SEARCH_RANKS) as writer:
        for key, one in found.items():
            writer.write(_rank_rows(asked, key, one, truths[key]))
    summary: dict[str, Any] = {
        "library": _library_counts(asked, described, opened),
        "queries": len(asked),
        "truth_unknown": int((~asked.truth_known).sum()),
        "candidates": settings.candidates,
        "mass_tolerance": settings.mass_tolerance,
        "index": _index_figures(settings, asked, opened, indexes, described, found["exact", "none"]),
    }
    for (search, name), one in found.items():
        figures = _figures(settings, one, truths[search, name])
        summary.setdefault(search, {})[name] = {**figures, "seconds": seconds[search, name]}
    if len(asked) > 1:
        for name, rates in _swapped(settings, asked, opened, described).items():
            summary["exact"][name]["swapped_spectra"] = rates
    write_json(metrics, summary)


def _search_all(
    settings: SearchSettings, queries: SearchQueries, shards: list[Shard], indexes: Sequence[Path], library: Library
) -> tuple[Searches, dict[tuple[str, str], float]]:
    """Return what every search found, and the seconds each took."""
    k = settings.candidates
    searches: dict[tuple[str, str], Callable[[], Found]] = {
        ("exact", name): partial(search_exact, queries, shards, library, k, restriction)
        for name, restriction in _filters(settings).items()
    }
    searches["approximate", "none"] = partial(
        search_approximate, queries, shards, indexes, library, k, settings.index.probes, settings.index.rerank
    )
    timings = {key: timed(search) for key, search in searches.items()}
    return {key: one for key, (one, _) in timings.items()}, {key: seconds for key, (_, seconds) in timings.items()}


def _swapped(
    settings: SearchSettings, queries: SearchQueries, shards: list[Shard], library: Library
) -> dict[str, dict[str, Any]]:
    """Return recall by filter where every query searches with another one's spectrum: it must be at chance.

    With filters it is at the chance among the molecules they leave.
    """
    embeddings = queries.embeddings[derangement(len(queries), settings.seed)]
    swapped = replace(queries, embeddings=embeddings)
    return {
        name: recall(
            rank_truths(swapped, search_exact(swapped, shards, library, settings.candidates, restriction)),
            settings.k,
            settings.seed,
        )
        for name, restriction in _filters(settings).items()
    }


def _index_figures(
    settings: SearchSettings,
    queries: SearchQueries,
    shards: list[Shard],
    indexes: Sequence[Path],
    library: Library,
    exact: Found,
) -> dict[str, Any]:
    """Return how much of the exact best INDEX_RECALL an approximate search for as many finds, and how fast."""
    one, seconds = timed(
        partial(
            search_approximate,
            queries,
            shards,
            indexes,
            library,
            INDEX_RECALL,
            settings.index.probes,
            settings.index.rerank,
        )
    )
    shares = overlap(one, exact, INDEX_RECALL)
    return {
        "settings": settings.index.model_dump(),
        "k": INDEX_RECALL,
        "recall": bootstrap_interval(shares, seed=settings.seed).as_dict(),
        "seconds": seconds,
    }


def _filters(settings: SearchSettings) -> dict[str, Filter | None]:
    return {"none": None, "mass": Filter("mass", settings.mass_tolerance), "formula": Filter("formula")}


def timed(search: Callable[[], Found]) -> tuple[Found, float]:
    """Return what a search found, and the seconds it took."""
    started = time.perf_counter()
    found = search()
    return found, time.perf_counter() - started


def _library_counts(queries: SearchQueries, library: Library, shards: Sequence[Shard]) -> dict[str, int]:
    candidates = sum(int(library.usable(shard.rows).sum()) for shard in shards)
    own = own_rows(queries, library, [shard.rows for shard in shards])
    return {
        "rows": len(library),
        "duplicates": len(library) - candidates,
        "candidates": candidates,
        "shards": len(shards),
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


def _figures(settings: SearchSettings, found: Found, truths: TruthRanks) -> dict[str, Any]:
    eligible = found.eligible[truths.known]
    return {
        "recall": recall(truths, settings.k, settings.seed),
        "chance": {str(k): float(np.minimum(1, k / (eligible + 1)).mean()) for k in settings.k if len(eligible)},
        "truth_absent": truths.absent,
        "eligible_mean": float(found.eligible.mean()),
    }
