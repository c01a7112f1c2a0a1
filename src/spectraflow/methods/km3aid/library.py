"""A molecule library as embeddings on disk: one shard a job, in bounded memory."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from spectraflow.methods.km3aid.model import Km3aid
from spectraflow.methods.km3aid.train import load_model
from spectraflow.nn.distinct_atoms import DistinctAtomNetwork
from spectraflow.search.shards import open_shards, shard_rows, write_shard
from spectraflow.store.graphs import ATOM_COLUMNS, BOND_COLUMNS, GraphStore
from spectraflow.tables import GRAPHS, count_rows, scan_table
from spectraflow.training.devices import job_device

CHUNK = 16_384  # molecules in memory: more share more environments, fewer fit the cache
EMBEDDING_BATCH = 1024


class GraphEmbedder:
    """A trained model's molecule branch for many graphs at once: `Km3aid.embed_graphs` but for float32 rounding."""

    def __init__(self, model: Km3aid) -> None:
        self.model = model
        self.network = DistinctAtomNetwork(model.node_encoder if model.graph_encoder is None else model.graph_encoder)

    @torch.no_grad()
    def __call__(self, store: GraphStore) -> Tensor:
        """Return the embeddings (G, p) float32 of all graphs of the store."""
        graph = store.batch(torch.arange(len(store), device=store.atoms.offsets.device))
        pooled = self.network.pooled(graph).split(EMBEDDING_BATCH)
        return torch.cat([self.model.project_graph(self.model.readout(rows)).float() for rows in pooled])


def embed_library(run: Path, graphs: Path, out: Path, *, shard: int = 0, shards: int = 1) -> None:
    """Write the embeddings of one shard of a library's graphs: rows N i / n to N (i + 1) / n of the N in the table.

    Only these rows are read, and CHUNK molecules are in memory at a time.
    """
    model, settings, _ = load_model(run)
    device = job_device()
    embed = GraphEmbedder(model.to(device))
    total = count_rows(graphs)
    rows = shard_rows(total, shard, shards)

    def pieces() -> Iterator[tuple[list[str], np.ndarray]]:
        columns = ["molecule_id", *ATOM_COLUMNS, *BOND_COLUMNS]
        for batch in scan_table(graphs, GRAPHS, columns, batch_rows=CHUNK, within=rows):
            store = GraphStore.from_table(pa.Table.from_batches([batch]))
            yield store.molecule_ids, embed(store.to(device)).cpu().numpy()

    write_shard(out, settings.model.projection, rows, total, pieces())


def embedding_chunks(shards: Sequence[Path], size: int = 8192) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield row ranges of a library with at most `size` embeddings (c, p) float32, in order."""
    for shard in open_shards(shards):
        for rows, values in shard.matrices():
            for start in range(rows.start, rows.stop, size):
                stop = min(start + size, rows.stop)
                yield slice(start, stop), values[start - rows.start : stop - rows.start]


def embedded_ids(shards: Sequence[Path]) -> list[str]:
    """Return the ids of the embedded molecules, in order."""
    return [name for shard in open_shards(shards) for _, ids in shard.id_batches() for name in ids.to_pylist()]
