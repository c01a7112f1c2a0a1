"""Rate at which stored graphs reach chemprop's blocks against chemprop's own loader with its cache on."""

import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest
import torch
from chemprop.data import MoleculeDatapoint, MoleculeDataset, TrainingBatch, build_dataloader
from chemprop.featurizers import SimpleMoleculeMolGraphFeaturizer
from chemprop.featurizers.atom import MultiHotAtomFeaturizer
from chemprop.nn import BondMessagePassing, MeanAggregation
from rdkit import rdBase
from torch import Tensor, nn

from spectraflow.methods.mmfrl.molecular_graphs import MolecularGraphs, write_graphs
from spectraflow.nn.dmpnn import ATOM_WIDTH, Dmpnn
from spectraflow.store.batches import batches
from tests.benchmarks.bench_graphs import sample, write_molecules

MOLECULES = 4096
TRAINED = 512
BATCH = 256
BAR = 2.0
ROUNDS = 3


def seconds(function: Callable[[], object]) -> float:
    """Return the processor time of one call, which another process on the machine does not lengthen as much."""
    start = time.process_time()
    function()
    return time.process_time() - start


def best(*functions: Callable[[], object]) -> list[float]:
    """Return the least seconds of each over a few rounds; in a round every function runs once."""
    return [min(times) for times in zip(*([seconds(one) for one in functions] for _ in range(ROUNDS)), strict=True)]


def drop(graphs: Iterable[object]) -> None:
    """Make every batch and let go of it, as training does: its memory then serves the next one."""
    for _ in graphs:
        pass


def peer_data(smiles: list[str]) -> MoleculeDataset:
    """Return chemprop's data set with every graph in its cache."""
    featurise = SimpleMoleculeMolGraphFeaturizer(atom_featurizer=MultiHotAtomFeaturizer.v1())
    data = MoleculeDataset([MoleculeDatapoint.from_smi(text, np.zeros(1)) for text in smiles], featurise)
    data.cache = True
    return data


class PeerEncoder(nn.Module):
    """chemprop's blocks as they are."""

    def __init__(self) -> None:
        super().__init__()
        self.messages, self.mean = BondMessagePassing(d_v=ATOM_WIDTH["v1"]), MeanAggregation()

    def forward(self, graph: object) -> Tensor:
        return self.mean(self.messages(graph), graph.batch)


def train(model: nn.Module, graphs: Iterable[object]) -> None:
    """Forward and backward passes over the batches."""
    for graph in graphs:
        model(graph).square().sum().backward()


@pytest.mark.benchmark
def test_store_against_chemprops_loader(smiles_file: Path, tmp_path: Path) -> None:
    with rdBase.BlockLogs():
        smiles = sample(smiles_file, MOLECULES)
        write_molecules(tmp_path / "table.parquet", smiles)
        featurising = seconds(lambda: write_graphs(tmp_path / "table.parquet", tmp_path / "graphs"))
        peer = peer_data(smiles)
        peer_featurising = seconds(lambda: setattr(peer, "cache", True))
    graphs, loader = MolecularGraphs.read(tmp_path / "graphs"), build_dataloader(peer, BATCH, seed=0, drop_last=False)
    rows, generator = torch.arange(len(smiles)), torch.Generator()
    few = build_dataloader(peer_data(smiles[:TRAINED]), BATCH, seed=0, drop_last=False)
    ours, theirs = Dmpnn(), PeerEncoder()

    def stored(rows: Tensor) -> Iterable[object]:
        return (graphs.batch(part) for part in batches(rows, BATCH, generator, drop_last=False))

    def loaded(loader: Iterable[TrainingBatch]) -> Iterable[object]:
        return (batch.bmg for batch in loader)

    fed, peer_fed = best(lambda: drop(stored(rows)), lambda: drop(loaded(loader)))
    trained, peer_trained = best(lambda: train(ours, stored(rows[:TRAINED])), lambda: train(theirs, loaded(few)))
    count = len(smiles)
    print(
        f"\n{count} molecules, batches of {BATCH}, processor time: fed from the store {count / fed:.0f} /s, by "
        f"chemprop's cached loader {count / peer_fed:.0f} /s (ratio {peer_fed / fed:.1f}, bar {BAR}); fed, forward and "
        f"backward {TRAINED / trained:.0f} /s against {TRAINED / peer_trained:.0f} /s (ratio "
        f"{peer_trained / trained:.2f}); featurised {count / featurising:.0f} /s, SMILES read and both versions, "
        f"against {count / peer_featurising:.0f} /s, one version of molecules already read"
    )
    assert peer_fed / fed > BAR
