import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from spectraflow import preflight
from spectraflow.config import Config
from spectraflow.errors import ConfigError
from spectraflow.preflight import (
    disk_needed,
    features_needed,
    job_counts,
    needed_sources,
    run_preflight,
    source_state,
)
from spectraflow.run_ids import MATCS_FILES, RAW_FILES
from spectraflow.settings import check
from spectraflow.sources.registry import load_registry
from spectraflow.workflow import Plan

ROOT = Path(__file__).parents[2]
PUBLISHED = {"data": "published"}
TENTHS = {"splits": {"random": {}, "tenths": {"folds": 10}}}
SHIFTS = {"runs": [{"label": "shifts", "records": "train"}]}
LISTED = {"dataset": "matcs", "split": "listed"}


@pytest.fixture(autouse=True)
def in_the_checkout(monkeypatch):
    monkeypatch.chdir(ROOT)


@pytest.fixture(scope="module")
def registry():
    return load_registry(ROOT / "resources" / "sources.yaml")


def plan_of(**values) -> Plan:
    return Plan(check(Config, {"name": "preflight-test", **values}))


def matching(*runs: dict, **values) -> dict:
    """Settings of published data, for matching alone unless `values` say otherwise."""
    section = {"base": {"split": "random"}, "runs": list(runs), **values.pop("section", {})}
    return {**PUBLISHED, "km3aid": {"runs": []}, "matchnet": section, **values}


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
        (matching(), []),
        (matching({}), ["nmrshiftdb2"]),
        (matching({"dataset": "nmrshiftdb2_any"}), ["nmrshiftdb2"]),
        (matching({"dataset": "alberts"}), ["alberts"]),
        (
            matching({"dataset": "alberts", "network": {"spectra": "vectors"}, "transfer": "nmrshiftdb2"}),
            ["nmrshiftdb2", "alberts"],
        ),
        (matching({}, section={"follow": "published_ids"}), ["nmrshiftdb2", "km3aid_ids"]),
        (matching({}, section={"follow": "all_assigned"}), ["nmrshiftdb2"]),
        (matching({"dataset": "alberts"}, section={"follow": "published_ids"}), ["alberts"]),
        (matching(LISTED, shifts=SHIFTS), ["nmrshiftdb2", "km3aid_ids", "pubchem", "matcs"]),
        (matching({"dataset": "pubchem"}, shifts=SHIFTS), ["nmrshiftdb2", "km3aid_ids", "pubchem"]),
        ({**PUBLISHED, "km3aid": {"runs": []}, "shifts": SHIFTS}, ["nmrshiftdb2", "km3aid_ids", "pubchem"]),
    ],
)
def test_needed_sources_follow_the_runs(values, expected):
    assert needed_sources(plan_of(**values)) == expected


def test_lists_of_pairs_must_all_be_there(registry, tmp_path):
    plan = plan_of(**matching(LISTED, shifts=SHIFTS, mirror=str(tmp_path)))
    (tmp_path / "matcs").mkdir()
    state = source_state(plan, registry, "matcs")
    assert state.missing
    assert state.file == "train.csv.gz and 4 more"
    assert state.records == 81_250 + 11_608 + 2 * 8_664 + 8_661
    for file in MATCS_FILES:
        assert source_state(plan, registry, "matcs").missing
        (tmp_path / "matcs" / file).write_bytes(b"x" * 1500)
    state = source_state(plan, registry, "matcs")
    assert not state.missing
    assert str(tmp_path / "matcs" / "train.csv.gz") in state.place
    (tmp_path / "matcs" / "test_diff.csv.gz").unlink()
    lost = source_state(plan, registry, "matcs")
    assert lost.missing
    assert lost.file == "test_diff.csv.gz"
    assert str(tmp_path / "matcs" / "test_diff.csv.gz") in lost.place


def test_lists_of_pairs_may_come_from_an_address_or_lie_there(registry, tmp_path, monkeypatch):
    assert source_state(plan_of(**PUBLISHED), registry, "matcs").missing
    assert not source_state(plan_of(**PUBLISHED, mirror="https://x.org"), registry, "matcs").missing
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "results" / "preflight-test" / "raw" / "matcs"
    folder.mkdir(parents=True)
    for file in MATCS_FILES:
        (folder / file).touch()
    plan = SimpleNamespace(
        folder=lambda source: None, limit=lambda source: 10, mirror=lambda source: None, results=folder.parents[1]
    )
    state = source_state(plan, registry, "matcs")
    assert not state.missing
    assert state.records == 5 * 2 * 10, "ten molecules of each list, each right once and wrong once"


