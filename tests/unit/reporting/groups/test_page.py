import json
import re
import xml.etree.ElementTree as ET

import pytest

from spectraflow.errors import InputError
from spectraflow.reporting.comparison import compare_runs
from spectraflow.reporting.groups.page import write_groups_report
from spectraflow.tables import SCAFFOLD_MAP, write_table
from tests.unit.reporting.html_checker import Checker


@pytest.fixture
def report(tmp_path, real_published):
    def write(*runs, data="published", counts=(), audits=(), maps=()):
        comparison = tmp_path / "comparison.csv"
        compare_runs(real_published, list(runs), comparison, data=data, audits=audits)
        write_groups_report(
            comparison, runs, counts, audits, maps, tmp_path / "report", data=data, other_pages=["index.html"]
        )
        return (tmp_path / "report" / "functional_groups.html").read_text()

    return write


def test_the_page_is_whole_and_stands_alone(tmp_path, make_group_run, report):
    positions = tmp_path / "maps" / "alberts" / "far-fold0.map.parquet"
    positions.parent.mkdir(parents=True)
    columns = {"molecule_id": ["a", "b"], "part": ["train", "test"], "x": [0.0, 1.0], "y": [0.0, 1.0]}
    write_table(positions, SCAFFOLD_MAP, columns)
    runs = [
        make_group_run("0123456789ab", examined=True),
        make_group_run("1123456789ab", {"training": {"seed": 1}}, quality=0.88),
        make_group_run("2123456789ab", {"kind": "commonest"}, label="floor", quality=0.5, trained=False),
        make_group_run("3123456789ab", {"augmentation": {"kind": "vertical"}}, label="grid", grids=["grid"]),
        make_group_run("4123456789ab", {"subsample": {"group": "Amide", "kept": 0.5}}),
    ]
    text = report(*runs, maps=[positions])
    checker = Checker()
    checker.feed(text)
    assert not checker.open
    assert not checker.outside
    assert len(checker.ids) == len(set(checker.ids))
    outside = [link for link in checker.links if not (link.startswith("#") and link[1:] in checker.ids)]
    assert outside == ["index.html"]
    assert not re.findall(r"url\((?!#)", text)
    assert "published 97.0 ± 1.8" in text
    drawn = {path.stem.removeprefix("groups_") for path in (tmp_path / "report" / "figures").glob("*.svg")}
    assert drawn == {
        *("f1", "count", "tiers", "noise", "missing", "subsampling", "augmentation"),
        *("importance", "weights", "curves", "map_0"),
    }
    for path in (tmp_path / "report" / "figures").glob("*.svg"):
        assert ET.fromstring(path.read_text()).tag.endswith("svg")


def test_what_was_not_measured_is_said(make_group_run, report):
    text = report(make_group_run("0123456789ab", trained=False))
    for words in (
        "No model was trained both on several spectra",
        "No run of SymSpectra differs from the first",
        "one order of decisions only",
        "noise and withheld spectra were not tried",
        "No run kept only a share",
        "No run trained on augmented spectra",
        "No run holds a training history",
        "No run uses a split by clusters",
        "No accounting was given",
        "No split audit was given",
    ):
        assert words in text


def test_simulated_numbers_are_called_so(make_group_run, report):
    run = make_group_run("0123456789ab")
    assert "All numbers on this page are simulated" in report(run, data="demo")
    assert "All numbers on this page are simulated" not in report(run)


def test_everything_from_data_is_escaped(tmp_path, make_group_run, report):
    attack = '<script>alert("x")</script>'
    counts = tmp_path / "source" / "counts.json"
    counts.parent.mkdir()
    counts.write_text(json.dumps({"rejects": {attack: 2, "other": 1}, "note": attack}))
    text = report(make_group_run("0123456789ab", label=attack), counts=[counts], audits=[counts])
    Checker().feed(text)
    assert "&lt;script&gt;" in text


def test_predictions_may_be_missing(make_group_run, report):
    runs = [make_group_run("0123456789ab"), make_group_run("1123456789ab", {"kind": "cnn"})]
    (runs[1] / "predictions.parquet").unlink()
    assert "other molecules" in report(*runs)


def test_runs_of_other_methods_are_refused(tmp_path, make_run, make_group_run, report):
    with pytest.raises(InputError, match="not a model of functional groups"):
        report(make_group_run("0123456789ab"), make_run("1123456789ab"))
    with pytest.raises(InputError, match="at least one run"):
        write_groups_report(tmp_path / "c.csv", [], [], [], [], tmp_path, data="demo")
