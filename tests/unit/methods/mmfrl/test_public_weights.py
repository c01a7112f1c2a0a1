import json

import pytest
import torch
from transformers import RobertaConfig, RobertaModel

from spectraflow.errors import ChecksumError, ConfigError, InputError
from spectraflow.methods.mmfrl.public_weights import (
    CRESS_SPECTRUM,
    IMG2MOL,
    TOKENIZER,
    explicit_hydrogens,
    img2mol_network,
    load_released_encoder,
    public_embeddings,
    read_weights,
)
from spectraflow.methods.mmfrl.settings import EncoderSettings, TargetSettings
from spectraflow.nn.dmpnn import Dmpnn
from spectraflow.nn.spectrum_encoder import SpectrumEncoder
from spectraflow.provenance import file_sha256
from spectraflow.store.ragged import Ragged

SHIFTS = Ragged(torch.tensor([20.0, 60.0, 20.0, 130.0]), torch.tensor([0, 2, 4]))
MOLECULES = ["CCO", "CCN"]


def saved(path, tensors, source="cress"):
    torch.save(tensors, path)
    return TargetSettings(source=source, weights=str(path), sha256=file_sha256(path))


def cress_spectrum_weights(encoder):
    old_of = {new: old for old, new in CRESS_SPECTRUM.items()}
    return {
        old_of[new] + name.removeprefix(new): tensor
        for name, tensor in encoder.state_dict().items()
        for new in old_of
        if name.startswith(f"{new}.")
    }


def test_cress_spectra_are_embedded_as_its_encoder_does(tmp_path):
    encoder = SpectrumEncoder()
    settings = saved(tmp_path / "nmr.pth", {**cress_spectrum_weights(encoder), "logit_scale": torch.tensor(1.0)})
    spectra = torch.zeros(2, 4000)
    spectra[0, [700, 1100]] = spectra[1, [700, 1800]] = 1
    found = public_embeddings(settings, "nmr", MOLECULES, SHIFTS)
    torch.testing.assert_close(found, encoder(spectra).detach())


def tokenizer_of_characters(folder):
    folder.mkdir()
    tokens = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", *"CNOH[]()=c1"]
    (folder / "vocab.json").write_text(json.dumps({token: code for code, token in enumerate(tokens)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    return len(tokens)


def test_cress_smiles_are_read_with_the_sizes_of_the_weights(tmp_path):
    words = tokenizer_of_characters(tmp_path / TOKENIZER)
    config = RobertaConfig(
        vocab_size=words,
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=1,
        max_position_embeddings=80,
        type_vocab_size=1,
    )
    tower = RobertaModel(config)
    tensors = {
        f"{copy}.{name}": value for name, value in tower.state_dict().items() for copy in ("model", "smiles_model")
    }
    tensors |= {"dense.weight": torch.randn(64, 64), "dense.bias": torch.zeros(64)}
    found = public_embeddings(saved(tmp_path / "smiles.pth", tensors), "smiles", MOLECULES, SHIFTS)
    torch.testing.assert_close(found.norm(dim=1), torch.ones(2))
    assert not torch.allclose(found[0], found[1], atol=1e-5)
    (tmp_path / TOKENIZER).rename(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="tokenizer belongs beside"):
        public_embeddings(saved(tmp_path / "smiles.pth", tensors), "smiles", MOLECULES, SHIFTS)


def test_hydrogens_are_written_for_cress():
    assert explicit_hydrogens("CO") == "[H]OC([H])([H])[H]"


def img2mol_weights():
    tensors, place, before = {}, 0, 1
    for layer in IMG2MOL:
        if layer is not None:
            tensors[f"features.{place}.weight"] = torch.randn(2, before, layer[0], layer[0])
            tensors[f"features.{place}.bias"] = torch.zeros(2)
            before = 2
        place += 1 if layer is None else 2
    for number, (inputs, outputs) in {0: (2 * 81, 4), 3: (4, 4), 6: (4, 3)}.items():
        tensors[f"classifier.{number}.weight"] = torch.randn(outputs, inputs)
        tensors[f"classifier.{number}.bias"] = torch.zeros(outputs)
    return tensors


def test_img2mol_sees_pictures_of_224_pixels(tmp_path):
    tensors = img2mol_weights()
    network = img2mol_network(tensors)
    assert set(network.state_dict()) == set(tensors)
    found = public_embeddings(
        saved(tmp_path / "model.ckpt", {"state_dict": tensors}, "img2mol"), "image", ["CC"], SHIFTS
    )
    assert found.shape == (1, 3)
    assert found.abs().max() <= 1


def test_a_released_encoder_computes_what_its_weights_say(tmp_path):
    encoder = Dmpnn(hidden=8)
    names = {f"encoder.0{name.removeprefix('messages')}": value for name, value in encoder.state_dict().items()}
    path = tmp_path / "released.pt"
    torch.save({**names, "encoder.0.cached_zero_vector": torch.zeros(8)}, path)
    loaded = load_released_encoder(path, file_sha256(path), EncoderSettings(hidden=8))
    assert all(torch.equal(value, loaded.state_dict()[name]) for name, value in encoder.state_dict().items())
    with pytest.raises(InputError, match="another network"):
        load_released_encoder(path, file_sha256(path), EncoderSettings(hidden=9))


def test_only_the_expected_file_is_read(tmp_path):
    path = tmp_path / "weights.pth"
    with pytest.raises(InputError, match="no such file"):
        read_weights(path, "0")
    torch.save({"a": torch.zeros(1), "logit_scale": torch.zeros(1)}, path)
    with pytest.raises(ChecksumError, match="SHA-256"):
        read_weights(path, "0" * 64)
    assert list(read_weights(path, file_sha256(path).upper())) == ["a"]


class Harmful:
    def __reduce__(self):
        return (print, ("run while reading",))


def test_code_in_a_file_is_not_run(tmp_path, capsys):
    path = tmp_path / "weights.pth"
    torch.save({"a": Harmful()}, path)
    with pytest.raises(InputError, match="safely"):
        read_weights(path, file_sha256(path))
    assert "run while reading" not in capsys.readouterr().out


def test_a_source_without_the_modality_is_refused(tmp_path):
    settings = saved(tmp_path / "nmr.pth", {"a": torch.zeros(1)})
    with pytest.raises(ConfigError, match="cress has no encoder of the modality image"):
        public_embeddings(settings, "image", MOLECULES, SHIFTS)


def test_weights_of_another_network_are_refused(tmp_path):
    settings = saved(tmp_path / "nmr.pth", {"a": torch.zeros(1)})
    for modality in ("nmr", "smiles"):
        with pytest.raises(InputError, match=r"nmr\.pth|tokenizer"):
            public_embeddings(settings, modality, MOLECULES, SHIFTS)
