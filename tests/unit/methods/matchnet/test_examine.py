"""The whole examination of small networks, as the command writes it."""

import json

import pytest

from spectraflow.errors import ConfigError
from spectraflow.methods.matchnet import rendering_robustness
from spectraflow.methods.matchnet.candidates import KINDS
from spectraflow.methods.matchnet.examine import examine
from spectraflow.methods.matchnet.inputs import Inputs
from spectraflow.methods.matchnet.settings import ExaminationSettings
from spectraflow.spectra.rendering_changes import RenderingChange
from spectraflow.tables import PAIR_MAP, read_table

SETTINGS = ExaminationSettings(candidates=[6], queries=9, k=[1, 5], timed_batches=2, mapped_pairs=20)
FEW = {"axis reversed": RenderingChange(reversed_axis=True), "solvent line": RenderingChange(solvent_line=True)}


@pytest.fixture(params=["vectors", "images"])
def examined(request, trained_networks, tmp_path, monkeypatch):
    monkeypatch.setattr(rendering_robustness, "CHANGES", FEW)
    run = trained_networks(request.param)
    out, positions = tmp_path / "examination.json", tmp_path / "map.parquet"
    returned = examine(SETTINGS, run.folder, run.inputs, out, positions)
    assert json.loads(out.read_text()) == returned
    return run, returned, positions


def test_an_examination_has_all_parts(examined):
    run, found, positions = examined
    images = run.settings.network.spectra == "images"
    assert list(found["changes"]) == ["none", *FEW]
    for name, sets in found["changes"]["none"].items():
        assert sets["auc"] == run.metrics["parts"]["test"][f"matching/{name}/auc"]
    assert list(found["retrieval"]) == [f"6/{kind}" for kind in KINDS]
    assert found["retrieval"]["6/random"]["queries"] == 9
    assert 0 < found["retrieval"]["6/random"]["trained"] < 1
    assert list(found["cost"]) == (["cached", "uncached"] if images else ["cached"])
    assert all(list(sizes) == ["16", "32"] for sizes in found["cost"].values())
    assert found["map"]["pairs"] == read_table(positions, PAIR_MAP).num_rows == 20
    assert found["device"] == "cpu"


def test_a_model_of_images_needs_its_features(trained_networks, tmp_path):
    run = trained_networks("images")
    inputs = Inputs(run.inputs.spectra, run.inputs.rendered, run.inputs.pairs)
    with pytest.raises(ConfigError, match="give --features"):
        examine(SETTINGS, run.folder, inputs, tmp_path / "out.json", tmp_path / "map.parquet")
    assert not (tmp_path / "out.json").exists()
