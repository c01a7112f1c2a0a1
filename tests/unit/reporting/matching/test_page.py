import json
import re
import xml.etree.ElementTree as ET

import pytest

from spectraflow.errors import InputError
from spectraflow.reporting.comparison import compare_runs
from spectraflow.reporting.matching.page import write_matching_report
from tests.unit.reporting.html_checker import Checker


@pytest.fixture
def report(tmp_path, real_published):
    def write(*runs, data="published", counts=(), audits=(), **options):
        comparison = tmp_path / "comparison.csv"
        compare_runs(real_published, list(runs), comparison, data=data, audits=audits)
        write_matching_report(comparison, runs, counts, audits, tmp_path / "report", data=data, **options)
        return (tmp_path / "report" / "matching.html").read_text()

    return write


def test_the_page_is_whole_and_stands_alone(tmp_path, make_matching_run, report, rendered):
    runs = [
        make_matching_run("0123456789ab", examined=True),
        make_matching_run("1123456789ab", {"training": {"seed": 1}}),
        make_matching_run("2123456789ab", {"kind": "line_counts"}, label="counts", quality=0.5, trained=False),
        make_matching_run("3123456789ab", {"permuted_labels": True}, label="shuffled"),
        make_matching_run("4123456789ab", {"network": {"graph": "gcn", "attention": "shared"}}, grids=["parts"]),
        make_matching_run("5123456789ab", {"network": {"spectra": "vectors"}}, label="vectors", examined=True),
    ]
    text = report(*runs, renderings=rendered, other_pages=["index.html", "functional_groups.html"])
    checker = Checker()
    checker.feed(text)
    assert not checker.open
    assert not checker.outside
    assert len(checker.ids) == len(set(checker.ids))
    outside = [link for link in checker.links if not (link.startswith("#") and link[1:] in checker.ids)]
    assert outside == ["index.html", "functional_groups.html"]
    assert not re.findall(r"url\((?!#)", text)
    assert "published 92.2 ± 0.5" in text
    assert "network.backbone.weights=None" in text
    drawn = {path.stem.removeprefix("matching_") for path in (tmp_path / "report" / "figures").glob("*.svg")}
    assert drawn == {"auc", "reliability", "changes", "maps", "curves", "spectra"}
    for path in (tmp_path / "report" / "figures").glob("*.svg"):
        assert ET.fromstring(path.read_text()).tag.endswith("svg")


def test_what_was_not_measured_is_said(make_matching_run, report):
    folder = make_matching_run("0123456789ab", {"network": {"spectra": "vectors"}}, trained=False)
    metrics = json.loads((folder / "metrics.json").read_text())
    test = metrics["parts"]["test"]
    kept = {name: one for name, one in test.items() if name.endswith("/auc")}
    bare = {"best_epoch": None, "epochs": 0, "selection": "val", "parts": {"test": kept}}
    (folder / "metrics.json").write_text(json.dumps(bare))
    info = json.loads((folder / "settings.json").read_text())
    (folder / "settings.json").write_text(json.dumps({**info, "parameters": {}}))
    text = report(folder)
    for words in (
        "No control was run",
        "No run differs from a full SpecMol-MatchNet",
        "No two models differ in the form of the spectra alone",
        "No published cell was measured",
        "No run holds a reliability diagram",
        "No run holds calibration errors",
        "No run holds verdicts",
        "no model was asked about spectra that are drawn otherwise",
        "candidates were not ranked",
        "No run holds a map",
        "No run holds a training history",
        "No run says what it cost",
        "No accounting was given",
        "No split audit was given",
    ):
        assert words in text, words


def test_controls_that_were_not_run_are_named(make_matching_run, report):
    text = report(make_matching_run("0123456789ab"))
    assert "Not among the runs: blind to the molecule, blind to the spectra, permuted labels." in text


def test_simulated_numbers_are_called_so(make_matching_run, report):
    run = make_matching_run("0123456789ab")
    assert "All numbers on this page are simulated" in report(run, data="demo")
    assert "All numbers on this page are simulated" not in report(run)


def test_everything_from_data_is_escaped(tmp_path, make_matching_run, report):
    attack = '<script>alert("x")</script>'
    counts = tmp_path / "source" / "counts.json"
    counts.parent.mkdir()
    counts.write_text(json.dumps({"rejects": {attack: 2, "other": 1}, "note": attack}))
    text = report(make_matching_run("0123456789ab", label=attack, examined=True), counts=[counts], audits=[counts])
    Checker().feed(text)
    assert "&lt;script&gt;" in text


def test_pairs_and_spectra_are_counted_under_their_own_titles(tmp_path, make_matching_run, report):
    paths = [tmp_path / "spectra" / "alberts" / "counts.json", tmp_path / "pairs" / "alberts" / "tenths-fold0.json"]
    for path in paths:
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps({"molecules": 7}))
    text = report(make_matching_run("0123456789ab"), counts=paths)
    assert "<h3>alberts</h3>" in text
    assert "<h3>pairs of alberts, tenths-fold0</h3>" in text


def test_predictions_may_be_missing(make_matching_run, report):
    runs = [make_matching_run("0123456789ab"), make_matching_run("1123456789ab", {"kind": "line_counts"})]
    (runs[1] / "predictions.parquet").unlink()
    assert "other pairs" in report(*runs)


def test_unusable_input_is_refused(tmp_path, make_run, make_matching_run, report):
    with pytest.raises(InputError, match="not a matching model"):
        report(make_matching_run("0123456789ab"), make_run("1123456789ab"))
    with pytest.raises(InputError, match="at least one run"):
        write_matching_report(tmp_path / "c.csv", [], [], [], tmp_path, data="demo")
    with pytest.raises(InputError, match="not a page of the report"):
        report(make_matching_run("2123456789ab"), other_pages=["other.html"])
