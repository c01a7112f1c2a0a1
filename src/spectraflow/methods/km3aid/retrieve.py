"""Zero-shot retrieval of molecules by 13C spectrum against a library (reference section 6.3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from spectraflow.methods.km3aid.data import AlignmentStore
from spectraflow.methods.km3aid.library import EMBEDDING_BATCH, embedded_ids, embedding_chunks
from spectraflow.methods.km3aid.model import Km3aid
from spectraflow.methods.km3aid.train import encode_spectra, load_model
from spectraflow.retrieval.candidates import molecule_frame, read_candidates
from spectraflow.retrieval.queries import Queries, choose_queries
from spectraflow.retrieval.ranking import rank_queries
from spectraflow.retrieval.settings import RetrievalSettings
from spectraflow.store.graphs import GraphStore
from spectraflow.training.devices import job_device

CHECKED_QUERIES = 100


@dataclass(frozen=True)
class EmbeddingScoring:
    """Dot products of the queries' spectra with molecules: spectra and own molecules (q, p) float32."""

    spectra: np.ndarray
    graphs: np.ndarray

    def own(self, order: np.ndarray) -> np.ndarray:
        """Return the scores (q,) with the queries' own molecules."""
        return (self.spectra[order] * self.graphs).sum(1)

    def library(self, order: np.ndarray, payload: Any) -> np.ndarray:
        """Return the scores (q, c) with a chunk of embeddings (c, p)."""
        return self.spectra[order] @ payload.T

    def among(self, order: np.ndarray) -> np.ndarray:
        """Return the scores (q, q) with all queries' molecules."""
        return self.spectra[order] @ self.graphs.T


@torch.no_grad()
def batch_invariance(model: Km3aid, store: GraphStore, rows: Tensor) -> float:
    """Return the largest difference of an embedding computed alone and in a batch; must stay below 1e-4."""
    together = model.embed_graphs(store.batch(rows)).float()
    alone = torch.cat([model.embed_graphs(store.batch(row[None])).float() for row in rows])
    return float((together - alone).abs().max())


@torch.no_grad()
def read_queries(
    model: Km3aid, encoder: torch.nn.Module | None, store: AlignmentStore, rows: Tensor, device: torch.device
) -> EmbeddingScoring:
    """Return the spectra and molecules of the rows as embeddings."""
    store = store.to(device)
    if encoder is not None:
        store = store.with_embeddings(encode_spectra(encoder, store))  # type: ignore[arg-type]
    spectra, graphs = [], []
    for chunk in rows.to(device).split(EMBEDDING_BATCH):
        batch = store.batch(chunk)
        spectra.append(model.embed_spectra(batch.spectrum).float().cpu())
        graphs.append(model.embed_graphs(batch.graph).float().cpu())
    return EmbeddingScoring(torch.cat(spectra).numpy(), torch.cat(graphs).numpy())


def retrieve(
    settings: RetrievalSettings,
    run: Path,
    alignment: Path,
    graphs: Path,
    molecules: Path,
    split: Path,
    library: Path,
    shards: Sequence[Path],
    out: Path,
    metrics: Path,
    *,
    external: Path | None = None,
) -> None:
    """Rank the truth of every query and write ranks, hit rates, controls and checks.

    Queries are the test part of `split`, or all molecules of the alignment table `external`; `shards` hold the embedded
    library.
    """
    model, _, encoder = load_model(run)
    device = job_device()
    model = model.to(device)
    trained = AlignmentStore.read(alignment, graphs)
    parts = trained.rows_of(split)
    store = trained if external is None else AlignmentStore.read(external, graphs)
    asked = parts["test"] if external is None else torch.arange(len(store))
    identity_of = dict(molecule_frame(molecules, ["molecule_id", "identity_key"]).iter_rows())
    identity = [identity_of.get(name) or name for name in store.molecule_ids]
    rows = choose_queries(asked, identity, settings.queries, settings.seed)
    scoring = read_queries(model, encoder, store, rows, device)
    train_blocks = {trained.first_blocks[row] for row in parts["train"].tolist()}
    chosen = rows.tolist()
    queries = Queries(
        [store.molecule_ids[row] for row in chosen],
        [store.first_blocks[row] for row in chosen],
        store.carbons.counts.numpy()[rows.numpy()],
    )
    checked = rows[:CHECKED_QUERIES].to(device)
    rank_queries(
        settings,
        queries,
        read_candidates(embedded_ids(shards), library, train_blocks),
        lambda: embedding_chunks(shards),
        {"embedding": scoring},
        float(trained.carbons.counts[parts["train"]].float().mean()),
        out,
        metrics,
        {"batch_invariance_max_difference": batch_invariance(model, store.graphs.to(device), checked)},
    )
