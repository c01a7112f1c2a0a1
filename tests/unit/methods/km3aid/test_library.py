import numpy as np
import pytest
import torch

from spectraflow.errors import InputError
from spectraflow.methods.km3aid import library
from spectraflow.methods.km3aid.library import GraphEmbedder, embed_library, embedded_ids, embedding_chunks
from spectraflow.methods.km3aid.settings import Km3aidRun
from spectraflow.methods.km3aid.train import build_model, load_model
from spectraflow.store.graphs import GraphStore
from spectraflow.training.checkpoint import save_checkpoint

SMILES = {f"lib:{n}": f"{'C' * n}C(=O)O" for n in range(1, 12)} | {"lib:a": "c1ccncc1", "lib:b": "C[C@H](N)C(=O)O"}


@pytest.fixture(params=[True, False])
def run(tmp_path, request):
    values = {"layers": 2, "dim": 16, "projection": 24, "communication": request.param}
    settings = Km3aidRun.model_validate({"model": values, "spectrum_encoder": {"mode": "joint"}})
    folder = tmp_path / "run"
    state = dict(build_model(settings).state_dict())
    save_checkpoint(folder / "model.safetensors", state, {"settings": settings.model_dump()})
    return folder


def test_shards_hold_what_the_model_computes(run, graphs_table, tmp_path, monkeypatch):
    monkeypatch.setattr(library, "CHUNK", 3)
    monkeypatch.setattr(library, "EMBEDDING_BATCH", 2)
    graphs = graphs_table(SMILES)
    shards = [tmp_path / f"shard-{number}.arrow" for number in range(4)]
    for number, path in enumerate(shards):
        embed_library(run, graphs, path, shard=number, shards=4)
    model, store = load_model(run)[0], GraphStore.read(graphs)
    with torch.no_grad():
        expected = model.embed_graphs(store.batch(torch.arange(len(store)))).numpy()
    assert embedded_ids(shards) == list(SMILES)
    chunks = list(embedding_chunks(shards, size=2))
    assert [rows.start for rows, _ in chunks] == [0, 2, 3, 5, 6, 8, 9, 11]  # 13 rows as 3, 3, 3 and 4
    np.testing.assert_allclose(np.concatenate([values for _, values in chunks]), expected, rtol=1e-4, atol=1e-4)


def test_library_smaller_than_the_number_of_shards(run, graphs_table, tmp_path):
    graphs = graphs_table(dict(list(SMILES.items())[:2]))
    shards = [tmp_path / f"shard-{number}.arrow" for number in range(5)]
    for number, path in enumerate(shards):
        embed_library(run, graphs, path, shard=number, shards=5)
    assert embedded_ids(shards) == list(SMILES)[:2]
    with pytest.raises(InputError, match="starts at row"):
        embedded_ids([shards[0], shards[4]])


def test_embedding_does_not_depend_on_neighbours(run, graphs_table):
    graphs = graphs_table(SMILES)
    store = GraphStore.read(graphs)
    embed = GraphEmbedder(load_model(run)[0])
    alone = torch.cat([embed(GraphStore.read(graphs, [name])) for name in store.molecule_ids])
    torch.testing.assert_close(embed(store), alone, rtol=1e-4, atol=1e-4)
