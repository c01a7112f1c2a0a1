import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from spectraflow import preflight
from spectraflow.config import Config
from spectraflow.errors import ConfigError
from spectraflow.preflight import disk_needed, job_counts, needed_sources, run_preflight, source_state
from spectraflow.run_ids import RAW_FILES
from spectraflow.settings import check
from spectraflow.sources.registry import load_registry
from spectraflow.workflow import Plan

ROOT = Path(__file__).parents[2]
PUBLISHED = {"data": "published"}
TENTHS = {"splits": {"random": {}, "tenths": {"folds": 10}}}


@pytest.fixture(autouse=True)
def in_the_checkout(monkeypatch):
    monkeypatch.chdir(ROOT)


@pytest.fixture(scope="module")
def registry():
    return load_registry(ROOT / "resources" / "sources.yaml")


def plan_of(**values) -> Plan:
    return Plan(check(Config, {"name": "preflight-test", **values}))


def overlay(tmp_path: Path, text: str) -> list[Path]:
    (tmp_path / "overlay.yaml").write_text("name: preflight-test\n" + text)
    return [ROOT / "config.yaml", tmp_path / "overlay.yaml"]


def test_registry_agrees_with_the_workflow(registry):
    for source, (folder, file) in RAW_FILES.items():
        entry, _, _ = registry.file(source, file)
        assert entry.folder == folder


def test_mirror_comes_before_the_publisher(registry, tmp_path):
    plan = plan_of(**PUBLISHED, mirror=str(tmp_path))
    assert "not tried" in source_state(plan, registry, "nmrshiftdb2").place
    held = tmp_path / "nmrshiftdb2" / "nmrshiftdb2withsignals.sd.gz"
    held.parent.mkdir()
    held.write_bytes(b"x" * 1500)
    state = source_state(plan, registry, "nmrshiftdb2")
    assert str(held) in state.place
    assert "2 kB" in state.place
    assert not state.missing


def test_file_without_download_is_missing_unless_mirrored(registry, tmp_path):
    assert source_state(plan_of(**PUBLISHED), registry, "km3aid_ids").missing
    assert source_state(plan_of(**PUBLISHED, mirror=str(tmp_path)), registry, "km3aid_ids").missing
    assert not source_state(plan_of(**PUBLISHED, mirror="https://x.org"), registry, "km3aid_ids").missing


def test_a_folder_of_files_must_exist(registry, tmp_path):
    held, lost = (
        plan_of(**PUBLISHED, sources={"alberts": {"folder": str(path)}}) for path in (tmp_path, tmp_path / "x")
    )
    assert not source_state(held, registry, "alberts").missing
    assert source_state(held, registry, "alberts").place == str(tmp_path)
    assert source_state(lost, registry, "alberts").missing


def test_runs_on_sdbs_wait_for_an_export(registry, tmp_path):
    supplied = plan_of(**PUBLISHED, mirror=str(tmp_path), sources={"sdbs": {"folder": str(tmp_path)}})
    assert not source_state(supplied, registry, "sdbs").missing
    waiting = plan_of(**PUBLISHED, **TENTHS, mirror=str(tmp_path), symspectra={"runs": [{"dataset": "sdbs"}]})
    assert not waiting.symspectra.jobs
    state = source_state(waiting, registry, "sdbs")
    assert "1 runs are left out" in state.place
    assert "sources.sdbs.folder" in state.place


def test_limit_bounds_the_records(registry):
    plan = plan_of(**PUBLISHED, sources={"pubchem": {"limit": 10}})
    assert source_state(plan, registry, "pubchem").records == 10


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, []),
        (PUBLISHED, ["nmrshiftdb2", "km3aid_ids", "pubchem"]),
        ({**PUBLISHED, "km3aid": {"runs": [{"molecules": "all_assigned"}]}}, ["nmrshiftdb2", "pubchem"]),
        (
            {**PUBLISHED, **TENTHS, "symspectra": {"runs": [{"dataset": "alberts"}]}},
            ["nmrshiftdb2", "km3aid_ids", "pubchem", "alberts"],
        ),
        (
            {**PUBLISHED, **TENTHS, "symspectra": {"runs": [{"dataset": "open_exp"}, {"dataset": "sdbs"}]}},
            ["nmrshiftdb2", "km3aid_ids", "pubchem", "massbank", "sdbs"],
        ),
        (
            {
                **PUBLISHED,
                "splits": {"p": {"kind": "published_folds"}},
                "km3aid": {"runs": [{"molecules": "all_assigned", "split": "p"}]},
            },
            ["nmrshiftdb2", "km3aid_ids", "pubchem"],
        ),
    ],
)
def test_needed_sources_follow_the_runs(values, expected):
    assert needed_sources(plan_of(**values)) == expected


def test_embeddings_count_once_a_run():
    config = check(Config, {})
    one, three = (disk_needed(config, runs, 1, 0, 10**6, runs) for runs in (1, 3))
    assert three - one == pytest.approx(2 * (10**6 * 512 * 4 + preflight.BYTES_PER_RUN))


def test_job_counts_come_from_the_workflow(tmp_path):
    counts = job_counts(overlay(tmp_path, "km3aid: {runs: [{}, {fold: 1}, {fold: 1, objective: {alpha: 0.5}}]}\n"))
    assert (counts["train_km3aid"], counts["pretrain_spectrum_encoder"], counts["split_km3aid"]) == (3, 2, 2)
    assert "total" not in counts


def test_workflow_that_cannot_be_planned_gives_its_message(tmp_path):
    with pytest.raises(ConfigError, match="nmae: unknown key"):
        job_counts(overlay(tmp_path, "nmae: x\n"))


def test_demo_needs_nothing(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(preflight, "job_counts", lambda configs: {"train_km3aid": 2})
    assert run_preflight(overlay(tmp_path, ""), show_config=True) == 0
    printed = capsys.readouterr().out
    assert "molecules: 1600" in printed
    assert "simulated" in printed


def test_missing_source_and_full_disk_are_told(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(preflight, "job_counts", lambda configs: {})
    configs = overlay(tmp_path, "data: published\n")
    assert run_preflight(configs, show_config=False) == 1
    printed = capsys.readouterr().out
    assert "MISSING km3aid_ids" in printed
    assert "configuration" not in printed
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=10))
    assert run_preflight(overlay(tmp_path, ""), show_config=False) == 1
