"""A search from files to a table of candidates."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from spectraflow.errors import InputError
from spectraflow.search.exact import search_exact
from spectraflow.search.filters import Filter
from spectraflow.search.index import search_approximate
from spectraflow.search.library import open_library
from spectraflow.search.queries import SearchQueries, read_queries
from spectraflow.search.results import write_candidates
from spectraflow.search.shards import Shard


class Outcome(NamedTuple):
    """How many queries were searched with, and the ids of those for which nothing was found."""

    queries: int
    without_candidates: list[str]

    def __str__(self) -> str:
        empty = self.without_candidates
        named = ", ".join(empty[:5]) + (", ..." if len(empty) > 5 else "")
        return f"{self.queries} queries" + (f"; no candidate for {len(empty)} of them: {named}" if empty else "")


def read_fitting(queries: Path, shards: Sequence[Shard]) -> SearchQueries:
    """Read the queries; raises InputError if they are of another model than the library."""
    asked = read_queries(queries)
    if asked.embeddings.shape[1] != shards[0].width:
        raise InputError(
            f"{queries}: embeddings of {asked.embeddings.shape[1]} numbers, but the library's have {shards[0].width}; "
            "embed both with one model"
        )
    return asked


def find_exact(
    queries: Path,
    library: Path,
    shards: Sequence[Path],
    out: Path,
    k: int,
    restriction: str = "none",
    mass_tolerance: float = 5.0,
) -> Outcome:
    """Write the best k molecules of each query, of all or of those that agree in `restriction`: mass or formula."""
    opened, described = open_library(library, shards)
    asked = read_fitting(queries, opened)
    by = {"none": None, "mass": Filter("mass", mass_tolerance), "formula": Filter("formula")}[restriction]
    found = search_exact(asked, opened, described, k, by)
    return Outcome(len(asked), write_candidates(out, asked, found, described))


def find_approximate(
    queries: Path,
    library: Path,
    shards: Sequence[Path],
    indexes: Sequence[Path],
    out: Path,
    k: int,
    *,
    probes: int,
    rerank: int,
) -> Outcome:
    """Write about the best k molecules of each query, found by the shards' indexes."""
    opened, described = open_library(library, shards)
    asked = read_fitting(queries, opened)
    found = search_approximate(asked, opened, indexes, described, k, probes, rerank)
    return Outcome(len(asked), write_candidates(out, asked, found, described))
