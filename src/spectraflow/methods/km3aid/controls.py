"""What scores a query's candidates: the model, and the controls that must stay at chance (reference section 6.3)."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from spectraflow.evaluation.retrieval import at_or_above
from spectraflow.methods.km3aid.library import Library
from spectraflow.methods.km3aid.model import Km3aid
from spectraflow.store.graphs import GraphStore

CHECKED_QUERIES = 100
TIE_TOLERANCE = 1e-6  # relative; float32 carries 6e-8 an operation


@dataclass(frozen=True)
class Queries:
    """q held-out molecules: spectrum and graph embeddings (q, p), first-block codes (q,), carbon counts (q,)."""

    molecule_ids: list[str]
    spectra: Tensor
    graphs: Tensor
    blocks: np.ndarray
    carbons: np.ndarray


def derangement(count: int, seed: int) -> np.ndarray:
    """Return a seeded permutation (count,) that leaves no index in its place: one random cycle through all."""
    cycle = np.random.default_rng(seed).permutation(count)
    other = np.empty(count, np.int64)
    other[cycle] = np.roll(cycle, 1)
    return other


Scorer = tuple[np.ndarray, Callable[[slice, Tensor], np.ndarray]]


def truth_scores(spectra: Tensor, graphs: Tensor) -> np.ndarray:
    """Return the dot product of each row pair (q,), lowered by what float32 sums may differ, so that ties count."""
    scores = (spectra * graphs).sum(1)
    return (scores - TIE_TOLERANCE * scores.abs()).numpy()


def scorers(queries: Queries, library: Library, training_carbons: float, seed: int) -> dict[str, Scorer]:
    """Return the model's scorer and those of the controls, each the truth's scores and a function of a chunk."""
    generator = np.random.default_rng(seed)
    count, size = len(queries.molecule_ids), len(library.usable)
    permuted = queries.spectra[torch.from_numpy(derangement(count, seed))]
    own_row = {int(block): row for row, block in reversed(list(enumerate(library.blocks)))}
    places = np.array([own_row.get(int(b), generator.integers(size) + 0.5) for b in queries.blocks], float)

    def dot(spectra: Tensor) -> Scorer:
        return truth_scores(spectra, queries.graphs), lambda rows, chunk: (spectra @ chunk.T).numpy()

    return {
        "model": dot(queries.spectra),
        "random_scores": (generator.random(count), lambda rows, chunk: generator.random((count, len(chunk)))),
        "permuted_spectra": dot(permuted),
        "library_order": (
            -places,
            lambda rows, chunk: np.broadcast_to(-np.arange(rows.start, rows.stop, dtype=float), (count, len(chunk))),
        ),
        "carbon_count_prior": (
            -np.abs(queries.carbons - training_carbons),
            lambda rows, chunk: np.broadcast_to(-np.abs(library.carbons[rows] - training_carbons), (count, len(chunk))),
        ),
    }


def count_at_or_above(queries: Queries, library: Library, scorer: Scorer) -> tuple[np.ndarray, np.ndarray]:
    """Return, per query, eligible molecules scoring at least as high as the truth, and all eligible ones."""
    truth, score = scorer
    above, eligible = np.zeros(len(truth), np.int64), np.zeros(len(truth), np.int64)
    for rows, embeddings in library.chunks():
        usable = library.usable[rows]
        scores, blocks = score(rows, embeddings)[:, usable].copy(), library.blocks[rows][usable]
        eligible += len(blocks)
        for column in np.flatnonzero(np.isin(blocks, queries.blocks)):
            same = queries.blocks == blocks[column]
            scores[same, column] = -np.inf
            eligible[same] -= 1
        above += at_or_above(truth, scores)
    return above, eligible


def count_among_queries(queries: Queries, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the counts of permuted spectra where the other queries' molecules are the candidates.

    Against a library, a permuted spectrum is above chance as far as the library differs from the queries' molecules
    (size, elements): that part of a hit needs no spectrum. Here truth and candidates are alike, and chance is 1 / N.
    """
    scores = (queries.spectra[torch.from_numpy(derangement(len(queries.blocks), seed))] @ queries.graphs.T).numpy()
    allowed = queries.blocks[:, None] != queries.blocks[None, :]
    return at_or_above(np.diagonal(scores).copy(), np.where(allowed, scores, -np.inf)), allowed.sum(1)


def shuffle_check(queries: Queries, library: Library, seed: int) -> int:
    """Return for how many queries a shuffled candidate order changes the count among the first chunk; must be 0."""
    count = min(CHECKED_QUERIES, len(queries.molecule_ids))
    rows, embeddings = next(library.chunks())
    order = np.random.default_rng(seed).permutation(len(embeddings))
    allowed = library.usable[rows] & (queries.blocks[:count, None] != library.blocks[None, rows])
    spectra, truth = queries.spectra[:count], truth_scores(queries.spectra, queries.graphs)[:count]
    scores = np.where(allowed, (spectra @ embeddings.T).numpy(), -np.inf)
    shuffled = (spectra @ embeddings[torch.from_numpy(order)].T).numpy()
    reordered = np.where(allowed[:, order], shuffled, -np.inf)
    return int((at_or_above(truth, scores) != at_or_above(truth, reordered)).sum())


@torch.no_grad()
def batch_invariance(model: Km3aid, store: GraphStore, rows: Tensor) -> float:
    """Return the largest difference of an embedding computed alone and in a batch; must stay below 1e-4."""
    together = model.embed_graphs(store.batch(rows)).float()
    alone = torch.cat([model.embed_graphs(store.batch(row[None])).float() for row in rows])
    return float((together - alone).abs().max())
