from pathlib import Path

import pytest
from typer.testing import CliRunner

from spectraflow.errors import ConfigError
from spectraflow.methods.mmfrl.commands_pretraining import app, target_paths
from spectraflow.methods.mmfrl.pretrain import load_encoder
from tests.unit.methods.mmfrl.small_pretraining import small_run, write_pretraining


def test_targets_are_named_once():
    assert target_paths(["nmr=a=b.npy", "image=c.npy"]) == {"nmr": Path("a=b.npy"), "image": Path("c.npy")}
    for wrong in (["nmr"], ["nmr="], ["infrared=a.npy"], ["nmr=a", "nmr=b"]):
        with pytest.raises(ConfigError, match="--target"):
            target_paths(wrong)


def invoke(*arguments):
    return CliRunner().invoke(app, [str(one) for one in arguments])


def test_from_embeddings_to_an_encoder(tmp_path):
    files = write_pretraining(tmp_path)
    settings = small_run(modality="nmr", training={"epochs": 1}).model_dump_json()
    common = ["--settings", settings, "--pretraining", files.pretraining, "--checkpoints", tmp_path / "checkpoints"]
    target = tmp_path / "nmr.npy"
    done = invoke("embed-modality", *common, "--modality", "nmr", "--out", target)
    assert done.exit_code == 0, done.output
    done = invoke("pretrain", *common, "--graphs", files.graphs, "--target", f"nmr={target}", "--out", tmp_path / "run")
    assert done.exit_code == 0, done.output
    assert load_encoder(tmp_path / "run").width == 24


def test_a_wrong_modality_is_an_error_without_a_traceback(tmp_path):
    files = write_pretraining(tmp_path, ["CC", "CCO", "CCC", "CCN"])
    common = ["--settings", "{}", "--pretraining", files.pretraining, "--checkpoints", tmp_path / "checkpoints"]
    done = invoke("embed-modality", *common, "--modality", "infrared", "--out", tmp_path / "out.npy")
    assert done.exit_code == 1
    assert "infrared" in done.output
