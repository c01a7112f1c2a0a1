import pytest
import torch

from spectraflow.errors import InputError
from spectraflow.training.checkpoint import fit_identity, load_checkpoint, resume_from, save_checkpoint


def test_tensors_and_state_come_back(tmp_path):
    path = tmp_path / "fit.safetensors"
    save_checkpoint(path, {"a": torch.arange(3), "b": torch.ones(2, 2).T}, {"identity": "x", "records": [{"e": 0.1}]})
    tensors, state = load_checkpoint(path)
    assert tensors["a"].tolist() == [0, 1, 2]
    assert state["records"] == [{"e": 0.1}]
    assert [p.name for p in tmp_path.iterdir()] == ["fit.safetensors"]


def test_a_corrupt_checkpoint_is_named_and_training_starts_anew(tmp_path):
    path = tmp_path / "fit.safetensors"
    path.write_bytes(b"\x00" * 40)
    with pytest.raises(InputError, match=r"fit\.safetensors: not a readable checkpoint"):
        load_checkpoint(path)
    with pytest.warns(UserWarning, match="training starts from the beginning"):
        assert resume_from(path, "x") is None


def test_a_checkpoint_of_other_settings_is_not_used(tmp_path):
    path = tmp_path / "fit.safetensors"
    save_checkpoint(path, {}, {"identity": "x"})
    with pytest.warns(UserWarning, match="of other settings, code or data"):
        assert resume_from(path, "y") is None
    assert resume_from(path, "x") is not None


def test_the_identity_follows_settings_code_and_inputs(tmp_path):
    data = tmp_path / "split.parquet"
    data.write_text("1")
    first = fit_identity({"epochs": 1}, "methods.km3aid.train", [data])
    assert fit_identity({"epochs": 1}, "methods.km3aid.train", [data]) == first
    assert fit_identity({"epochs": 2}, "methods.km3aid.train", [data]) != first
    assert fit_identity({"epochs": 1}, "methods.km3aid.select", [data]) != first
    data.write_text("2")
    assert fit_identity({"epochs": 1}, "methods.km3aid.train", [data]) != first
