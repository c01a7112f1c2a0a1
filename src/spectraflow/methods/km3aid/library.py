"""A molecule library as embeddings on disk: written and read in chunks, so that memory does not grow with it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import torch
from torch import Tensor

from spectraflow.errors import InputError
from spectraflow.methods.km3aid.model import Km3aid
from spectraflow.methods.km3aid.train import load_model
from spectraflow.store.graphs import GraphStore
from spectraflow.tables import MOLECULES, TableWriter, embeddings_schema, read_table, scan_table
from spectraflow.training.devices import make_fabric

CHUNK = 8192
EMBEDDING_BATCH = 1024


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


def first_block_codes(*keys: list[str]) -> list[np.ndarray]:
    """Return InChIKey first blocks of several lists as integers of one numbering."""
    codes: dict[str, int] = {}
    return [np.array([codes.setdefault(key.split("-")[0], len(codes)) for key in group], np.int64) for group in keys]


def molecule_frame(path: Path, columns: list[str]) -> pl.DataFrame:
    """Return columns of a molecules table as a polars frame."""
    return pl.DataFrame(pl.from_arrow(read_table(path, MOLECULES, columns)))


def read_library(embeddings: Path, library: Path, width: int, train_blocks: set[str]) -> tuple[Library, list[str]]:
    """Return the library and its first blocks; duplicates by identity key and training molecules are not usable."""
    ids = read_table(embeddings, embeddings_schema(width), ["molecule_id"]).column(0).to_pylist()
    columns = ["molecule_id", "inchikey", "identity_key", "carbons", "heavy_atoms"]
    frame = pl.DataFrame({"molecule_id": ids}).join(
        molecule_frame(library, columns), on="molecule_id", how="left", maintain_order="left"
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
