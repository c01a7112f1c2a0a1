import pytest
import torch
from safetensors.torch import save_file

from spectraflow.errors import InputError, UnreadableFileError
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


@pytest.mark.parametrize("place", [8 + 20, -1, -3000])
def test_a_flipped_bit_is_noticed(tmp_path, place):
    path = tmp_path / "fit.safetensors"
    save_checkpoint(path, {"a": torch.arange(1000.0), "b": torch.ones(3, dtype=torch.bfloat16)}, {"identity": "x"})
    load_checkpoint(path)
    content = bytearray(path.read_bytes())
    content[place] ^= 4
    path.write_bytes(content)
    with pytest.raises(UnreadableFileError, match=r"fit\.safetensors: not a readable checkpoint"):
        load_checkpoint(path)


@pytest.mark.parametrize("name", [b"crc32", b"state"])
def test_a_flipped_bit_in_the_name_of_a_checksum_is_noticed(tmp_path, name):
    path = tmp_path / "fit.safetensors"
    save_checkpoint(path, {"a": torch.ones(3)}, {"identity": "x"})
    path.write_bytes(path.read_bytes().replace(b'"' + name + b'"', b'"x' + name[1:] + b'"'))
    with pytest.raises(UnreadableFileError, match="bytes have changed"):
        load_checkpoint(path)


@pytest.mark.parametrize("state", ["{", "[]"])
def test_a_state_that_is_no_json_object_is_named(tmp_path, state):
    path = tmp_path / "fit.safetensors"
    save_file({"a": torch.ones(1)}, path, metadata={"state": state})
    with pytest.warns(UserWarning, match="training starts from the beginning"):
        assert resume_from(path, "x") is None


def test_weights_of_others_need_no_checksum(tmp_path):
    save_file({"a": torch.ones(1)}, tmp_path / "w.safetensors")
    assert load_checkpoint(tmp_path / "w.safetensors")[0]["a"].item() == 1


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
