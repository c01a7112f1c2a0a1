import subprocess
import sys
from pathlib import Path

import pytest

from spectraflow.config import Config
from spectraflow.run_ids import MATCS_FILES, data_version, dataset_version, encoder_id, raw_version, run_id
from spectraflow.settings import check
from spectraflow.workflow import Plan

ROOT = Path(__file__).parents[2]


def plan_of(*runs, **values) -> Plan:
    return Plan(check(Config, {"km3aid": {"runs": list(runs or [{}])}, **values}))


def only_id(plan: Plan) -> str:
    (run,) = plan.runs
    return run


def test_label_changes_no_id():
    assert only_id(plan_of({"label": "a"})) == only_id(plan_of({"label": "b"}))


def test_split_name_changes_no_id():
    settings = {"kind": "random", "folds": 4}
    one = plan_of({"split": "x"}, splits={"x": settings})
    two = plan_of({"split": "y"}, splits={"y": settings})
    assert only_id(one) == only_id(two)


@pytest.mark.parametrize(
    "values",
    [
        {"name": "elsewhere"},
        {"mirror": "/somewhere"},
        {"processes": 1},
        {"tracking": {"enabled": False}},
        {"pathvars": {"results": "out"}},
    ],
)
def test_place_and_logging_change_no_id(values):
    assert only_id(plan_of(**values)) == only_id(plan_of())


@pytest.mark.parametrize(
    "difference",
    [
        {"fold": 1},
        {"molecules": "all_assigned"},
        {"computed_spectra": True},
        {"selection": "test"},
        {"model": {"dim": 64}},
        {"objective": {"alpha": 0.5}},
        {"model": {"shift_head": True}, "objective": {"shift_weight": 1.0}},
        {"training": {"seed": 1}},
        {"training": {"epochs": 2}},
        {"spectrum_encoder": {"mode": "joint"}},
    ],
)
def test_science_changes_the_run_id(difference):
    assert only_id(plan_of(difference)) != only_id(plan_of())


def test_the_weight_of_a_shift_head_is_science():
    one, other = (plan_of({"model": {"shift_head": True}, "objective": {"shift_weight": w}}) for w in (0.5, 1.0))
    assert only_id(one) != only_id(other)


def test_a_run_without_a_shift_head_is_named_as_if_there_were_none(monkeypatch):
    hashed = []
    monkeypatch.setattr("spectraflow.run_ids.settings_hash", lambda values: hashed.append(values) or "0")
    config = check(Config, {})
    run_id(config, config.km3aid.runs[0], "data")
    assert "shift" not in str(hashed[0]), "results of earlier versions keep their ids"


def test_split_settings_and_data_change_both_ids():
    base = check(Config, {})
    for values in ({"splits": {"random": {"seed": 1}}}, {"demo": {"seed": 8}}, {"data": "published"}):
        other = check(Config, values)
        assert run_id(other, other.km3aid.runs[0]) != run_id(base, base.km3aid.runs[0])
        assert encoder_id(other, other.km3aid.runs[0]) != encoder_id(base, base.km3aid.runs[0])


def test_runs_share_an_encoder_unless_its_training_differs():
    assert len(plan_of({}, {"objective": {"alpha": 0.5}}, {"model": {"dim": 64}}).encoders) == 1
    assert len(plan_of({}, {"fold": 1}, {"spectrum_encoder": {"training": {"epochs": 3}}}).encoders) == 3


def test_library_of_published_data_changes_no_run_id():
    small = plan_of(data="published", sources={"pubchem": {"limit": 10}})
    assert only_id(small) == only_id(plan_of(data="published"))
    assert only_id(plan_of(data="published", sources={"nmrshiftdb2": {"limit": 10}})) != only_id(small)


def test_external_weights_count_by_content(tmp_path):
    def identity(name: str, content: bytes) -> str:
        (tmp_path / name).write_bytes(content)
        encoder = {"mode": "external", "weights": str(tmp_path / name)}
        return only_id(plan_of({"spectrum_encoder": encoder}))

    assert identity("a", b"1") == identity("b", b"1") != identity("c", b"2")


