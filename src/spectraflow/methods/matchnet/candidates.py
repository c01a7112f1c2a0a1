"""Retrieval by score: where the right molecule stands among candidates for a test spectrum (not in the paper)."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spectraflow.evaluation.permutation import derangement
from spectraflow.evaluation.retrieval import TIE_TOLERANCE, at_or_above, lowered
from spectraflow.evaluation.uncertainty import Interval, bootstrap_interval
from spectraflow.methods.matchnet.assignment import paired_tanimoto
from spectraflow.methods.matchnet.data import MatchStore
from spectraflow.methods.matchnet.fitting import EVALUATED_AT_ONCE
from spectraflow.methods.matchnet.matchers import NetworkMatcher
from spectraflow.methods.matchnet.settings import ExaminationSettings

KINDS = ("random", "formula", "near")
Rows = NDArray[np.int64]
Scores = Callable[[int, Rows], np.ndarray]
"""Of the spectrum of a molecule (row) and of candidates (m,): scores (m,)."""


@dataclass(frozen=True)
class CandidateLists:
    """Queries (q,), rows of molecules whose spectra are known, and the other candidates (at least one) of each."""

    queries: Rows
    others: list[Rows]

    def __len__(self) -> int:
        return len(self.queries)

    @property
    def sizes(self) -> Rows:
        """Return the number of candidates of each query with the right one, (q,)."""
        return np.array([len(rows) + 1 for rows in self.others], np.int64)


def retrieval(
    matcher: NetworkMatcher,
    store: MatchStore,
    formulas: Sequence[str | None],
    queries: Rows,
    trained: NDArray[np.bool_],
    settings: ExaminationSettings,
) -> dict[str, Any]:
    """Return by ``<candidates>/<kind>`` how often the right molecule is among the first, and its reciprocal rank.

    Candidates come from the whole store, so many were trained on: ``trained`` is the mean share. Lists are shorter than
    asked for where a formula, or the store, has too few: ``size`` is the mean. ``permuted``: hits with the spectra of
    another query, which must be as rare as by ``chance`` unless the candidates alone tell something.

    Args:
        matcher: the network, in eval mode.
        store: molecules and spectra, on its device.
        formulas: formula of each molecule of the store.
        queries: (q,) rows of test molecules.
        trained: (N,) whether the model was trained on a molecule.
        settings: candidates, ranks and seed.
    """
    lists = {
        f"{count}/{kind}": candidate_lists(kind, count, queries, store, formulas, settings.seed)
        for count in settings.candidates
        for kind in KINDS
    }
    lists = {name: one for name, one in lists.items() if len(one)}
    if not lists:
        return {}
    scores = EmbeddedPairs.of(matcher, store, lists.values())
    return {name: _figures(scores, one, trained, settings) for name, one in lists.items()}


def candidate_lists(
    kind: str, count: int, queries: Rows, store: MatchStore, formulas: Sequence[str | None], seed: int
) -> CandidateLists:
    """Return at most `count` - 1 other candidates for each query, any, of its formula, or the most similar.

    Molecules with the query's first block are none of them. Queries without another candidate are left out.
    """
    chosen = {"random": _random, "formula": _isomers, "near": _nearest}[kind](queries, store, formulas, count - 1, seed)
    kept = [(query, rows) for query, rows in zip(queries.tolist(), chosen, strict=True) if len(rows)]
    return CandidateLists(np.array([query for query, _ in kept], np.int64), [rows for _, rows in kept])


def _random(queries: Rows, store: MatchStore, formulas: Sequence[str | None], count: int, seed: int) -> Iterator[Rows]:
    generator = np.random.default_rng([seed, count, 0])
    blocks = np.array(store.first_blocks)
    for query in queries.tolist():
        yield _drawn(np.flatnonzero(blocks != blocks[query]), count, generator)


def _isomers(queries: Rows, store: MatchStore, formulas: Sequence[str | None], count: int, seed: int) -> Iterator[Rows]:
    generator = np.random.default_rng([seed, count, 1])
    blocks, held = np.array(store.first_blocks), np.array([formula or "" for formula in formulas])
    for query in queries.tolist():
        same = (held == held[query]) & (blocks != blocks[query]) & (held != "")
        yield _drawn(np.flatnonzero(same), count, generator)


def _nearest(queries: Rows, store: MatchStore, formulas: Sequence[str | None], count: int, seed: int) -> Iterator[Rows]:
    blocks, everything = np.array(store.first_blocks), np.arange(len(store))
    for query in queries.tolist():
        similarity = paired_tanimoto(store.fingerprints, np.full(len(store), query), everything)
        order = np.argsort(-similarity, kind="stable")
        yield order[blocks[order] != blocks[query]][:count]


def _drawn(eligible: Rows, count: int, generator: np.random.Generator) -> Rows:
    return generator.choice(eligible, size=min(count, len(eligible)), replace=False)


def ranks(scores: Scores, spectra: Rows, lists: CandidateLists, seed: int) -> Rows:
    """Return the rank (q,) of each query's molecule by the spectra of the molecules `spectra` (q,).

    Candidates are scored in random order; those that score as high as the truth, or no number, stand before it.
    """
    generator = np.random.default_rng(seed)
    found = np.empty(len(lists), np.int64)
    for place, (query, others) in enumerate(zip(lists.queries.tolist(), lists.others, strict=True)):
        shuffled = generator.permutation(np.append(others, query))
        scored = scores(int(spectra[place]), shuffled)
        truth = shuffled == query
        found[place] = 1 + at_or_above(lowered(scored[truth]) - TIE_TOLERANCE, scored[None, ~truth])[0]
    return found


@dataclass(frozen=True)
class EmbeddedPairs:
    """Scores of a network for every spectrum beside every molecule that has been embedded.

    molecules (m, d) and spectra (s, e); by row of the store, where in them a molecule stands.
    """

    matcher: NetworkMatcher
    molecules: Tensor
    spectra: Tensor
    molecule_places: Mapping[int, int] = field(repr=False)
    spectrum_places: Mapping[int, int] = field(repr=False)

    @classmethod
    @torch.no_grad()
    def of(cls, matcher: NetworkMatcher, store: MatchStore, lists: Iterable[CandidateLists]) -> "EmbeddedPairs":
        """Embed the molecules and the spectra that candidate lists name."""
        named = list(lists)
        queries = np.unique(np.concatenate([np.zeros(0, np.int64), *(one.queries for one in named)]))
        rows = np.unique(np.concatenate([queries, *(others for one in named for others in one.others)]))
        network, settings = matcher.network, matcher.settings.network

        def spectra(chunk: Tensor) -> Tensor:
            return network.embed_spectra(store.batch(chunk, chunk, torch.zeros_like(chunk).float(), settings))

        return cls(
            matcher,
            _embedded(rows, lambda chunk: network.embed_molecules(store.graphs(chunk)), matcher.device),
            _embedded(queries, spectra, matcher.device),
            {row: place for place, row in enumerate(rows.tolist())},
            {row: place for place, row in enumerate(queries.tolist())},
        )

    def __call__(self, spectrum: int, candidates: Rows) -> np.ndarray:
        """Return logits (m,) of candidates beside the spectrum of a molecule."""
        places = torch.tensor([self.molecule_places[row] for row in candidates.tolist()], device=self.matcher.device)
        place = self.spectrum_places[spectrum]
        scored = self.matcher.network.score_all(self.molecules[places], self.spectra[place : place + 1])
        found: np.ndarray = scored[0].double().cpu().numpy()
        return found


def _embedded(rows: Rows, embed: Callable[[Tensor], Tensor], device: torch.device) -> Tensor:
    chunks = torch.from_numpy(rows).to(device).split(EVALUATED_AT_ONCE)
    return torch.cat([embed(chunk) for chunk in chunks])


def _figures(
    scores: Scores, lists: CandidateLists, trained: NDArray[np.bool_], settings: ExaminationSettings
) -> dict[str, Any]:
    right = ranks(scores, lists.queries, lists, settings.seed)
    return {
        "queries": len(lists),
        "size": float(lists.sizes.mean()),
        "trained": float(np.mean([trained[rows].mean() for rows in lists.others])),
        "hits": _hits(right, settings),
        "mrr": bootstrap_interval(1 / right, seed=settings.seed).as_dict(),
        "chance": {str(k): float(np.minimum(k / lists.sizes, 1).mean()) for k in settings.k},
        "permuted": _permuted_hits(scores, lists, settings),
    }


def _permuted_hits(scores: Scores, lists: CandidateLists, settings: ExaminationSettings) -> dict[str, Any]:
    if len(lists) < 2:
        return {str(k): Interval(np.nan, np.nan, np.nan, 0).as_dict() for k in settings.k}
    exchanged = lists.queries[derangement(len(lists), settings.seed)]
    return _hits(ranks(scores, exchanged, lists, settings.seed), settings)


def _hits(found: Rows, settings: ExaminationSettings) -> dict[str, Any]:
    return {str(k): bootstrap_interval(found <= k, seed=settings.seed).as_dict() for k in settings.k}
