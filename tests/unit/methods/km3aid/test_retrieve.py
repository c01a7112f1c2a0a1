import numpy as np
import pytest
import torch
from rdkit import Chem

from spectraflow.config import Km3aidRun, RetrievalSettings
from spectraflow.files import read_json
from spectraflow.methods.km3aid.controls import (
    Queries,
    count_among_queries,
    count_at_or_above,
    derangement,
    scorers,
    shuffle_check,
)
from spectraflow.methods.km3aid.library import embed_library, first_block_codes, read_library
from spectraflow.methods.km3aid.retrieve import choose_queries, hit_rates, retrieve
from spectraflow.methods.km3aid.train import build_model
from spectraflow.molecules.graphs import build_graphs
from spectraflow.molecules.standardise import molecule_row
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


def test_duplicates_and_training_molecules_cannot_be_drawn(run, library, tmp_path):
    embed_library(run, library["graphs"], tmp_path / "embeddings.parquet")
    acetic = Chem.MolToInchiKey(Chem.MolFromSmiles("CC(=O)O")).split("-")[0]
    found, blocks = read_library(tmp_path / "embeddings.parquet", library["molecules"], 16, {acetic})
    assert len(blocks) == 24
    assert found.usable.tolist() == [False] + [True] * 11 + [False] * 12
    assert found.removed == {"duplicates": 12, "training_molecules": 1}


def make_queries(count=40, width=16, seed=0):
    generator = torch.Generator().manual_seed(seed)
    graphs = torch.randn(count, width, generator=generator)
    return Queries([f"q{i}" for i in range(count)], graphs.clone(), graphs, np.arange(count), np.full(count, 9))


class Chunks:
    """A library in memory: `size` random molecules, the first of which share the queries' first blocks."""

    def __init__(self, size, width=16):
        self.embeddings = torch.randn(size, width, generator=torch.Generator().manual_seed(1))
        self.blocks, self.carbons, self.usable = np.arange(size), np.arange(size) % 20, np.ones(size, bool)
        self.usable[7] = False

    def chunks(self):
        for start in range(0, len(self.blocks), 64):
            yield slice(start, min(start + 64, len(self.blocks))), self.embeddings[start : start + 64]


def test_counts_agree_with_a_loop():
    queries, library = make_queries(), Chunks(200)
    above, eligible = count_at_or_above(queries, library, scorers(queries, library, 9.0, 0)["model"])
    for q in range(40):
        truth = float(queries.spectra[q] @ queries.graphs[q])
        others = [j for j in range(200) if j not in (7, q)]
        assert eligible[q] == len(others)
        assert above[q] == sum(float(queries.spectra[q] @ library.embeddings[j]) >= truth for j in others)


def test_a_molecule_that_scores_like_the_truth_counts_against_it():
    queries, library = make_queries(), Chunks(200)
    library.embeddings[100:140] = queries.graphs
    above, _ = count_at_or_above(queries, library, scorers(queries, library, 9.0, 0)["model"])
    assert (above >= 1).all()


def test_molecules_of_the_querys_own_first_block_never_count():
    queries, library = make_queries(), Chunks(200)
    library.usable[7] = True
    library.embeddings[:40] = 2 * queries.graphs  # each would beat its own truth
    own = scorers(queries, library, 9.0, 0)["model"]
    with_twins, _ = count_at_or_above(queries, library, own)
    library.usable[:40] = False
    without, _ = count_at_or_above(queries, library, own)
    library.usable[:40], library.blocks = True, library.blocks + 10_000
    strangers, _ = count_at_or_above(queries, library, own)
    assert (strangers - with_twins == 1).all()
    assert (with_twins >= without).all()


def test_controls_stay_at_chance_while_the_model_does_not():
    queries, library = make_queries(300), Chunks(2000)
    library.blocks = library.blocks + 10_000
    settings = RetrievalSettings(library_sizes=[100], k=[1, 10], queries=300)
    rates = {
        name: hit_rates(*count_at_or_above(queries, library, scorer), settings)["100"]["10"]
        for name, scorer in scorers(queries, library, 9.0, 0).items()
    }
    assert rates["model"]["value"] > 0.95
    for name in ("random_scores", "permuted_spectra", "library_order"):
        assert rates[name]["low"] - 0.02 < 0.1 < rates[name]["high"] + 0.02, name
    among = hit_rates(*count_among_queries(queries, 0), settings)["100"]["10"]
    assert among["low"] - 0.02 < 0.1 < among["high"] + 0.02
    assert shuffle_check(queries, library, 0) == 0


def test_a_derangement_moves_everything():
    for seed in range(20):
        other = derangement(11, seed)
        assert sorted(other) == list(range(11))
        assert (other != np.arange(11)).all()


def test_queries_are_one_an_identity_and_repeatable():
    identity = ["a", "a", "b", "c", "c", "d"]
    first = choose_queries(torch.arange(6), identity, 10, seed=1)
    assert sorted(identity[row] for row in first.tolist()) == ["a", "b", "c", "d"]
    assert first.tolist() == choose_queries(torch.arange(6), identity, 10, seed=1).tolist()
    assert len(choose_queries(torch.arange(6), identity, 2, seed=1)) == 2


def test_first_blocks_share_one_numbering():
    one, two = first_block_codes(["A-1", "B-1"], ["B-2", "C-1", "A-9"])
    assert two.tolist() == [one[1], 2, one[0]]


def test_retrieval_end_to_end(run, library, alignment_files, tmp_path):
    embed_library(run, library["graphs"], tmp_path / "embeddings.parquet")
    settings = RetrievalSettings(library_sizes=[5, 12, 100], k=[1, 5], queries=8)
    names = ("alignment", "graphs", "molecules", "split")
    retrieve(
        settings,
        run,
        *(alignment_files[name] for name in names),
        library["molecules"],
        tmp_path / "embeddings.parquet",
        tmp_path / "ranks.parquet",
        tmp_path / "retrieval.json",
    )
    found = read_json(tmp_path / "retrieval.json")
    assert found["queries"] == 8
    assert found["library"] == 12
    assert set(found["sizes"]) == {"5", "12"}
    assert found["refused_sizes"] == [100]
    assert found["sizes"]["5"]["5"]["value"] == 1
    assert found["checks"]["shuffled_candidates_changed"] == 0
    assert found["checks"]["batch_invariance_max_difference"] < 1e-4
    assert read_table(tmp_path / "ranks.parquet", RANKS).num_rows == 8
