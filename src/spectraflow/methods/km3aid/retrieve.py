"""Zero-shot retrieval of molecules by 13C spectrum against a library, with controls (reference section 6.3)."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from spectraflow.config import RetrievalSettings
from spectraflow.evaluation.retrieval import expected_hits
from spectraflow.evaluation.uncertainty import bootstrap_interval
from spectraflow.files import write_json
from spectraflow.methods.km3aid.controls import (
    CHECKED_QUERIES,
    Queries,
    batch_invariance,
    count_among_queries,
    count_at_or_above,
    scorers,
    shuffle_check,
)
from spectraflow.methods.km3aid.data import AlignmentStore
from spectraflow.methods.km3aid.library import (
    EMBEDDING_BATCH,
    Library,
    first_block_codes,
    molecule_frame,
    read_library,
)
from spectraflow.methods.km3aid.model import Km3aid
from spectraflow.methods.km3aid.train import encode_spectra, load_model
from spectraflow.tables import RANKS, TableWriter
from spectraflow.training.devices import make_fabric


def choose_queries(rows: Tensor, identity: list[str], limit: int, seed: int) -> Tensor:
    """Return up to `limit` of the rows, one an identity key, drawn by `seed`, in ascending order."""
    order = np.random.default_rng(seed).permutation(len(rows))
    seen: set[str] = set()
    chosen = []
    for row in rows[torch.from_numpy(order)].tolist():
        if identity[row] not in seen:
            seen.add(identity[row])
            chosen.append(row)
    return torch.tensor(sorted(chosen[:limit]))


def hit_rates(
    above: np.ndarray, eligible: np.ndarray, settings: RetrievalSettings
) -> dict[str, dict[str, dict[str, Any]]]:
    """Return hit@k with intervals for every library size the eligible molecules can fill."""
    return {
        str(size): {
            str(k): bootstrap_interval(expected_hits(above, eligible, size, k), seed=settings.seed).as_dict()
            for k in settings.k
        }
        for size in settings.library_sizes
        if size <= eligible.min() + 1
    }


@torch.no_grad()
def read_queries(
    model: Km3aid, encoder: torch.nn.Module | None, store: AlignmentStore, rows: Tensor, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Return spectrum and graph embeddings (q, p) of the rows on the CPU."""
    store = store.to(device)
    if encoder is not None:
        store = store.with_embeddings(encode_spectra(encoder, store))  # type: ignore[arg-type]
    spectra, graphs = [], []
    for chunk in rows.to(device).split(EMBEDDING_BATCH):
        batch = store.batch(chunk)
        spectra.append(model.embed_spectra(batch.spectrum).float().cpu())
        graphs.append(model.embed_graphs(batch.graph).float().cpu())
    return torch.cat(spectra), torch.cat(graphs)


def retrieve(
    settings: RetrievalSettings,
    run: Path,
    alignment: Path,
    graphs: Path,
    molecules: Path,
    split: Path,
    library_molecules: Path,
    embeddings: Path,
    out: Path,
    metrics: Path,
) -> None:
    """Rank the truth of every query and write ranks, hit rates, controls and checks."""
    model, run_settings, encoder = load_model(run)
    device = make_fabric().device
    model = model.to(device)
    store = AlignmentStore.read(alignment, graphs)
    parts = store.rows_of(split)
    keys = molecule_frame(molecules, ["molecule_id", "identity_key"])
    identity_of = dict(keys.iter_rows())
    identity = [identity_of.get(name) or name for name in store.molecule_ids]
    rows = choose_queries(parts["test"], identity, settings.queries, settings.seed)
    spectra, query_graphs = read_queries(model, encoder, store, rows, device)
    train_blocks = {store.first_blocks[row] for row in parts["train"].tolist()}
    library, blocks = read_library(embeddings, library_molecules, run_settings.model.projection, train_blocks)
    query_codes, library_codes = first_block_codes([store.first_blocks[row] for row in rows.tolist()], blocks)
    counts = store.carbons.counts.numpy()
    library = replace(library, blocks=library_codes)
    queries = Queries(
        [store.molecule_ids[row] for row in rows.tolist()], spectra, query_graphs, query_codes, counts[rows.numpy()]
    )
    training_carbons = float(counts[parts["train"].numpy()].mean())
    _write_results(settings, model, store, rows, queries, library, training_carbons, out, metrics)


def _write_results(
    settings: RetrievalSettings,
    model: Km3aid,
    store: AlignmentStore,
    rows: Tensor,
    queries: Queries,
    library: Library,
    training_carbons: float,
    out: Path,
    metrics: Path,
) -> None:
    results: dict[str, Any] = {}
    for name, scorer in scorers(queries, library, training_carbons, settings.seed).items():
        above, eligible = count_at_or_above(queries, library, scorer)
        results[name] = hit_rates(above, eligible, settings)
        if name == "model":
            truth, model_above, model_eligible = scorer[0], above, eligible
    results["permuted_among_queries"] = hit_rates(*count_among_queries(queries, settings.seed), settings)
    device = next(model.parameters()).device
    checks = {
        "shuffled_candidates_changed": shuffle_check(queries, library, settings.seed),
        "batch_invariance_max_difference": batch_invariance(
            model, store.graphs.to(device), rows[:CHECKED_QUERIES].to(device)
        ),
    }
    with TableWriter(out, RANKS) as writer:
        writer.write(
            {
                "query_id": queries.molecule_ids,
                "score": truth.astype(float).tolist(),
                "at_or_above": model_above.tolist(),
                "eligible": model_eligible.tolist(),
            }
        )
    write_json(
        metrics,
        {
            "queries": len(queries.molecule_ids),
            "library": int(library.usable.sum()),
            "library_statistics": library.statistics,
            "removed": {
                **library.removed,
                "same_first_block": int((library.usable.sum() - model_eligible).sum()),
            },
            "training_molecules_in_library": library.removed["training_molecules"],
            "refused_sizes": [size for size in settings.library_sizes if size > model_eligible.min() + 1],
            "sizes": results.pop("model"),
            "controls": results,
            "checks": checks,
        },
    )
