import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

from spectraflow.errors import InputError
from spectraflow.methods.shifts.rerank import READINGS, candidate_likelihoods, rerank
from spectraflow.methods.shifts.scoring import CARBON_AXIS, Molecules, SetLikelihood, Spectra, sorted_scores
from spectraflow.search.settings import SearchSettings
from spectraflow.store.ragged import Ragged
from spectraflow.tables import ALIGNMENT, CANDIDATES, PREDICTED_SHIFTS, RERANKED, TableWriter, read_table


def shifts_of(*molecules: list[float], scale: float = 1.0) -> Ragged:
    values = [[float(atom), ppm, scale] for one in molecules for atom, ppm in enumerate(one)]
    offsets = np.cumsum([0, *map(len, molecules)])
    return Ragged(torch.tensor(values), torch.from_numpy(offsets))


def test_likelihoods_are_those_of_the_grid():
    generator = np.random.default_rng(0)
    spectrum = np.sort(generator.uniform(10, 200, 9).round(1))
    spectrum[3] = spectrum[4]
    carbons = shifts_of(*(generator.uniform(0, 210, size).tolist() for size in (9, 4, 9, 17)), scale=2.0)
    found = candidate_likelihoods(spectrum, carbons)
    gridded = SetLikelihood()(Spectra([spectrum], CARBON_AXIS), Molecules(carbons, CARBON_AXIS)).numpy()[0]
    assert found[:, 0] == pytest.approx(gridded, abs=0.05)
    assert found[:, 1] == pytest.approx(found[:, 0] * 8)
    assert found[:, 2] == pytest.approx(sorted_scores([spectrum], carbons, scaled=True)[0], rel=1e-4)


def test_likelihoods_do_not_depend_on_which_of_two_atoms_with_one_shift_comes_first():
    rows = [[0.0, 50.0, 0.5], [1.0, 50.0, 4.0], [2.0, 20.0, 1.0]]
    one, two = (
        candidate_likelihoods(np.array([21.0, 50.0, 53.0]), Ragged(torch.tensor(found), torch.tensor([0, 3])))
        for found in (rows, rows[::-1])
    )
    assert one == pytest.approx(two)


def test_candidate_without_carbons_is_ruled_out():
    assert (candidate_likelihoods(np.array([20.0]), shifts_of([], [20.0]))[0] == -np.inf).all()


@pytest.fixture
def files(tmp_path: Path, alignment_files) -> dict[str, Path]:
    """The spectra of twelve chains, predictions without error for them, and a search that ranks the truth last."""
    table = read_table(alignment_files["alignment"], ALIGNMENT).to_pylist()
    known = {row["molecule_id"]: row for row in table}
    chosen = [row["molecule_id"] for row in table][:12]
    with TableWriter(tmp_path / "own.parquet", PREDICTED_SHIFTS) as writer:
        writer.write_rows([prediction(name, known[name]["shift_mppm"]) for name in chosen])
    with TableWriter(tmp_path / "library.parquet", PREDICTED_SHIFTS) as writer:
        writer.write_rows(
            [prediction(f"library:{name}", [one + 30_000 for one in known[name]["shift_mppm"]]) for name in chosen]
        )
    for part, names in (("fit", chosen[:6]), ("asked", chosen[6:])):
        with TableWriter(tmp_path / f"{part}.parquet", CANDIDATES) as writer:
            for number, name in enumerate(names):
                others = [f"library:{one}" for one in chosen]
                listed = [*others, name] if number else others
                writer.write_rows(
                    [
                        {"query_id": name, "rank": rank, "molecule_id": one, "score": float(-(rank % 7)), "smiles": "C"}
                        for rank, one in enumerate(listed, 1)
                    ]
                )
    return {**alignment_files, "folder": tmp_path}


def prediction(name: str, mppm: list[int]) -> dict:
    ppm = [one / 1000 for one in mppm]
    return {
        "molecule_id": name,
        "carbon_atom": list(range(len(ppm))),
        "carbon_ppm": ppm,
        "carbon_scale": [1.0] * len(ppm),
        "proton_atom": [],
        "proton_ppm": [],
        "proton_scale": [],
    }


def run(files: dict[str, Path], asked: str = "asked", fitted: str = "fit") -> dict:
    folder = files["folder"]
    rerank(
        SearchSettings(k=[1, 5]),
        folder / f"{asked}.parquet",
        folder / f"{fitted}.parquet",
        folder / "own.parquet",
        folder / "library.parquet",
        files["alignment"],
        files["graphs"],
        folder / "out.parquet",
        folder / "metrics.json",
    )
    return json.loads((folder / "metrics.json").read_text())


def test_shifts_bring_the_truth_to_the_top(files):
    metrics = run(files)
    assert set(metrics["readings"]) == set(READINGS)
    assert metrics["queries"] == 6
    assert metrics["truth_absent"] == 1
    shifts, search = (metrics["readings"][name]["recall"]["1"]["value"] for name in ("shifts", "search"))
    assert shifts == pytest.approx(5 / 6)
    assert search < 0.5
    frame = pl.DataFrame(pl.from_arrow(read_table(files["folder"] / "out.parquet", RERANKED)))
    best = frame.filter(pl.col("rank") == 1)
    assert (best["query_id"] == best["molecule_id"]).sum() == 5
    total = frame.group_by("query_id").agg(pl.col("probability").sum())["probability"]
    assert ((total > 0) & (total <= 1 + 1e-9)).all()


def test_queries_must_not_be_fitted_on(files):
    with pytest.raises(InputError, match="both fitted on and asked"):
        run(files, fitted="asked")


def test_unknown_query_is_named(files):
    with TableWriter(files["folder"] / "strange.parquet", CANDIDATES) as writer:
        writer.write_rows([{"query_id": "who", "rank": 1, "molecule_id": "who", "score": 0.0, "smiles": "C"}])
    with pytest.raises(InputError, match="no spectrum for query who"):
        run(files, asked="strange")


def test_empty_candidates_are_an_error(files):
    with TableWriter(files["folder"] / "empty.parquet", CANDIDATES):
        pass
    with pytest.raises(InputError, match="holds no candidates"):
        run(files, asked="empty")


def test_nothing_to_fit_on_leaves_no_reading(files):
    folder = files["folder"]
    without = [
        row
        for row in read_table(folder / "fit.parquet", CANDIDATES).to_pylist()
        if row["query_id"] != row["molecule_id"]
    ]
    with TableWriter(folder / "lost.parquet", CANDIDATES) as writer:
        writer.write_rows(without)
    metrics = run(files, fitted="lost")
    assert metrics["readings"] == {}
    assert metrics["queries"] == 6
    assert read_table(folder / "out.parquet", RERANKED).num_rows == 0
