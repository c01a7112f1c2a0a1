import shutil

import pytest
import torch

from spectraflow.errors import ChecksumError, ConfigError, InputError
from spectraflow.files import read_json
from spectraflow.methods.mmfrl.pretrain import load_encoder, pretrain
from spectraflow.methods.mmfrl.pretraining_task import PretrainingTask
from spectraflow.nn.dmpnn import Dmpnn
from spectraflow.provenance import file_sha256
from spectraflow.training.checkpoint import save_checkpoint
from spectraflow.training.run_folder import read_history
from tests.unit.methods.mmfrl.small_pretraining import small_run, write_pretraining


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return write_pretraining(tmp_path_factory.mktemp("pretraining"))


def run(settings, files, folder, name="run"):
    pretrain(settings, files.pretraining, files.graphs, {}, folder / name, folder / "checkpoints")
    return folder / name


@pytest.fixture(scope="module")
def finished(files, tmp_path_factory):
    return run(small_run(), files, tmp_path_factory.mktemp("finished"))


def test_a_run_leaves_all_its_files(finished):
    settings, metrics, history = (
        read_json(finished / "settings.json"),
        read_json(finished / "metrics.json"),
        read_history(finished),
    )
    assert settings["method"] == "mmfrl-encoder"
    assert settings["molecules"] == {"train": 64, "held_out": 16}
    assert len(settings["trained_on"]) == 64
    assert settings["leaks"] is False
    assert metrics["epochs"] == len(history) == 4
    assert metrics["parts"]["held_out"]["excess"]["value"] == min(record["val/excess"] for record in history)
    assert 1 < metrics["parts"]["held_out"]["target_neighbours"]["value"] <= 16
    assert not list((finished.parent / "checkpoints").glob("*"))


def test_the_encoder_is_read_back(finished, files, tmp_path):
    encoder = load_encoder(finished)
    assert encoder.width == 24
    assert not encoder.training
    again = load_encoder(run(small_run(), files, tmp_path))
    for name, value in encoder.state_dict().items():
        torch.testing.assert_close(again.state_dict()[name], value)
    with_projection = load_encoder(run(small_run(loss={"projection": "mlp"}), files, tmp_path, "projected"))
    assert set(with_projection.state_dict()) == set(encoder.state_dict()), "the projection is discarded"


def test_leaks_are_flagged(files, tmp_path):
    folder = run(small_run(dedupe="none", training={"epochs": 1}), files, tmp_path)
    assert read_json(folder / "settings.json")["leaks"] is True


def test_a_released_encoder_is_judged_and_kept_as_it_is(files, tmp_path):
    published = Dmpnn(hidden=24)
    names = {f"encoder.0{name.removeprefix('messages')}": value for name, value in published.state_dict().items()}
    path = tmp_path / "released.pt"
    torch.save(names, path)
    released = {"weights": str(path), "sha256": file_sha256(path)}
    folder = run(small_run(released=released), files, tmp_path)
    settings, metrics = read_json(folder / "settings.json"), read_json(folder / "metrics.json")
    assert settings["leaks"] is True
    assert settings["trained_on"] == []
    assert metrics["epochs"] == 1
    assert metrics["parts"]["held_out"]["excess"]["value"] > 0
    for name, value in published.state_dict().items():
        torch.testing.assert_close(load_encoder(folder).state_dict()[name], value)
    with pytest.raises(ChecksumError, match=r"released\.pt"):
        run(small_run(released={**released, "sha256": "0" * 64}), files, tmp_path, "other")
    with pytest.raises(ConfigError, match="no projection"):
        run(small_run(released=released, loss={"projection": "mlp"}), files, tmp_path, "projected")


def without_times(records):
    return [{name: value for name, value in record.items() if "seconds" not in name} for record in records]


def test_a_killed_run_ends_as_an_undisturbed_one(finished, files, tmp_path, monkeypatch):
    validate, calls = PretrainingTask.validate, []

    def killed(task, model):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return validate(task, model)

    monkeypatch.setattr(PretrainingTask, "validate", killed)
    with pytest.raises(KeyboardInterrupt):
        run(small_run(), files, tmp_path)
    monkeypatch.undo()
    shutil.rmtree(tmp_path / "run")  # Snakemake removes what a failed rule has written
    folder = run(small_run(), files, tmp_path)
    assert without_times(read_history(folder)) == without_times(read_history(finished))
    for name, value in load_encoder(finished).state_dict().items():
        torch.testing.assert_close(load_encoder(folder).state_dict()[name], value)


def test_other_weights_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"model\.safetensors"):
        load_encoder(tmp_path)
    save_checkpoint(tmp_path / "model.safetensors", {"a": torch.zeros(1)}, {})
    with pytest.raises(InputError, match="not the weights of a pre-trained encoder"):
        load_encoder(tmp_path)
    save_checkpoint(tmp_path / "model.safetensors", {"a": torch.zeros(1)}, {"encoder": {"hidden": 24}})
    with pytest.raises(InputError, match="another encoder"):
        load_encoder(tmp_path)
