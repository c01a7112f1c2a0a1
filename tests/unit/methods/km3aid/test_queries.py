import numpy as np
import pytest

from spectraflow.errors import InputError
from spectraflow.methods.km3aid.queries import embed_held_out, embed_peak_lists
from spectraflow.methods.km3aid.settings import Km3aidRun
from spectraflow.methods.km3aid.train import build_model
from spectraflow.search.queries import read_queries
from spectraflow.tables import ALIGNMENT, MOLECULES, REJECTS, SPLITS, read_table
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
def held_out(run, alignment_files, tmp_path):
    names = ("alignment", "graphs", "molecules", "split")
    embed_held_out(run, *(alignment_files[name] for name in names), tmp_path / "queries.parquet", limit=8, seed=0)
    return read_queries(tmp_path / "queries.parquet")


def test_held_out_spectra_know_their_molecules(held_out, alignment_files):
    table = read_table(alignment_files["molecules"], MOLECULES).to_pylist()
    molecules = {row["molecule_id"]: row for row in table}
    assert len(held_out) == 8
    assert held_out.truth_known.all()
    for number, name in enumerate(held_out.ids):
        assert held_out.formulas[number] == molecules[name]["formula"]
        assert held_out.weights[number] == pytest.approx(molecules[name]["mol_weight"])
    parts = read_table(alignment_files["split"], SPLITS)
    part = dict(zip(parts["molecule_id"].to_pylist(), parts["part"].to_pylist(), strict=True))
    assert {part[name] for name in held_out.ids} == {"test"}


def test_a_peak_list_is_embedded_as_the_same_spectrum_of_the_table(held_out, run, alignment_files, tmp_path):
    rows = {row["molecule_id"]: row for row in read_table(alignment_files["alignment"], ALIGNMENT).to_pylist()}
    lines = ["query_id,shifts"]
    lines += [f"{name},{' '.join(str(x / 1000) for x in rows[name]['shift_mppm'])}" for name in held_out.ids]
    (tmp_path / "peaks.csv").write_text("\n".join([*lines, "bad,"]))
    paths = tmp_path / "peaks.csv", tmp_path / "own.parquet", tmp_path / "own_rejects.parquet"
    assert embed_peak_lists(run, *paths) == {"records": 9, "queries": 8, "rejects": 1}
    own = read_queries(paths[1])
    assert own.ids == held_out.ids
    np.testing.assert_allclose(own.embeddings, held_out.embeddings, rtol=1e-4, atol=1e-4)
    assert not own.truth_known.any()
    assert np.isnan(own.weights).all()


def test_rejects_are_written_even_if_nothing_is_usable(run, tmp_path):
    (tmp_path / "peaks.csv").write_text("query_id,shifts\na,\nb,900\n")
    with pytest.raises(InputError, match="none of 2 records"):
        embed_peak_lists(run, tmp_path / "peaks.csv", tmp_path / "q.parquet", tmp_path / "r.parquet")
    assert read_table(tmp_path / "r.parquet", REJECTS)["native_id"].to_pylist() == ["a", "b"]
    assert not (tmp_path / "q.parquet").exists()
