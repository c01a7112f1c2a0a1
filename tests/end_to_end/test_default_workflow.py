"""The workflow as a user runs it, on a tiny overlay of the default configuration."""

import csv
import json
import re
import zipfile
from pathlib import Path

import pytest

from spectraflow.tables import ALIGNMENT, MOLECULES, PEAKS, REJECTS, SPLITS, count_rows, read_table

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def results(checkout, snakemake, tiny) -> Path:
    snakemake("--configfile", str(tiny))
    return checkout / "results" / "tiny"


def jobs(output: str) -> dict[str, int]:
    stats = output.partition("Job stats:")[2]
    return {name: int(count) for name, count in re.findall(r"^(\w+) +(\d+)$", stats, re.MULTILINE)}


def test_report_and_comparison_are_written(results):
    page = (results / "report" / "index.html").read_text(encoding="utf-8")
    assert "simulated" in page
    assert "without communication" in page
    groups = (results / "report" / "functional_groups.html").read_text(encoding="utf-8")
    assert "simulated" in groups
    assert "SymSpectra on open spectra" in groups
    matching = (results / "report" / "matching.html").read_text(encoding="utf-8")
    assert "simulated" in matching
    assert "on listed pairs" in matching
    properties = (results / "report" / "moleculenet.html").read_text(encoding="utf-8")
    assert "simulated" in properties
    assert "late fusion" in properties
    with (results / "comparison.csv").open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    measured = [row for row in rows if row["measured"]]
    assert measured
    assert "ESOL" in {row["setting"].removeprefix("dataset=") for row in measured if row["paper"] == "mmfrl"}
    for figure in ("training_curves", "rank_histogram", "hits_by_library", "accuracy_by_size"):
        assert "<svg" in (results / "report" / "figures" / f"{figure}.svg").read_text(encoding="utf-8")


def test_no_record_is_lost(results):
    for source in ("nmrshiftdb2", "pubchem", "alberts", "massbank"):
        tables = results / "tables" / source
        rejected = read_table(tables / "rejects.parquet", REJECTS, ["stage"]).to_pydict()["stage"].count("record")
        counts = json.loads((tables / "counts.json").read_text(encoding="utf-8"))
        assert counts["records"] == count_rows(tables / "molecules.parquet") + rejected


def test_tables_refer_to_each_other(results):
    known = set(read_table(results / "tables/nmrshiftdb2/molecules.parquet", MOLECULES).to_pydict()["molecule_id"])
    peaks = read_table(results / "tables/nmrshiftdb2/peaks.parquet", PEAKS, ["molecule_id", "origin"]).to_pydict()
    assert set(peaks["molecule_id"]) <= known
    assert set(peaks["origin"]) <= {"simulated", "predicted"}
    (alignment,) = results.glob("km3aid/alignment/*/alignment.parquet")
    aligned = read_table(alignment, ALIGNMENT, ["molecule_id", "first_block"]).to_pydict()
    block = dict(zip(aligned["molecule_id"], aligned["first_block"], strict=True))
    assert set(block) <= known
    (split,) = results.glob("splits/km3aid/*/*.parquet")
    parts: dict[str, set[str]] = {}
    for molecule, part in zip(*read_table(split, SPLITS).to_pydict().values(), strict=True):
        parts.setdefault(part, set()).add(block[molecule])
    assert set(parts) == {"train", "val", "test"}
    assert sum(map(len, parts.values())) == len(set.union(*parts.values()))


def test_every_job_left_a_log_and_a_benchmark(results):
    rules = {path.relative_to(results / "benchmarks").parts[0].removesuffix(".tsv") for path in
             (results / "benchmarks").rglob("*.tsv")}  # fmt: skip
    trained = {"train_km3aid", "train_symspectra", "train_matchnet", "pretrain_encoder", "train_property"}
    assert {"generate_demo", "ingest_nmrshiftdb2", *trained, "write_report"} <= rules
    assert len(list((results / "logs" / "train_km3aid").glob("*.log"))) == 3


def test_second_run_has_nothing_to_do(results, snakemake, tiny):
    done = snakemake("--configfile", str(tiny), "--dry-run")
    assert "Nothing to be done" in done.stdout + done.stderr


def test_new_label_retrains_nothing_and_reaches_the_report(results, snakemake, tiny, checkout):
    renamed = checkout / "renamed.yaml"
    renamed.write_text(tiny.read_text().replace("label: without communication", "label: 'cut \"the\" channel'"))
    planned = snakemake("--configfile", str(renamed), "--dry-run")
    pages = {"write_report", "write_groups_report", "write_matching_report", "write_properties_report"}
    expected = {"label_run", "compare_runs", *pages, "sync_tracking", "all", "total"}
    assert set(jobs(planned.stdout + planned.stderr)) == expected
    before = {path: path.stat().st_mtime_ns for path in results.rglob("*.safetensors")}
    snakemake("--configfile", str(renamed))
    assert before == {path: path.stat().st_mtime_ns for path in results.rglob("*.safetensors")}
    assert "the" in (results / "report" / "index.html").read_text(encoding="utf-8").partition("cut ")[2][:20]
    snakemake("--configfile", str(tiny))


def test_logging_elsewhere_retrains_nothing(results, snakemake, tiny):
    done = snakemake("--configfile", str(tiny), "--dry-run", "--config", "tracking={enabled: false}")
    assert "train_km3aid" not in jobs(done.stdout + done.stderr)


def test_new_run_reuses_all_but_its_own_training(results, snakemake, tiny, checkout):
    more = checkout / "more.yaml"
    third = "  runs:\n    - {label: third, objective: {alpha: 0.7}}"
    more.write_text(tiny.read_text().replace("  runs:", third, 1))
    planned = jobs((lambda done: done.stdout + done.stderr)(snakemake("--configfile", str(more), "--dry-run")))
    assert planned["train_km3aid"] == 1
    assert not {"generate_demo", "build_graphs", "split_km3aid", "pretrain_spectrum_encoder"} & set(planned)


def test_snakemake_report_builds(results, snakemake, tiny, checkout):
    snakemake("--configfile", str(tiny), "--report", "report.zip")
    with zipfile.ZipFile(checkout / "report.zip") as archive:
        assert any(name.endswith("report.html") for name in archive.namelist())


def test_results_may_lie_elsewhere(snakemake, tiny):
    done = snakemake(
        "--configfile", str(tiny), "--dry-run", "--quiet", "host", "--config", "pathvars={results: elsewhere}"
    )
    assert "elsewhere/comparison.csv" in done.stdout + done.stderr
