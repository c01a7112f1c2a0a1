import json
import re
import shutil
import xml.etree.ElementTree as ET

import pytest

from spectraflow.errors import InputError
from spectraflow.reporting.comparison import compare_runs
from spectraflow.reporting.page import write_report
from tests.unit.reporting.html_checker import Checker

FIGURES = ("training_curves", "rank_histogram", "hits_by_library", "accuracy_by_size")


@pytest.fixture
def report(tmp_path, make_run, tables, real_published):
    """Return a function that writes a report of runs and returns its text."""
    molecules, alignment, assignments = tables

    def write(*runs, data="demo", counts=(), audits=(), benchmarks=None):
        if (runs[0] / "settings.json").is_file() and not (runs[0] / "no_assignments").exists():
            shutil.copy(assignments, runs[0] / "assignments.parquet")
        comparison = tmp_path / "comparison.csv"
        compare_runs(real_published, list(runs), comparison, data=data)
        out = tmp_path / "report"
        paths = (comparison, list(runs), list(counts), list(audits), molecules, alignment, out)
        write_report(*paths, data=data, benchmarks=benchmarks)
        return (out / "index.html").read_text()

    return write


def test_the_page_is_whole_and_stands_alone(tmp_path, report, make_run):
    text = report(make_run("0123456789ab", search=True), make_run("1123456789ab", {"fold": 1}))
    checker = Checker()
    checker.feed(text)
    assert not checker.open
    assert not checker.outside
    assert len(checker.ids) == len(set(checker.ids))
    assert all(link.startswith("#") and link[1:] in checker.ids for link in checker.links)
    assert not re.findall(r"url\((?!#)", text)
    for name in FIGURES:
        svg = (tmp_path / "report" / "figures" / f"{name}.svg").read_text()
        assert ET.fromstring(svg).tag.endswith("svg")
        assert "var(" not in svg


def test_headline_numbers_stand_beside_published_ones(report, make_run):
    text = report(make_run("0123456789ab"))
    for expected in ("94.0", "published 94.7 ± 0.4", "89.0", "hit@25", "random scores", "spectra swapped"):
        assert expected in text


def test_whole_library_search_stands_beside_chance(report, make_run):
    text = report(make_run("0123456789ab", search=True))
    for expected in ("recall@100", "exact, molecules of its formula", "with swapped spectra", "99.1 [98.1, 100.1] %"):
        assert expected in text


def test_simulated_numbers_are_called_so(report, make_run):
    run = make_run("0123456789ab")
    assert "All numbers on this page are simulated" in report(run, data="demo")
    real = report(run, data="published")
    assert "simulated" not in re.sub(r"<style>.*?</style>", "", real, flags=re.DOTALL)
    assert "within the interval" in real


def test_jobs_of_the_run_have_a_table_and_a_timeline(tmp_path, report, make_run):
    folder = tmp_path / "benchmarks" / "train_km3aid"
    folder.mkdir(parents=True)
    (folder / "0123456789ab.tsv").write_text("s\tmax_rss\tcpu_time\n75.0\t321.0\t60.0\n")
    run = make_run("0123456789ab")
    text = report(run, benchmarks=tmp_path / "benchmarks")
    Checker().feed(text)
    for expected in ("train_km3aid", "0:01:15", "321 MB", "minutes since the start"):
        assert expected in text.partition('id="jobs"')[2]
    assert (tmp_path / "report" / "figures" / "timeline.svg").is_file()
    assert "No benchmarks of jobs" in report(run)


def test_everything_from_data_is_escaped(tmp_path, report, make_run):
    attack = '<script>alert("x")</script>&$x$'
    counts = tmp_path / "source" / "counts.json"
    counts.parent.mkdir()
    counts.write_text(json.dumps({"records": 3, "rejects": {attack: 2, "wrong_element": 1}, "note": attack}))
    text = report(make_run("0123456789ab", label=attack), counts=[counts], audits=[counts])
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    Checker().feed(text)


def test_missing_files_are_said_not_failed(tmp_path, report, make_run):
    run = make_run("0123456789ab", retrieval=False, ranks=False)
    (run / "no_assignments").touch()
    (run / "metrics.jsonl").unlink()
    text = report(run)
    for missing in (
        "No retrieval.json",
        "No assignments.parquet",
        "No search.json",
        "no training history",
        "No split audit",
    ):
        assert missing in text
    assert all((tmp_path / "report" / "figures" / f"{name}.svg").is_file() for name in FIGURES)


def test_counts_and_audits_of_any_shape_are_shown(tmp_path, report, make_run):
    audit = tmp_path / "random-fold0.audit.json"
    audit.write_text(json.dumps({"sizes": {"train": 12_345, "test": 7}, "overlaps": {"scaffold": {"train-test": 3}}}))
    text = report(make_run("0123456789ab"), audits=[audit])
    for expected in ("12,345", "random-fold0.audit › sizes", "overlaps › scaffold", "train-test"):
        assert expected in text


def test_examples_show_a_good_and_a_bad_molecule(report, make_run):
    text = report(make_run("0123456789ab"))
    assert "Every peak right" in text
    assert "With wrong peaks" in text
    assert "Structure of m:2 with the shift" in text


def test_the_same_runs_give_the_same_page(report, make_run):
    run = make_run("0123456789ab")
    first, second = (re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", "", report(run)) for _ in range(2))
    assert first == second


def test_unusable_input_is_named(tmp_path, report, make_run):
    run, bad = make_run("0123456789ab"), tmp_path / "counts.json"
    bad.write_text("[1, 2]")
    with pytest.raises(InputError, match=r"counts\.json"):
        report(run, counts=[bad])
    with pytest.raises(InputError, match="at least one run"):
        write_report(bad, [], [], [], bad, bad, tmp_path / "out", data="demo")


def test_runs_of_grids_and_other_methods_have_their_places(report, make_run):
    cells = [
        make_run(
            f"{n}" * 12, {"objective": {"alpha": alpha}}, label="alpha", grids=["alpha"], retrieval=False, ranks=False
        )
        for n, alpha in ((1, 0.0), (2, 0.5), (3, 1.0))
    ]
    lookup = make_run("4" * 12, label="lookup", ranks=False, isomers=True)
    (lookup / "metrics.jsonl").unlink()
    info = json.loads((lookup / "settings.json").read_text())
    (lookup / "settings.json").write_text(json.dumps({**info, "method": "shifts", "settings": {"kind": "lookup"}}))
    text = report(make_run("0" * 12, grids=["alpha"], isomers=True), *cells, lookup)
    Checker().feed(text)
    for expected in ("Accuracy over alpha", "Cells of grids", "The published groups", "Fused rings", "as a percentile"):
        assert expected in text
    training = text[text.index('<section id="training">') : text.index('<section id="retrieval">')]
    assert "α 0.5" not in training


def test_other_pages_are_linked_where_there_are_any(tmp_path, make_run, tables, real_published):
    molecules, alignment, _ = tables
    runs = [make_run("0123456789ab")]
    compare_runs(real_published, runs, tmp_path / "c.csv", data="demo")
    inputs = (tmp_path / "c.csv", runs, [], [], molecules, alignment, tmp_path / "report")
    for pages in ([], ["functional_groups.html"], ["functional_groups.html", "matching.html"]):
        write_report(*inputs, data="demo", other_pages=pages)
        text = (tmp_path / "report" / "index.html").read_text()
        assert re.findall(r'class="page" href="(.*?)"', text) == pages
    with pytest.raises(InputError, match="not a page of the report"):
        write_report(*inputs, data="demo", other_pages=["elsewhere.html"])
