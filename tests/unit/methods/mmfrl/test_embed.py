import numpy as np
import pytest
import torch

from spectraflow.errors import ConfigError, InputError
from spectraflow.files import read_json
from spectraflow.methods.mmfrl.embed import embed_modality, embedding_settings, read_embeddings
from spectraflow.methods.mmfrl.settings import EMBEDDED
from tests.unit.methods.mmfrl.small_pretraining import SMILES, small_run, write_pretraining


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return write_pretraining(tmp_path_factory.mktemp("pretraining"))


@pytest.mark.parametrize("modality", EMBEDDED)
def test_every_molecule_is_embedded_and_the_training_described(files, tmp_path, modality):
    out = tmp_path / "targets.npy"
    embed_modality(small_run(), modality, files.pretraining, out, tmp_path / "checkpoints")
    embeddings = read_embeddings(out, len(SMILES))
    assert len(np.unique(embeddings.float().numpy().round(3), axis=0)) > 0.8 * len(SMILES)
    report = read_json(tmp_path / "targets.json")
    losses = [record["val/loss"] for record in report["history"]]
    assert min(losses[1:]) < losses[0]
    assert report["parts"]["train"] + report["parts"]["held_out"] == len(SMILES)
    assert report["leaks"] is False
    assert -1 <= report["mean_cosine"]["centred"] < report["mean_cosine"]["as_it_is"] <= 1
    assert not list((tmp_path / "checkpoints").glob("*"))


def test_a_repeated_training_gives_the_same_embeddings(files, tmp_path):
    for name in ("one", "other"):
        embed_modality(small_run(), "nmr", files.pretraining, tmp_path / f"{name}.npy", tmp_path / name)
    one, other = (read_embeddings(tmp_path / f"{name}.npy", len(SMILES)) for name in ("one", "other"))
    assert torch.equal(one, other)


@pytest.mark.parametrize("modality", ["fingerprint", "peak"])
def test_modalities_without_embeddings_are_refused(files, tmp_path, modality):
    with pytest.raises(ConfigError, match="needs no embeddings"):
        embed_modality(small_run(), modality, files.pretraining, tmp_path / "out.npy", tmp_path)


def test_ids_depend_on_what_the_embeddings_do():
    plain = embedding_settings(small_run(), "nmr")
    assert embedding_settings(small_run(modality="peak", loss={"centred": True}), "nmr") == plain
    assert embedding_settings(small_run(targets={"image": {"dim": 9}}), "nmr") == plain
    for difference in ({"dedupe": "none"}, {"molecules": 50}, {"targets": {"nmr": {"dim": 9}}}):
        assert embedding_settings(small_run(**difference), "nmr") != plain


def test_damaged_embeddings_are_named(tmp_path):
    path = tmp_path / "embeddings.npy"
    with pytest.raises(InputError, match=r"embeddings\.npy"):
        read_embeddings(path, 2)
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(InputError, match="not a file of embeddings"):
        read_embeddings(path, 2)
    np.save(path, np.zeros((3, 4), np.float16))
    with pytest.raises(InputError, match="3 embeddings, but 2"):
        read_embeddings(path, 2)
    np.save(path, np.full((2, 4), np.nan, np.float16))
    with pytest.raises(InputError, match="not a finite number"):
        read_embeddings(path, 2)
