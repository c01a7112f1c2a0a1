"""Zero-shot retrieval of molecules by 13C spectrum against a library, with controls (reference section 6.3)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from torch import Tensor

from spectraflow.config import RetrievalSettings
from spectraflow.errors import InputError
from spectraflow.evaluation.retrieval import at_or_above, expected_hits
from spectraflow.evaluation.uncertainty import bootstrap_interval
from spectraflow.files import write_json
from spectraflow.methods.km3aid.data import AlignmentStore
from spectraflow.methods.km3aid.model import Km3aid
from spectraflow.methods.km3aid.train import encode_spectra, load_model
from spectraflow.store.graphs import GraphStore
from spectraflow.tables import MOLECULES, RANKS, TableWriter, embeddings_schema, read_table, scan_table
from spectraflow.training.devices import make_fabric

CHUNK = 8192
EMBEDDING_BATCH = 1024
CHECKED_QUERIES = 100


@torch.no_grad()
def embed_library(run: Path, graphs: Path, out: Path) -> None:
    """Write the embedding of every graph of a library, one chunk in memory at a time."""
    model, settings, _ = load_model(run)
    device = make_fabric().device
    model = model.to(device)
    with TableWriter(out, embeddings_schema(settings.model.projection)) as writer:
        for store in GraphStore.scan(graphs, rows=CHUNK):
            embedded = _embed_graphs(model, store.to(device)).cpu().numpy()
            writer.write({"molecule_id": store.molecule_ids, "embedding": list(embedded)})


@torch.no_grad()
def _embed_graphs(model: Km3aid, store: GraphStore) -> Tensor:
    rows = torch.arange(len(store), device=store.atoms.offsets.device)
    return torch.cat([model.embed_graphs(store.batch(chunk)).float() for chunk in rows.split(EMBEDDING_BATCH)])


@dataclass(frozen=True)
class Queries:
    """q held-out molecules: spectrum and graph embeddings (q, p), first-block codes (q,), carbon counts (q,)."""

    molecule_ids: list[str]
    spectra: Tensor
    graphs: Tensor
    blocks: np.ndarray
    carbons: np.ndarray


@dataclass(frozen=True)
class Library:
    """n library molecules in file order: first-block codes, carbon counts, which of them may be drawn, all (n,)."""

    path: Path
    width: int
    blocks: np.ndarray
    carbons: np.ndarray
    usable: np.ndarray
    removed: dict[str, int]
    statistics: dict[str, float]

    def chunks(self) -> Iterator[tuple[slice, Tensor]]:
        """Yield row ranges with their embeddings (c, p)."""
        start = 0
        for batch in scan_table(self.path, embeddings_schema(self.width), ["embedding"], batch_rows=CHUNK):
            values = batch.column(0).flatten().to_numpy(zero_copy_only=False).reshape(-1, self.width)
            yield slice(start, start + len(values)), torch.from_numpy(np.array(values))
            start += len(values)


Scorer = tuple[np.ndarray, Callable[[slice, Tensor], np.ndarray]]


def first_block_codes(*keys: list[str]) -> list[np.ndarray]:
    """Return InChIKey first blocks of several lists as integers of one numbering."""
    codes: dict[str, int] = {}
    return [np.array([codes.setdefault(key.split("-")[0], len(codes)) for key in group], np.int64) for group in keys]


def _molecule_frame(path: Path, columns: list[str]) -> pl.DataFrame:
    return pl.DataFrame(pl.from_arrow(read_table(path, MOLECULES, columns)))


def read_library(embeddings: Path, library: Path, width: int, train_blocks: set[str]) -> tuple[Library, list[str]]:
    """Return the library and its first blocks; duplicates by identity key and training molecules are not usable."""
    ids = read_table(embeddings, embeddings_schema(width), ["molecule_id"]).column(0).to_pylist()
    columns = ["molecule_id", "inchikey", "identity_key", "carbons", "heavy_atoms"]
    frame = pl.DataFrame({"molecule_id": ids}).join(
        _molecule_frame(library, columns), on="molecule_id", how="left", maintain_order="left"
    )
    if frame["carbons"].null_count():
        raise InputError(f"{embeddings}: has molecules that {library} does not have")
    keys = [key or name for key, name in zip(frame["inchikey"], ids, strict=True)]
    blocks = [key.split("-")[0] for key in keys]
    first = frame["identity_key"].fill_null(pl.Series(ids)).is_first_distinct().to_numpy()
    trained = np.array([block in train_blocks for block in blocks], dtype=bool)
    carbons = frame["carbons"].to_numpy()
    statistics = {
        "carbons_mean": float(carbons.mean()),
        "heavy_atoms_mean": float(frame["heavy_atoms"].to_numpy().mean()),
    }
    removed = {"duplicates": int((~first).sum()), "training_molecules": int((first & trained).sum())}
    return Library(embeddings, width, np.empty(0), carbons, first & ~trained, removed, statistics), blocks


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


def count_at_or_above(queries: Queries, library: Library, scorer: Scorer) -> tuple[np.ndarray, np.ndarray]:
    """Return, per query, eligible molecules scoring at least as high as the truth, and all eligible ones."""
    truth, score = scorer
    above, eligible = np.zeros(len(truth), np.int64), np.zeros(len(truth), np.int64)
    for rows, embeddings in library.chunks():
        allowed = library.usable[rows] & (queries.blocks[:, None] != library.blocks[None, rows])
        scores = np.where(allowed, score(rows, embeddings), -np.inf)
        above += at_or_above(truth, scores)
        eligible += allowed.sum(1)
    return above, eligible


def scorers(queries: Queries, library: Library, training_carbons: float, seed: int) -> dict[str, Scorer]:
    """Return the model's scorer and those of the controls, each the truth's scores and a function of a chunk."""
    generator = np.random.default_rng(seed)
    count, size = len(queries.molecule_ids), len(library.usable)
    other = np.roll(np.arange(count), 1)
    permuted = queries.spectra[torch.from_numpy(other)]
    own_row = {int(block): row for row, block in reversed(list(enumerate(library.blocks)))}
    places = np.array([own_row.get(int(b), generator.integers(size) + 0.5) for b in queries.blocks], float)

    def dot(spectra: Tensor) -> Scorer:
        return (spectra * queries.graphs).sum(1).numpy(), lambda rows, chunk: (spectra @ chunk.T).numpy()

    return {
        "model": dot(queries.spectra),
        "random_scores": (generator.random(count), lambda rows, chunk: generator.random((count, len(chunk)))),
        "permuted_spectra": dot(permuted),
        "library_order": (
            -places,
            lambda rows, chunk: -np.arange(rows.start, rows.stop, dtype=float)[None].repeat(count, 0),
        ),
        "carbon_count_prior": (
            -np.abs(queries.carbons - training_carbons),
            lambda rows, chunk: -np.abs(library.carbons[rows] - training_carbons)[None].repeat(count, 0),
        ),
    }


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


def shuffle_check(queries: Queries, library: Library, above: np.ndarray, seed: int) -> int:
    """Return for how many of the first queries a shuffled candidate order changes the count; must be 0."""
    count = min(CHECKED_QUERIES, len(queries.molecule_ids))
    rows, embeddings = zip(*library.chunks(), strict=True)
    everything = torch.cat(embeddings)
    order = np.random.default_rng(seed).permutation(len(everything))
    allowed = library.usable[order] & (queries.blocks[:count, None] != library.blocks[None, order])
    recounted = np.zeros(count, np.int64)
    truth = (queries.spectra[:count] * queries.graphs[:count]).sum(1).numpy()
    for piece in np.array_split(np.arange(len(order)), len(rows)):
        scores = (queries.spectra[:count] @ everything[torch.from_numpy(order[piece])].T).numpy()
        recounted += at_or_above(truth, np.where(allowed[:, piece], scores, -np.inf))
    return int((recounted != above[:count]).sum())


@torch.no_grad()
def batch_invariance(model: Km3aid, store: GraphStore, rows: Tensor) -> float:
    """Return the largest difference of an embedding computed alone and in a batch; must stay below 1e-4."""
    together = model.embed_graphs(store.batch(rows)).float()
    alone = torch.cat([model.embed_graphs(store.batch(row[None])).float() for row in rows])
    return float((together - alone).abs().max())


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
    keys = _molecule_frame(molecules, ["molecule_id", "identity_key"])
    identity_of = dict(keys.iter_rows())
    identity = [identity_of.get(name) or name for name in store.molecule_ids]
    rows = choose_queries(parts["test"], identity, settings.queries, settings.seed)
    spectra, query_graphs = read_queries(model, encoder, store, rows, device)
    train_blocks = {store.first_blocks[row] for row in parts["train"].tolist()}
    library, blocks = read_library(embeddings, library_molecules, run_settings.model.projection, train_blocks)
    query_codes, library_codes = first_block_codes([store.first_blocks[row] for row in rows.tolist()], blocks)
    counts = store.carbons.counts.numpy()
    library = Library(**{**library.__dict__, "blocks": library_codes})
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
    device = next(model.parameters()).device
    checks = {
        "shuffled_candidates_changed": shuffle_check(queries, library, model_above, settings.seed),
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
