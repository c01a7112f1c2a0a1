"""A molecule library as embeddings on disk: written and read in chunks, so that memory does not grow with it."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from spectraflow.methods.km3aid.model import Km3aid
from spectraflow.methods.km3aid.train import load_model
from spectraflow.store.graphs import GraphStore
from spectraflow.tables import TableWriter, embeddings_schema, read_table, scan_table
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


def embedding_chunks(path: Path, width: int) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield row ranges of a library with their embeddings (c, p) float32."""
    start = 0
    for batch in scan_table(path, embeddings_schema(width), ["embedding"], batch_rows=CHUNK):
        values = batch.column(0).flatten().to_numpy(zero_copy_only=False).reshape(-1, width)
        yield slice(start, start + len(values)), values
        start += len(values)


def embedded_ids(path: Path, width: int) -> list[str]:
    """Return the ids of the embedded molecules, in order."""
    return read_table(path, embeddings_schema(width), ["molecule_id"]).column(0).to_pylist()
