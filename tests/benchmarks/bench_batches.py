"""Rate of batch assembly against PyTorch Geometric's DataLoader over in-memory graphs, on one thread."""

import gzip
import time

import pytest
import torch
from rdkit import Chem
from torch_geometric.loader import DataLoader

from spectraflow.molecules.graphs import build_graphs
from spectraflow.store.batches import batches
from spectraflow.store.graphs import GraphStore
from spectraflow.tables import MOLECULES, TableWriter

MOLECULES_USED = 8_192
BATCH = 128
BAR = 5


@pytest.fixture
def store(smiles_file, tmp_path) -> GraphStore:
    with gzip.open(smiles_file, "rt") as file:
        texts = [line.split()[-1] for line, _ in zip(file, range(40 * MOLECULES_USED), strict=False)][::20]
    smiles = [text for text in texts if Chem.MolFromSmiles(text) is not None][:MOLECULES_USED]
    with TableWriter(tmp_path / "molecules.parquet", MOLECULES) as writer:
        writer.write_rows([{"molecule_id": f"x:{i}", "smiles": text} for i, text in enumerate(smiles)])
    build_graphs(tmp_path / "molecules.parquet", tmp_path / "graphs.parquet", tmp_path / "rejects.parquet")
    return GraphStore.read(tmp_path / "graphs.parquet")


def one_epoch_of_ours(store: GraphStore) -> float:
    started = time.perf_counter()
    for rows in batches(torch.arange(len(store)), BATCH, torch.Generator().manual_seed(0)):
        store.batch(rows)
    return time.perf_counter() - started


def one_epoch_of_pyg(loader: DataLoader) -> float:
    started = time.perf_counter()
    for _ in loader:
        pass
    return time.perf_counter() - started


@pytest.mark.benchmark
def test_batches_against_pyg(store):
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        loader = DataLoader([store.to_pyg(row) for row in range(len(store))], BATCH, shuffle=True, drop_last=True)
        pairs = [(one_epoch_of_ours(store), one_epoch_of_pyg(loader)) for _ in range(5)]
    finally:
        torch.set_num_threads(threads)
    ours, theirs = (min(times) for times in zip(*pairs, strict=True))
    size = len(store) // BATCH * BATCH
    print(
        f"\nbatches of {BATCH}: {size / ours:.0f} molecules/s, PyG DataLoader {size / theirs:.0f} molecules/s, "
        f"ratio {theirs / ours:.1f} (bar {BAR})"
    )
    assert theirs / ours >= BAR
