"""Rank the truth of every query among a library's molecules, and the controls that must stay at chance.

K-M3AID reference section 6.3. A method says how spectra score molecules (`Scoring`); everything else is the same
for all methods: which molecules count, ties against the truth, exact expectations over random libraries, controls.
"""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from spectraflow.evaluation.permutation import derangement
from spectraflow.evaluation.retrieval import at_or_above, expected_hits, lowered
from spectraflow.evaluation.uncertainty import bootstrap_interval
from spectraflow.files import write_json
from spectraflow.retrieval.candidates import Candidates, first_block_codes
from spectraflow.retrieval.queries import Queries
from spectraflow.retrieval.settings import RetrievalSettings
from spectraflow.tables import RANKS, TableWriter

Chunk = tuple[slice, Any]
"""A range of library rows, and what scores are computed from: anything that can be indexed by an array of rows."""


class Scoring(Protocol):
    """How a method scores: higher is better. `order` (q,) says whose spectrum each query uses."""

    def own(self, order: np.ndarray) -> np.ndarray:
        """Return the scores (q,) of the spectra `order` with the queries' own molecules."""

    def library(self, order: np.ndarray, payload: Any) -> np.ndarray:
        """Return the scores (q, c) of the spectra `order` with the c molecules of a chunk of the library."""

    def among(self, order: np.ndarray) -> np.ndarray:
        """Return the scores (q, q) of the spectra `order` with all queries' molecules."""


class Blocks(NamedTuple):
    """First blocks of the queries (q,) and of the library (n,) as integers of one numbering."""

    queries: np.ndarray
    library: np.ndarray


class Scorer(NamedTuple):
    """The truths' scores (q,), and a function of row range and payload of a chunk giving (q, c)."""

    truth: np.ndarray
    score: Callable[[slice, Any], np.ndarray]


def scorer_of(scoring: Scoring, order: np.ndarray) -> Scorer:
    """Return the scorer of a method's scores with spectra in `order`."""
    return Scorer(lowered(scoring.own(order)), lambda rows, payload: scoring.library(order, payload))


def control_scorers(
    queries: Queries, candidates: Candidates, blocks: Blocks, training_carbons: float, seed: int
) -> dict[str, Scorer]:
    """Return the scorers that look at no spectrum."""
    generator = np.random.default_rng(seed)
    count, size = len(queries), len(candidates)
    own_row = {int(block): row for row, block in reversed(list(enumerate(blocks.library)))}
    places = np.array([own_row.get(int(b), generator.integers(size) + 0.5) for b in blocks.queries], float)

    def spread(values: np.ndarray) -> np.ndarray:
        return np.broadcast_to(values, (count, len(values)))

    return {
        "random_scores": Scorer(
            generator.random(count), lambda rows, payload: generator.random((count, rows.stop - rows.start))
        ),
        "library_order": Scorer(-places, lambda rows, payload: spread(-np.arange(rows.start, rows.stop, dtype=float))),
        "carbon_count_prior": Scorer(
            -np.abs(queries.carbons - training_carbons),
            lambda rows, payload: spread(-np.abs(candidates.carbons[rows] - training_carbons)),
        ),
    }