def test_ids_do_not_depend_on_the_process(monkeypatch):
    script = "from spectraflow.workflow import *; print(next(iter(Plan(check(Config, {})).runs)))"
    printed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    monkeypatch.chdir(ROOT)
    assert printed.stdout.strip() == only_id(plan_of())


def version_of(dataset, **sources) -> str:
    return dataset_version(check(Config, {"data": "published", "sources": sources}), dataset)


@pytest.mark.parametrize(
    ("dataset", "source"),
    [("alberts", "alberts"), ("open_exp", "massbank"), ("open_exp", "nmrshiftdb2"), ("sdbs", "sdbs")],
)
def test_a_data_set_depends_on_its_own_sources(dataset, source):
    changed = version_of(dataset, **{source: {"limit": 10}})
    assert changed != version_of(dataset)
    for other in {"alberts", "open_exp", "sdbs"} - {dataset}:
        assert version_of(other, **{source: {"limit": 10}}) == version_of(other)


def test_a_folder_counts_by_the_names_and_sizes_of_all_its_files(tmp_path):
    def version(folder: Path) -> str:
        return version_of("sdbs", sdbs={"folder": str(folder)})

    for name in ("one", "two"):
        (tmp_path / name / "jcamp").mkdir(parents=True)
        (tmp_path / name / "records.jsonl").write_text("{}")
        (tmp_path / name / "jcamp" / "1_ms.jdx").write_text("##TITLE")
    assert version(tmp_path / "one") == version(tmp_path / "two"), "where a folder lies does not matter"
    before = version(tmp_path / "one")
    (tmp_path / "one" / "records.jsonl").write_text("{} ")
    larger = version(tmp_path / "one")
    (tmp_path / "one" / "jcamp" / "1_ms.jdx").write_text("##TITLE=")
    assert len({before, larger, version(tmp_path / "one")}) == 3
    (tmp_path / "two" / "jcamp" / "1_ms.jdx").rename(tmp_path / "two" / "jcamp" / "2_ms.jdx")
    assert version(tmp_path / "two") != before


def raw_version_of(source, **sources) -> str:
    return raw_version(check(Config, {"data": "published", "sources": sources}), source)


RAW = ("nmrshiftdb2", "km3aid_ids", "pubchem", "alberts", "massbank", "matcs")


@pytest.mark.parametrize("source", RAW)
def test_a_raw_source_depends_on_its_own_settings(source):
    limited = {source: {"limit": 10}}
    assert raw_version_of(source, **limited) != raw_version_of(source)
    for other in set(RAW) - {source}:
        assert raw_version_of(other, **limited) == raw_version_of(other) != raw_version_of(source)


def test_a_sample_of_a_library_is_another_library():
    assert raw_version_of("pubchem", pubchem={"every": 2}) != raw_version_of("pubchem")
    assert raw_version_of("pubchem", pubchem={"file": "library.smi.gz"}) != raw_version_of("pubchem")


@pytest.mark.parametrize("source", ["pubchem", "matcs"])
def test_a_mirror_changes_no_raw_version(source):
    assert raw_version_of(source, **{source: {"mirror": "/somewhere"}}) == raw_version_of(source)


@pytest.mark.parametrize("file", MATCS_FILES)
def test_every_list_of_pairs_counts(file, monkeypatch):
    before = raw_version_of("matcs")
    monkeypatch.setattr(
        "spectraflow.run_ids.registered_sha256", lambda source, name: "pinned" if name == file else None
    )
    assert raw_version_of("matcs") != before


def test_raw_files_of_the_demo_are_as_it_makes_them():
    demo, other = check(Config, {}), check(Config, {"demo": {"seed": 8}})
    assert {raw_version(demo, source) for source in RAW} == {data_version(demo)}
    assert raw_version(other, "matcs") != raw_version(demo, "matcs")


def test_simulated_data_sets_are_as_the_demo_makes_them():
    assert dataset_version(check(Config, {"demo": {"seed": 8}}), "alberts") != dataset_version(
        check(Config, {}), "alberts"
    )
