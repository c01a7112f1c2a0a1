"""What a search found as tables: the truth put in its place, ranks of the truths, recall."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from spectraflow.evaluation.uncertainty import bootstrap_interval
from spectraflow.search.exact import Found
from spectraflow.search.library import Library
from spectraflow.search.queries import SearchQueries
from spectraflow.tables import CANDIDATES, TableWriter

TIE_TOLERANCE = 1e-5  # relative; truth and library are embedded in batches of different sizes, in float32


class TruthRanks(NamedTuple):
    """Rank of each query's truth among the candidates kept, (q,) int64; 0 where the truth is not among them.

    `known` (q,) bool marks queries whose truth is known at all.
    """

    rank: np.ndarray
    known: np.ndarray

    @property
    def absent(self) -> int:
        """How many known truths are not among the candidates."""
        return int((self.known & (self.rank == 0)).sum())

    def among(self, reached: np.ndarray) -> "TruthRanks":
        """Return the ranks without those of truths that were not reached, (q,) bool."""
        return TruthRanks(np.where(reached, self.rank, 0), self.known)


def rank_truths(queries: SearchQueries, found: Found) -> TruthRanks:
    """Return the ranks of the truths, each added to its query's candidates; ties count against it."""
    known = queries.truth_known
    truth = queries.truth_scores
    lowered = truth - TIE_TOLERANCE * np.abs(truth)
    above = (found.scores >= lowered[:, None]) & (found.rows >= 0)
    rank = 1 + above.sum(1)
    return TruthRanks(np.where(known & (rank <= found.rows.shape[1]), rank, 0), known)


def recall(ranks: TruthRanks, k: Sequence[int], seed: int) -> dict[str, dict[str, float | int | None]]:
    """Return recall@k with bootstrap intervals over the queries whose truth is known."""
    rank = ranks.rank[ranks.known]
    return {str(top): bootstrap_interval((rank > 0) & (rank <= top), seed=seed).as_dict() for top in k}


def overlap(approximate: Found, exact: Found, k: int) -> np.ndarray:
    """Return the share (q,) of the exact best k that an approximate search found among its best k."""
    pairs = zip(approximate.rows[:, :k], exact.rows[:, :k], strict=True)
    shares = [np.isin(truth[truth >= 0], got).mean() if (truth >= 0).any() else 1.0 for got, truth in pairs]
    return np.array(shares)


def write_candidates(path: Path, queries: SearchQueries, found: Found, library: Library) -> list[str]:
    """Write the candidates of every query in rank order; a truth among the best k takes its place.

    Returns the ids of queries without any, which no row shows.
    """
    ranks = rank_truths(queries, found)
    empty = []
    with TableWriter(path, CANDIDATES) as writer:
        for query, name in enumerate(queries.ids):
            columns = _candidates_of(query, queries, found, int(ranks.rank[query]), library)
            writer.write(columns)
            if not columns["rank"]:
                empty.append(name)
    return empty


def _candidates_of(
    query: int, queries: SearchQueries, found: Found, rank: int, library: Library
) -> dict[str, list[Any]]:
    rows = found.rows[query][found.rows[query] >= 0]
    molecules = library.take(rows, ["molecule_id", "smiles"])
    scores = found.scores[query][: len(rows)].tolist()
    if rank:
        molecules["molecule_id"].insert(rank - 1, queries.ids[query])
        molecules["smiles"].insert(rank - 1, queries.smiles[query] or "")
        scores.insert(rank - 1, float(queries.truth_scores[query]))
    kept = min(len(scores), found.rows.shape[1])
    return {
        "query_id": [queries.ids[query]] * kept,
        "rank": list(range(1, kept + 1)),
        "score": scores[:kept],
        **{name: values[:kept] for name, values in molecules.items()},
    }