def count_at_or_above(
    candidates: Candidates,
    blocks: Blocks,
    chunks: Iterable[Chunk],
    scorers: Mapping[str, Scorer],
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return, by scorer, how many eligible molecules score at least as high as each truth, and all eligible ones."""
    above = {name: np.zeros(len(blocks.queries), np.int64) for name in scorers}
    eligible = np.zeros(len(blocks.queries), np.int64)
    for rows, payload in chunks:
        forbidden = ~candidates.usable[None, rows] | _same_block(blocks.queries, blocks.library[rows])
        eligible += (~forbidden).sum(1)
        for name, scorer in scorers.items():
            above[name] += _allowed_at_or_above(scorer.truth, scorer.score(rows, payload), ~forbidden)
    return above, eligible


def _allowed_at_or_above(truth: np.ndarray, scores: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """Return how many allowed molecules score at least as high; a truth of -inf ties with all of them."""
    counted = at_or_above(truth, np.where(allowed, scores, -np.inf))
    return np.where(truth > -np.inf, counted, allowed.sum(1))


def _same_block(queries: np.ndarray, library: np.ndarray) -> np.ndarray:
    same = np.zeros((len(queries), len(library)), dtype=bool)
    for column in np.flatnonzero(np.isin(library, queries)):
        same[:, column] = queries == library[column]
    return same


def count_among_queries(first_blocks: np.ndarray, scoring: Scoring, order: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the counts of spectra in `order` where the other queries' molecules are the candidates.

    Against a library, a permuted spectrum is above chance as far as the library differs from the queries' molecules
    (size, elements): that part of a hit needs no spectrum. Here truth and candidates are alike, and chance is 1 / N.
    """
    scores = scoring.among(order)
    allowed = first_blocks[:, None] != first_blocks[None, :]
    return _allowed_at_or_above(lowered(np.diagonal(scores)), scores, allowed), allowed.sum(1)


def shuffle_check(candidates: Candidates, blocks: Blocks, chunk: Chunk, scorer: Scorer, seed: int) -> int:
    """Return for how many queries a shuffled candidate order changes the count among one chunk; must be 0."""
    rows, payload = chunk
    order = np.random.default_rng(seed).permutation(rows.stop - rows.start)
    allowed = candidates.usable[None, rows] & ~_same_block(blocks.queries, blocks.library[rows])
    first = _allowed_at_or_above(scorer.truth, scorer.score(rows, payload), allowed)
    second = _allowed_at_or_above(scorer.truth, scorer.score(rows, payload[order]), allowed[:, order])
    return int((first != second).sum())


def hit_rates(
    above: np.ndarray, eligible: np.ndarray, settings: RetrievalSettings, *, percentile: bool = False
) -> dict[str, dict[str, dict[str, Any]]]:
    """Return hit@k with intervals for every library size the eligible molecules can fill.

    percentile: count truths within the best k percent, at least the first rank. The arXiv version's words ("top-1 %
    accuracy") read so, but its numbers are absolute ranks: a percentile would not fall with the size of the library.
    """

    def interval(size: int, k: int) -> dict[str, Any]:
        rank = max(1, size * k // 100) if percentile else k
        return bootstrap_interval(expected_hits(above, eligible, size, rank), seed=settings.seed).as_dict()

    return {
        str(size): {str(k): interval(size, k) for k in settings.k}
        for size in settings.library_sizes
        if size <= eligible.min() + 1
    }


def whole_library_hits(above: np.ndarray, settings: RetrievalSettings) -> dict[str, dict[str, Any]]:
    """Return hit@k with intervals where all eligible molecules of the library are the candidates."""
    return {str(k): bootstrap_interval(above < k, seed=settings.seed).as_dict() for k in settings.k}


def write_no_ranks(ranks: Path, metrics: Path, reason: str) -> None:
    """Write the files of `rank_queries` where there is nothing to rank, and why."""
    with TableWriter(ranks, RANKS):
        pass
    write_json(metrics, {"queries": 0, "reason": reason, "scorings": {}, "controls": {}})


def rank_queries(
    settings: RetrievalSettings,
    queries: Queries,
    candidates: Candidates,
    chunks: Callable[[], Iterable[Chunk]],
    scorings: Mapping[str, Scoring],
    training_carbons: float,
    ranks: Path,
    metrics: Path,
    checks: Mapping[str, Any],
) -> None:
    """Write ranks of all scorings; hit rates, controls and checks as JSON; the first scoring is the main one."""
    blocks = Blocks(*first_block_codes(queries.first_blocks, candidates.first_blocks))
    itself, swapped = np.arange(len(queries)), derangement(len(queries), settings.seed)
    scorers = control_scorers(queries, candidates, blocks, training_carbons, settings.seed)
    for name, scoring in scorings.items():
        scorers[f"{name}:own"] = scorer_of(scoring, itself)
        scorers[f"{name}:permuted"] = scorer_of(scoring, swapped)
    above, eligible = count_at_or_above(candidates, blocks, chunks(), scorers)
    rates = {name: hit_rates(counts, eligible, settings) for name, counts in above.items()}
    main = next(iter(scorings))
    changed = shuffle_check(candidates, blocks, next(iter(chunks())), scorers[f"{main}:own"], settings.seed)
    with TableWriter(ranks, RANKS) as writer:
        for name in scorings:
            writer.write(_rank_columns(name, queries, scorers[f"{name}:own"].truth, above[f"{name}:own"], eligible))
    write_json(
        metrics,
        {
            **_library_figures(settings, queries, candidates, eligible),
            "main_scoring": main,
            "scorings": {
                name: {
                    "sizes": rates[f"{name}:own"],
                    "whole": whole_library_hits(above[f"{name}:own"], settings),
                    "percentile": hit_rates(above[f"{name}:own"], eligible, settings, percentile=True),
                    "permuted_spectra": rates[f"{name}:permuted"],
                    "permuted_among_queries": hit_rates(
                        *count_among_queries(blocks.queries, scoring, swapped), settings
                    ),
                }
                for name, scoring in scorings.items()
            },
            "controls": {name: rates[name] for name in ("random_scores", "library_order", "carbon_count_prior")},
            "checks": {"shuffled_candidates_changed": changed, **checks},
        },
    )


def _rank_columns(
    scoring: str, queries: Queries, truth: np.ndarray, above: np.ndarray, eligible: np.ndarray
) -> dict[str, list[Any]]:
    return {
        "query_id": queries.molecule_ids,
        "scoring": [scoring] * len(queries),
        "score": truth.astype(float).tolist(),
        "at_or_above": above.tolist(),
        "eligible": eligible.tolist(),
    }


def _library_figures(
    settings: RetrievalSettings, queries: Queries, candidates: Candidates, eligible: np.ndarray
) -> dict[str, Any]:
    usable = candidates.usable.sum()
    return {
        "queries": len(queries),
        "library": int(usable),
        "library_statistics": candidates.statistics,
        "removed": {**candidates.removed, "same_first_block": int((usable - eligible).sum())},
        "training_molecules_in_library": candidates.removed["training_molecules"],
        "refused_sizes": [size for size in settings.library_sizes if size > eligible.min() + 1],
    }