def test_embeddings_count_once_a_run():
    config = check(Config, {})
    one, three = (disk_needed(config, runs, 1, 0, 10**6, runs) for runs in (1, 3))
    assert three - one == pytest.approx(2 * (10**6 * 512 * 4 + preflight.BYTES_PER_RUN))


def features_of(*runs: dict, records: dict[str, int], **values) -> int:
    return features_needed(plan_of(**matching(*runs, **values)), records)


def test_features_are_maps_of_both_nuclei_in_half_precision():
    records = {"alberts": 100}
    images = {"dataset": "alberts"}
    assert features_of(images, records=records) == 100 * 2 * 2048 * 64 * 2
    assert features_of({**images, "network": {"backbone": {"components": 256}}}, records=records) == 100 * 2 * 256 * 128
    assert features_of({**images, "network": {"spectra": "vectors"}}, records=records) == 0
    assert features_of({**images, "rendering": {"columns": 64}}, records=records) == 100 * 2 * 2048 * 4 * 2
    assert features_of({**images, "network": {"backbone": {"name": "densenet121"}}}, records=records) == (
        100 * 2 * 1024 * 64 * 2
    )


def test_features_count_once_a_cache():
    run = {"dataset": "alberts"}
    one = features_of(run, records={"alberts": 100})
    assert features_of(run, {**run, "negatives": "mixed"}, records={"alberts": 100}) == one
    assert features_of(run, {**run, "fold": 1}, records={"alberts": 100}) == 2 * one


def test_features_follow_the_molecules_of_the_data_set():
    one = 2 * 2048 * 64 * 2
    records = {"nmrshiftdb2": 100, "matcs": 100, "pubchem": 100}
    assert features_of({}, records=records) == 20 * one, "molecules with both spectra"
    assert features_of({**LISTED}, shifts=SHIFTS, records=records) == 50 * one, "pairs of right and wrong molecules"
    assert features_of({"dataset": "pubchem"}, shifts=SHIFTS, records=records) == 100 * one
    few = {"section": {"predicted": {"limit": 7}}, "shifts": SHIFTS}
    assert features_of({"dataset": "pubchem"}, records=records, **few) == 7 * one
    assert features_of({**LISTED}, records=records, **few) == 7 * one
    assert features_of({}, records=records, **few) == 20 * one


@pytest.mark.parametrize("name", ["tiny", "densenet121"])
def test_channels_of_a_backbone_are_those_it_has(name):
    import torch

    from spectraflow.methods.matchnet.backbones import architecture

    with torch.device("meta"):
        maps = architecture(name)(torch.zeros(2, 3, 64, 64))
    assert maps.shape == (2, preflight.BACKBONE_CHANNELS[name], 64 // preflight.BACKBONE_STRIDE, 2)


def test_without_a_retrieval_model_nothing_is_embedded():
    config = check(Config, {"km3aid": {"runs": []}})
    assert disk_needed(config, 0, 0, 0, 1000, 0) == 1000 * preflight.BYTES_PER_LIBRARY_RECORD


def one_model_of_images(backbone: str) -> str:
    network = f"{{spectra: images, blind: none, backbone: {{{backbone}}}}}"
    return f"matchnet: {{base: {{split: random, network: {network}}}, runs: [{{label: images}}]}}\n"


def test_features_of_matching_need_disk(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(preflight, "job_counts", lambda configs: {})

    def estimate(backbone: str) -> int:
        run_preflight(overlay(tmp_path, one_model_of_images(backbone)), show_config=False)
        return int(capsys.readouterr().out.partition("disk\n  about ")[2].partition(" MB for")[0])

    small, large = (estimate(f"name: resnet101, components: {count}") for count in (1, 2048))
    molecules = 0.2 * 1600
    assert large - small == pytest.approx(molecules * 2 * 2047 * 64 * 2 / 1e6, abs=1)


def test_lost_weights_of_a_backbone_are_told(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(preflight, "job_counts", lambda configs: {})
    lost, held = (one_model_of_images(f"weights: {path}") for path in (tmp_path / "lost.safetensors", tmp_path))
    assert run_preflight(overlay(tmp_path, lost), show_config=False) == 1
    assert f"MISSING  backbone weights: {tmp_path / 'lost.safetensors'}" in capsys.readouterr().out
    assert run_preflight(overlay(tmp_path, held), show_config=False) == 0, "a folder of a transformers model"


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
