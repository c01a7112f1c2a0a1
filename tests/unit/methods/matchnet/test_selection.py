import json
from pathlib import Path

import pytest

from spectraflow.errors import ConfigError, InputError
from spectraflow.methods.matchnet.selection import select_spectra
from spectraflow.sources.nmrshiftdb2 import ingest
from spectraflow.tables import MATCHING_SPECTRA, PEAKS, PREDICTED_SHIFTS, read_table
from tests.unit.conftest import write_rows

MIRROR = Path(__file__).parents[5] / "shared" / "data" / "nmrshiftdb2" / "nmrshiftdb2withsignals.sd.gz"
SHIFTS = {"x:1": ("CCO", [18.1, 57.9], [0, 1, 2], [1.2, 3.7, 2.6]), "x:2": ("CCC", [16, 16.3, 16], [0, 1], [0.9, 1.3])}


@pytest.fixture
def files(tmp_path, graphs_table):
    """Molecules, and for them peak lists, predicted shifts, graphs and the accuracy of a shift model."""
    graphs = graphs_table({name: shifts[0] for name, shifts in SHIFTS.items()})
    peaks, predictions = [], []
    for name, (_, carbons, bearing, protons) in SHIFTS.items():
        for nucleus, ppm in (("13C", carbons), ("1H", protons)):
            row = {"spectrum_id": f"{name}/{nucleus}/0", "technique": nucleus, "position": ppm, "origin": "measured"}
            peaks.append({"molecule_id": name, **row})
        columns = {"carbon_ppm": carbons, "proton_atom": bearing, "proton_ppm": protons}
        predictions.append({"molecule_id": name, "carbon_atom": list(range(len(carbons))), **columns})
    accuracy = tmp_path / "metrics.json"
    errors = {"shift/mae_13C": {"value": 1.5}, "shift/mae_1H": {"value": 0.25}}
    accuracy.write_text(json.dumps({"parts": {"val": {}, "test": errors}}))
    return {
        "peaks": write_rows(tmp_path / "peaks.parquet", PEAKS, peaks),
        "predictions": write_rows(tmp_path / "predictions.parquet", PREDICTED_SHIFTS, predictions),
        "graphs": graphs,
        "accuracy": accuracy,
    }


@pytest.fixture
def run(tmp_path, files):
    """Select with settings and the named files; return the accounting and the rows."""

    def run(settings, *names):
        out = [tmp_path / name for name in ("spectra.parquet", "rejects.parquet", "counts.json")]
        given = {name: files[name] for name in names}
        counts = select_spectra(json.dumps(settings), tmp_path / "molecules.parquet", *out, **given)
        return counts, read_table(out[0], MATCHING_SPECTRA).to_pylist()

    return run


PREDICTED = ("predictions", "graphs", "accuracy")


def test_lines_come_from_the_peak_lists(run):
    counts, rows = run({"molecules": {}}, "peaks")
    assert [row["origin"] for row in rows] == ["measured", "measured"]
    assert rows[0]["carbon_ppm"] == [18.1, 57.9]
    assert counts["peak_lists"] == {"13C": 2, "1H": 2}


def test_lines_come_from_predicted_shifts(run):
    _, rows = run({"predicted": {"carbon_noise_ppm": 0, "proton_noise_ppm": 0}}, "predictions", "graphs")
    assert {row["origin"] for row in rows} == {"simulated from predicted shifts"}
    assert (rows[0]["proton_ppm"], rows[0]["proton_area"]) == ([1.2, 2.6, 3.7], [3, 1, 2])


def test_noise_is_what_the_shift_model_errs_unless_it_is_given(run):
    counts, noisy = run({"predicted": {}}, *PREDICTED)
    assert counts["noise_ppm"] == {"13C": 1.5, "1H": 0.25}
    counts, _ = run({"predicted": {"carbon_noise_ppm": 0.0}}, *PREDICTED)
    assert counts["noise_ppm"] == {"13C": 0.0, "1H": 0.25}
    counts, given = run({"predicted": {"carbon_noise_ppm": 1.5, "proton_noise_ppm": 0.25}}, *PREDICTED)
    assert given == noisy
    assert noisy != run({"predicted": {"seed": 1}}, *PREDICTED)[1]


def test_the_limit_and_its_seed_are_those_of_predicted_spectra(run):
    settings = {"carbon_noise_ppm": 0, "proton_noise_ppm": 0, "limit": 1}
    drawn = [run({"predicted": {**settings, "seed": seed}}, *PREDICTED) for seed in range(8)]
    assert {counts["beyond_limit"] for counts, _ in drawn} == {1}
    assert {row["molecule_id"] for _, rows in drawn for row in rows} == {"x:1", "x:2"}


def test_molecules_outside_the_settings_are_rejected(run):
    counts, _ = run({"molecules": {"elements": ["C", "H"]}}, "peaks")
    assert counts["rejects"] == {"wrong_element": 1}


@pytest.mark.parametrize(
    ("settings", "names", "message"),
    [
        ({}, ("predictions", "graphs"), "give the peaks table"),
        ({"predicted": {}}, ("peaks",), "give predictions and graphs"),
        ({"predicted": {}}, ("predictions", "accuracy"), "give predictions and graphs"),
        ({"predicted": {}}, ("predictions", "graphs"), r"give its metrics\.json"),
    ],
)
def test_missing_files_are_asked_for(run, settings, names, message):
    with pytest.raises(ConfigError, match=message):
        run(settings, *names)


@pytest.mark.parametrize(
    "content", [{}, {"parts": None}, {"parts": {"test": {}}}, {"parts": {"test": {"shift/mae_13C": {"value": None}}}}]
)
def test_metrics_without_the_error_are_named(run, files, content):
    files["accuracy"].write_text(json.dumps(content))
    with pytest.raises(InputError, match=r"metrics\.json: holds no shift/mae_13C of the test part"):
        run({"predicted": {}}, *PREDICTED)


@pytest.mark.real_data
@pytest.mark.skipif(not MIRROR.exists(), reason="no mirror of real data beside the project")
def test_measured_records_become_small_organic_molecules_with_two_spectra(tmp_path):
    tables = [tmp_path / f"{name}.parquet" for name in ("molecules", "peaks", "record_rejects")]
    ingest(MIRROR, *tables, tmp_path / "ingested.json", limit=1500)
    out = tmp_path / "spectra.parquet"
    counts = select_spectra(
        json.dumps({"molecules": {}}), tables[0], out, tmp_path / "rejects.parquet", tmp_path / "c.json", tables[1]
    )
    rows = read_table(out, MATCHING_SPECTRA).to_pylist()
    assert counts["kept"] + counts["rejected"] == counts["molecules"] > 1400
    assert len({row["first_block"] for row in rows}) == len(rows) == counts["kept"] > 30
    for row in rows:
        assert row["proton_ppm"]
        assert row["carbon_ppm"]
        assert set(row["element"]) <= {0, 1, 2}
        assert 2 <= row["heavy_atoms"] == len(row["element"]) <= 16
        assert len(row["carbon_ppm"]) <= row["element"].count(0)
        assert sum(row["carbon_area"]) <= row["element"].count(0) + 1e-9
