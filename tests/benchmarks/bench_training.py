"""Share of a K-M3AID training epoch spent outside forward, backward and optimiser, at the published sizes."""

import pytest
import torch

from spectraflow.methods.km3aid.data import AlignmentStore
from spectraflow.methods.km3aid.select import select
from spectraflow.methods.km3aid.settings import Km3aidRun
from spectraflow.methods.km3aid.train import Km3aidTask, build_model
from spectraflow.molecules.graphs import build_graphs
from spectraflow.settings import TrainingSettings
from spectraflow.sources.nmrshiftdb2 import ingest
from spectraflow.training.devices import make_fabric
from spectraflow.training.fit import fit

BAR = 0.05


@pytest.fixture
def store(sd_file, tmp_path) -> AlignmentStore:
    names = ("molecules", "peaks", "rejects", "counts", "graphs", "graph_rejects", "alignment")
    paths = {name: tmp_path / name for name in names}
    ingest(sd_file, *(paths[name] for name in names[:4]), limit=4000)
    build_graphs(paths["molecules"], paths["graphs"], paths["graph_rejects"])
    select(paths["molecules"], paths["peaks"], paths["graphs"], paths["alignment"], paths["counts"])
    return AlignmentStore.read(paths["alignment"], paths["graphs"])


@pytest.mark.benchmark
def test_time_outside_the_model(store, tmp_path):
    settings = Km3aidRun(training=TrainingSettings(epochs=2))
    rows = torch.arange(len(store))
    task = Km3aidTask(
        build_model(settings), store.with_embeddings(torch.randn(len(store), 768)), rows, rows[:256], settings
    )
    history = fit(task, settings.training, make_fabric(), tmp_path / "fit", "bench")
    record = history.records[-1]
    share = record["seconds_outside_model"] / record["seconds"]
    print(f"\ntraining epoch of {int(record['batches'])} batches: {share:.2%} outside the model (bar {BAR:.0%})")
    assert share < BAR
