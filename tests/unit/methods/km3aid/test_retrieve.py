import pytest
from rdkit import Chem

from spectraflow.files import read_json
from spectraflow.methods.km3aid.library import embed_library
from spectraflow.methods.km3aid.retrieve import retrieve
from spectraflow.methods.km3aid.settings import Km3aidRun
from spectraflow.methods.km3aid.train import build_model
from spectraflow.molecules.graphs import build_graphs
from spectraflow.molecules.standardise import molecule_row
from spectraflow.retrieval.settings import RetrievalSettings
from spectraflow.tables import MOLECULES, RANKS, TableWriter, read_table
from spectraflow.training.checkpoint import save_checkpoint

RUN = Km3aidRun.model_validate(
    {"model": {"layers": 2, "dim": 16, "projection": 16}, "spectrum_encoder": {"mode": "joint"}}
)


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "run"
    save_checkpoint(folder / "model.safetensors", dict(build_model(RUN).state_dict()), {"settings": RUN.model_dump()})
    return folder


@pytest.fixture
def library(tmp_path):
    """Twelve acids and their doubles: the second half repeats the first in another SMILES."""
    smiles = [f"{'C' * n}C(=O)O" for n in range(1, 13)] + [f"OC(=O){'C' * n}" for n in range(1, 13)]
    paths = {name: tmp_path / f"library_{name}.parquet" for name in ("molecules", "graphs", "rejects")}
    with TableWriter(paths["molecules"], MOLECULES) as writer:
        writer.write_rows([molecule_row(Chem.MolFromSmiles(s), f"lib:{i}") for i, s in enumerate(smiles)])
    build_graphs(paths["molecules"], paths["graphs"], paths["rejects"])
    return paths


def test_retrieval_end_to_end(run, library, alignment_files, tmp_path):
    shards = [tmp_path / f"shard-{number}.arrow" for number in range(3)]
    for number, shard in enumerate(shards):
        embed_library(run, library["graphs"], shard, shard=number, shards=3)
    settings = RetrievalSettings(library_sizes=[5, 12, 100], k=[1, 5], queries=8)
    names = ("alignment", "graphs", "molecules", "split")
    retrieve(
        settings,
        run,
        *(alignment_files[name] for name in names),
        library["molecules"],
        shards,
        tmp_path / "ranks.parquet",
        tmp_path / "retrieval.json",
    )
    found = read_json(tmp_path / "retrieval.json")
    assert found["queries"] == 8
    assert found["library"] == 12
    assert set(found["scorings"]["embedding"]["sizes"]) == {"5", "12"}
    assert found["refused_sizes"] == [100]
    assert found["scorings"]["embedding"]["sizes"]["5"]["5"]["value"] == 1
    assert found["checks"]["shuffled_candidates_changed"] == 0
    assert found["checks"]["batch_invariance_max_difference"] < 1e-4
    assert read_table(tmp_path / "ranks.parquet", RANKS).num_rows == 8


def test_external_queries_take_the_place_of_the_test_part(run, library, alignment_files, tmp_path):
    embed_library(run, library["graphs"], tmp_path / "shard.arrow")
    names = ("alignment", "graphs", "molecules", "split")
    retrieve(
        RetrievalSettings(library_sizes=[5], k=[1], queries=100),
        run,
        *(alignment_files[name] for name in names),
        library["molecules"],
        [tmp_path / "shard.arrow"],
        tmp_path / "ranks.parquet",
        tmp_path / "retrieval.json",
        external=alignment_files["alignment"],
    )
    assert read_json(tmp_path / "retrieval.json")["queries"] == 64
