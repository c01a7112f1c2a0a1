import json

import numpy as np
import pytest

from spectraflow.errors import InputError
from spectraflow.files import read_json
from spectraflow.methods.shifts.evaluate import evaluate
from spectraflow.methods.shifts.prediction import PredictedShifts, predict
from spectraflow.methods.shifts.retrieve import retrieve
from spectraflow.methods.shifts.settings import ShiftsRun
from spectraflow.methods.shifts.train import train
from spectraflow.retrieval.settings import RetrievalSettings
from spectraflow.tables import ALIGNMENT, RANKS, SHIFT_LABELS, SPLITS, read_table, write_table

NETWORK = {
    "model": {"layers": 2, "dim": 32, "dropout": 0.0},
    "training": {"epochs": 25, "batch_size": 8, "learning_rate": 0.01, "schedule": "cosine"},
}
LOOKUP = {"model": {"kind": "environment_lookup", "radius": 4}, "records": "train"}


@pytest.fixture
def labels(tmp_path, alignment_files):
    """The 13C shifts of the alignment table, every second molecule twice with 1 ppm between the spectra."""
    table = read_table(alignment_files["alignment"], ALIGNMENT).to_pylist()
    columns = {name: [] for name in SHIFT_LABELS.names}
    for number, row in enumerate(table):
        again = 1 + number % 2
        columns["molecule_id"].append(row["molecule_id"])
        columns["first_block"].append(row["first_block"])
        columns["atom"].append(row["carbon_atom"] * again)
        columns["nucleus"].append([0] * len(row["carbon_atom"]) * again)
        columns["solvent"].append([0] * len(row["carbon_atom"]) * again)
        columns["shift_mppm"].append([s + 1000 * spectrum for spectrum in range(again) for s in row["shift_mppm"]])
    write_table(tmp_path / "labels.parquet", SHIFT_LABELS, columns)
    return tmp_path / "labels.parquet"


@pytest.fixture
def run(tmp_path, alignment_files, labels):
    def start(settings, **options):
        out = tmp_path / "run"
        files = [alignment_files[name] for name in ("graphs", "alignment", "split")]
        train(ShiftsRun.model_validate(settings), labels, *files, out, tmp_path / "checkpoints", **options)
        predict(out, alignment_files["graphs"], tmp_path / "predicted.parquet")
        return out

    return start


def mean_error(tmp_path, alignment_files, part):
    alignment = read_table(alignment_files["alignment"], ALIGNMENT).to_pylist()
    parts = dict(zip(*read_table(alignment_files["split"], SPLITS).to_pydict().values(), strict=True))
    found = PredictedShifts.read(tmp_path / "predicted.parquet", [row["molecule_id"] for row in alignment])
    errors = []
    for number, row in enumerate(alignment):
        if parts[row["molecule_id"]] == part:
            span = slice(found.carbons.offsets[number], found.carbons.offsets[number + 1])
            errors.append(np.abs(found.carbons.values[span, 1].numpy() - np.array(row["shift_mppm"]) / 1000))
    return np.concatenate(errors).mean()


@pytest.mark.parametrize(("settings", "bound"), [(NETWORK, 6.0), (LOOKUP, 6.0)])
def test_models_learn_shifts_of_molecules_they_have_not_seen(run, tmp_path, alignment_files, settings, bound):
    out = run(settings)
    assert mean_error(tmp_path, alignment_files, "test") < bound
    assert read_json(out / "settings.json")["method"] == "shifts"
    assert not list((tmp_path / "checkpoints").glob("*")), "a finished training leaves no checkpoint"


def test_nothing_of_external_first_blocks_is_trained_on(run, tmp_path, alignment_files):
    table = read_table(alignment_files["alignment"], ALIGNMENT)
    write_table(tmp_path / "external.parquet", ALIGNMENT, table.slice(0, 20))
    out = run(LOOKUP, external=[tmp_path / "external.parquet"])
    molecules = read_json(out / "settings.json")["molecules"]
    assert molecules["external"] == 20
    assert sum(molecules.values()) == 64
    write_table(tmp_path / "external.parquet", ALIGNMENT, table)
    with pytest.raises(InputError, match="left to train on"):
        run(LOOKUP, external=[tmp_path / "external.parquet"])


def test_evaluation_and_retrieval_write_what_the_report_reads(run, tmp_path, alignment_files, labels):
    out = run(NETWORK)
    names = ("alignment", "graphs", "split", "molecules")
    alignment, graphs, split, molecules = (alignment_files[name] for name in names)
    predictions = tmp_path / "predicted.parquet"
    evaluate(
        out, predictions, labels, alignment, graphs, split,
        out / "metrics.json", out / "assignments.parquet", external=alignment,
    )  # fmt: skip
    metrics = read_json(out / "metrics.json")
    test = metrics["parts"]["test"]
    assert test["atom/hungarian"]["value"] > test["atom/chance_multiplicity"]["value"]
    assert 0 < test["shift/mae_13C"]["value"] < 8
    assert metrics["parts"]["external"]["atom/hungarian"]["n"] == 64
    retrieve(
        RetrievalSettings(library_sizes=[10], k=[1], queries=8), predictions, predictions, alignment, graphs, molecules,
        split, molecules, out / "ranks.parquet", out / "retrieval.json",
    )  # fmt: skip
    found = read_json(out / "retrieval.json")
    assert found["main_scoring"] == "set_likelihood"
    assert set(found["scorings"]) == {"set", "set_likelihood", "sorted", "sorted_likelihood"}
    assert found["checks"]["shuffled_candidates_changed"] == 0
    assert read_table(out / "ranks.parquet", RANKS).num_rows == 4 * found["queries"]
    assert json.dumps(found)
