"""A short run on published nmrshiftdb2 and PubChem files, where a mirror of them lies beside the project."""

import json
from pathlib import Path

import pytest

from spectraflow.tables import MOLECULES, PEAKS, REJECTS, count_rows, read_table

MIRROR = Path(__file__).parents[3] / "shared" / "data"
RECORDS = 600

pytestmark = [
    pytest.mark.slow,
    pytest.mark.real_data,
    pytest.mark.skipif(not MIRROR.is_dir(), reason="no mirror of real data beside the project"),
]

OVERLAY = f"""\
name: real-short
mirror: {MIRROR}
sources: {{nmrshiftdb2: {{limit: {RECORDS}}}, pubchem: {{limit: 400}}}}
km3aid:
  base:
    model: {{layers: 2, dim: 32, projection: 32}}
    training: {{epochs: 1, batch_size: 16}}
    spectrum_encoder: {{training: {{epochs: 1, batch_size: 16}}}}
  runs: [{{label: K-M3AID}}]
shifts:
  runs: [{{label: shift network}}, {{label: environment lookup, records: train, model: {{kind: environment_lookup}}}}]
  base: {{model: {{layers: 2, dim: 32}}, training: {{epochs: 1, batch_size: 16}}}}
  external_queries: 10
retrieval: {{library_sizes: [10, 100], queries: 20}}
"""


@pytest.fixture(scope="module")
def results(checkout, snakemake) -> Path:
    (checkout / "real_short.yaml").write_text(OVERLAY, encoding="utf-8")
    snakemake("--configfile", "workflow/config/real.yaml", "real_short.yaml")
    return checkout / "results" / "real-short"


def test_every_record_is_accounted_for(results):
    tables = results / "tables" / "nmrshiftdb2"
    lost = read_table(tables / "rejects.parquet", REJECTS, ["stage"]).to_pydict()["stage"].count("record")
    assert count_rows(tables / "molecules.parquet") + lost == RECORDS


def test_measured_and_predicted_spectra_are_told_apart(results):
    origins = read_table(results / "tables/nmrshiftdb2/peaks.parquet", PEAKS, ["origin"]).to_pydict()["origin"]
    assert set(origins) == {"measured", "predicted"}


def test_raw_files_are_verified(results):
    provenance = json.loads(next((results / "raw/nmrshiftdb2").glob("*.sd.gz.provenance.json")).read_text())
    assert len(provenance["sha256"]) == 64


def test_carbon_shifts_are_plausible(results):
    peaks = read_table(results / "tables/nmrshiftdb2/peaks.parquet", PEAKS, ["technique", "position"]).to_pylist()
    shifts = [shift for row in peaks if row["technique"] == "13C" for shift in row["position"]]
    assert 60 < sum(shifts) / len(shifts) < 120
    assert count_rows(results / "tables/pubchem/molecules.parquet") > 300
    assert read_table(results / "tables/pubchem/molecules.parquet", MOLECULES).num_rows <= 400


def test_report_does_not_call_real_data_simulated(results):
    page = (results / "report" / "index.html").read_text(encoding="utf-8")
    assert "published" in page
    assert (results / "comparison.csv").is_file()


GROUPS = f"""\
name: groups-short
mirror: {MIRROR}
symspectra:
  base: {{network: {{channels: [4, 8], fusion: 8, hidden: [32, 16]}}, training: {{epochs: 1, batch_size: 16}}}}
  seeds: null
  runs:
    - {{label: SymSpectra, dataset: alberts, modalities: [IR, 13C, 1H], required: [IR, 13C, 1H], split: tenths}}
"""


def test_published_simulated_rows_go_all_the_way(checkout, snakemake):
    (checkout / "groups_short.yaml").write_text(GROUPS, encoding="utf-8")
    snakemake("--configfile", "workflow/config/groups.yaml", "groups_short.yaml")
    results = checkout / "results" / "groups-short"
    assert count_rows(results / "tables/alberts/molecules.parquet") == 100
    assert count_rows(results / "features/alberts/labels.parquet") == 100
    (predictions,) = results.glob("symspectra/runs/*/predictions.parquet")
    assert count_rows(predictions) == 20, "val and test are a tenth of the molecules each"
    assert "SymSpectra" in (results / "report/functional_groups.html").read_text(encoding="utf-8")
    assert not (results / "report/index.html").exists(), "no K-M3AID run, no page about it"
