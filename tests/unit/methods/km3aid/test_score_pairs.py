import numpy as np
import pytest
import torch

from spectraflow.errors import InputError
from spectraflow.methods.km3aid.data import AlignmentStore
from spectraflow.methods.km3aid.retrieve import read_queries
from spectraflow.methods.km3aid.score_pairs import score_pairs
from spectraflow.methods.km3aid.settings import Km3aidRun
from spectraflow.methods.km3aid.train import build_model
from spectraflow.nn.spectrum_encoder import SpectrumEncoder
from spectraflow.tables import ALIGNMENT, MATCHING_SPECTRA, PAIR_SCORES, PAIRS, TableWriter, read_table
from spectraflow.training.checkpoint import save_checkpoint


@pytest.fixture(params=["joint", "graph_fold"])
def model(request):
    settings = Km3aidRun.model_validate(
        {"model": {"layers": 2, "dim": 16, "projection": 16}, "spectrum_encoder": {"mode": request.param}}
    )
    torch.manual_seed(0)
    encoder = None if request.param == "joint" else SpectrumEncoder().eval()
    return build_model(settings).eval(), encoder, settings


@pytest.fixture
def run(model, tmp_path):
    network, encoder, settings = model
    frozen = {} if encoder is None else {f"frozen.{name}": value for name, value in encoder.state_dict().items()}
    path = tmp_path / "run" / "model.safetensors"
    save_checkpoint(path, {**network.state_dict(), **frozen}, {"settings": settings.model_dump(mode="json")})
    return path.parent


@pytest.fixture
def files(alignment_files, tmp_path):
    rows = read_table(alignment_files["alignment"], ALIGNMENT).to_pylist()
    lines = {row["molecule_id"]: [mppm / 1000 for mppm in row["shift_mppm"]] for row in rows}
    lines["silent"] = []

    def write(pairs, turn=lambda one: one):
        with TableWriter(tmp_path / "spectra.parquet", MATCHING_SPECTRA) as writer:
            writer.write_rows(
                [
                    {
                        "molecule_id": name,
                        "first_block": name,
                        "smiles": "C",
                        "origin": "measured",
                        "carbon_ppm": turn(list(dict.fromkeys(ppm))),
                    }
                    for name, ppm in lines.items()
                ]
            )
        with TableWriter(tmp_path / "pairs.parquet", PAIRS) as writer:
            writer.write_rows(
                [
                    {
                        "pair_id": f"{owner}>{candidate}",
                        "part": (*part, "test")[0],
                        "test_set": "near",
                        "owner_id": owner,
                        "candidate_id": candidate,
                        "label": owner == candidate,
                    }
                    for owner, candidate, *part in pairs
                ]
            )
        return tmp_path / "spectra.parquet", alignment_files["graphs"], tmp_path / "pairs.parquet"

    return write


def scores(run, paths, tmp_path):
    counts = score_pairs(run, *paths, tmp_path / "scores.parquet")
    return counts, {row.pop("pair_id"): row for row in read_table(tmp_path / "scores.parquet", PAIR_SCORES).to_pylist()}


def test_scores_are_the_dot_products_of_retrieval(model, run, files, alignment_files, tmp_path):
    network, encoder, _ = model
    store = AlignmentStore.read(alignment_files["alignment"], alignment_files["graphs"])
    rows = torch.arange(12)
    embedded = read_queries(network, encoder, store, rows, torch.device("cpu"))
    names = [store.molecule_ids[row] for row in rows.tolist()]
    counts, found = scores(run, files([(one, two) for one in names for two in names]), tmp_path)
    assert counts == {"pairs": 144, "without_carbon_score": 0, "without_proton_score": 144, "unknown_candidates": 0}
    matrix = np.array([one["carbon"] for one in found.values()]).reshape(12, 12)
    np.testing.assert_allclose(matrix, embedded.spectra @ embedded.graphs.T, rtol=1e-4, atol=1e-4)
    assert {one["proton"] for one in found.values()} == {None}


def test_a_score_does_not_depend_on_the_other_pairs_or_the_order_of_lines(run, files, tmp_path):
    pairs = [("toy:3", "toy:4"), ("toy:9", "toy:9", "val"), ("toy:20", "toy:1")]
    _, together = scores(run, files([*pairs, ("toy:5", "toy:5", "train")]), tmp_path)
    assert list(together) == ["toy:3>toy:4", "toy:9>toy:9", "toy:20>toy:1"]
    _, alone = scores(run, files(pairs[2:], lambda ppm: ppm[::-1]), tmp_path)
    assert alone["toy:20>toy:1"]["carbon"] == pytest.approx(together["toy:20>toy:1"]["carbon"], rel=1e-5, abs=1e-6)


def test_unknown_candidates_and_empty_spectra_are_counted_and_null(run, files, tmp_path):
    counts, found = scores(run, files([("toy:3", "nobody"), ("silent", "toy:3"), ("toy:3", "toy:3")]), tmp_path)
    assert counts == {"pairs": 3, "without_carbon_score": 2, "without_proton_score": 3, "unknown_candidates": 1}
    assert [one["carbon"] is None for one in found.values()] == [True, True, False]
    counts, _ = scores(run, files([("silent", "toy:3")]), tmp_path)
    assert counts["without_carbon_score"] == 1


def test_an_owner_without_spectra_is_refused(run, files, tmp_path):
    with pytest.raises(InputError, match=r"spectra\.parquet: lacks nobody"):
        score_pairs(run, *files([("nobody", "toy:3")]), tmp_path / "scores.parquet")
