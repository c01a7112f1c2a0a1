import re
import xml.etree.ElementTree as ET

import pytest

from spectraflow.errors import InputError
from spectraflow.methods.mmfrl.settings import MODALITIES
from spectraflow.reporting.comparison import compare_runs
from spectraflow.reporting.properties.page import PropertyFiles, write_properties_report
from tests.unit.reporting.html_checker import Checker
from tests.unit.reporting.properties.conftest import COUNTS, OVERLAP, audit_of
from tests.unit.reporting.property_runs import every_modality, pretrained


@pytest.fixture
def report(tmp_path, real_published):
    def write(*runs, data="published", files=None, **options):
        comparison = tmp_path / "comparison.csv"
        compare_runs(real_published, list(runs), comparison, data=data)
        out = tmp_path / "report"
        write_properties_report(comparison, runs, files or PropertyFiles(), out, data=data, **options)
        return (out / "moleculenet.html").read_text()

    return write


@pytest.fixture
def models(make_property_run):
    """Two splits of BBBP: no pre-training, all modalities, both fusions, a forest and the mean."""
    five = pretrained(*MODALITIES)
    kinds = {
        "D-MPNN": ({}, 0.85),
        "late fusion": ({"kind": "late", "pretraining": five}, 0.9),
        "intermediate fusion": ({"kind": "intermediate", "pretraining": five}, 0.84),
        "forest": ({"kind": "forest"}, 0.88),
        "mean": ({"kind": "mean"}, 0.5),
    }
    runs = [
        make_property_run(
            f"{number}{seed}23456789ab",
            {**values, "task": "bbbp", "split_seed": seed},
            label=label,
            score=score + 0.01 * seed * (1 + number),
        )
        for seed in (0, 1)
        for number, (label, (values, score)) in enumerate(kinds.items())
    ]
    return runs + every_modality(make_property_run)


def test_the_page_is_whole_and_stands_alone(tmp_path, models, report, make_explanation, make_encoder, written):
    files = PropertyFiles(
        counts=[written("bbbp.counts.json", COUNTS)],
        audits=[written("bbbp-paper/scaffold_balanced-0.audit.json", audit_of(10))],
        encoders=[make_encoder("a" * 12), make_encoder("b" * 12, "image", dedupe="none")],
        overlaps=[written("union.overlap.json", OVERLAP)],
        explanations=[make_explanation(models[1].name), make_explanation("c" * 12, "regression")],
    )
    text = report(*models, files=files, other_pages=["index.html", "matching.html"])
    checker = Checker()
    checker.feed(text)
    assert not checker.open
    assert not checker.outside
    assert len(checker.ids) == len(set(checker.ids))
    outside = [link for link in checker.links if not (link.startswith("#") and link[1:] in checker.ids)]
    assert [link for link in outside if not link.startswith("data:image/png;base64,")] == [
        "index.html",
        "matching.html",
    ]
    assert not re.findall(r"url\((?!#)", text)
    assert "published 91.9 ± 3.0" in text
    assert "late fusion, BBBP" in text
    assert 'class="missing"' not in text
    drawn = {path.stem.removeprefix("moleculenet_") for path in (tmp_path / "report" / "figures").glob("*.svg")}
    examined = [models[1].name, "c" * 12]
    assert drawn == {
        "scores_0",
        "gains_0",
        "pretraining",
        *(f"{kind}_{one}" for kind in ("map", "late") for one in examined),
    }
    for path in (tmp_path / "report" / "figures").glob("*.svg"):
        assert ET.fromstring(path.read_text()).tag.endswith("svg")


def test_what_was_not_measured_is_said(make_property_run, report):
    text = report(make_property_run("0123456789ab", {"kind": "attentivefp", "training": {"epochs": 3}}, cost=False))
    for words in (
        "No average over single modalities",
        "The mean of the training part was not among the models",
        "No baseline on fingerprints",
        "No fusion stands beside",
        "No two models were tested on the same split",
        "No encoder was pre-trained",
        "overlap of pre-training molecules and tasks was not counted",
        "No accounting was given",
        "No split audit was given",
        "there are no maps of embeddings",
        "Embeddings of no two encoders were compared",
        "No late fusion was looked into",
        "No classifier was searched",
        "No run says what it cost",
    ):
        assert words in text, words


def test_only_the_settings_of_one_run_of_a_model_are_listed(make_property_run, report):
    runs = [make_property_run(f"{seed}123456789ab", {"split_seed": seed}) for seed in range(3)]
    assert report(*runs).count("<code>training.batch_size</code>") == 1


def test_simulated_numbers_are_called_so(make_property_run, report):
    assert "All numbers on this page are simulated" in report(make_property_run("0123456789ab"), data="demo")


def test_everything_from_data_is_escaped(make_property_run, report, written):
    attack = '<script>alert("x")</script>'
    counts = written("counts.json", {**COUNTS, "one_class": [attack], "errata": {"rejects": {attack: 2}}})
    runs = [make_property_run("0123456789ab", label=attack), make_property_run("1123456789ab", {"kind": "forest"})]
    text = report(*runs, files=PropertyFiles(counts=[counts]), reference=attack)
    Checker().feed(text)
    assert "&lt;script&gt;" in text


def test_unusable_input_is_refused(tmp_path, make_run, make_property_run, report, written):
    run = make_property_run("0123456789ab")
    with pytest.raises(InputError, match="not a model of a MoleculeNet task"):
        report(run, make_run("1123456789ab"))
    with pytest.raises(InputError, match="at least one run"):
        write_properties_report(tmp_path / "c.csv", [], PropertyFiles(), tmp_path, data="demo")
    with pytest.raises(InputError, match="not a page of the report"):
        report(run, other_pages=["other.html"])
    with pytest.raises(InputError, match="not found"):
        report(run, files=PropertyFiles(explanations=[tmp_path / "nowhere"]))
    with pytest.raises(InputError, match="JSON object"):
        report(run, files=PropertyFiles(counts=[written("list.json", [])]))
