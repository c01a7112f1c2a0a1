import pytest
import torch

from spectraflow.errors import InputError
from spectraflow.methods.symspectra.models import Context, build_model, flat_vectors, load_model
from spectraflow.methods.symspectra.train import read_data
from spectraflow.training.checkpoint import save_checkpoint
from tests.unit.methods.symspectra.small_spectra import NAMES, make_settings, write_tables

CONTEXT = Context(NAMES, [2, 0, 3, 1], [0.5, 0.4, 0.3, 0.3], [])


def test_weights_depend_on_the_seed_alone():
    torch.manual_seed(1)
    one = build_model(make_settings(), CONTEXT).state_dict()
    torch.manual_seed(2)
    again = build_model(make_settings(), CONTEXT).state_dict()
    other = build_model(make_settings(training={"seed": 1}), CONTEXT).state_dict()
    assert all(torch.equal(one[name], again[name]) for name in one)
    assert not torch.equal(one["network.joint.weight"], other["network.joint.weight"])


def test_missing_spectra_are_not_numbers_to_trees(tmp_path):
    settings = make_settings(modalities=["IR", "13C"], required=[])
    store = read_data(settings, write_tables(tmp_path, 12, no_13C=[1])).store
    flat = flat_vectors(store, torch.tensor([1, 0]))
    assert flat.shape == (2, 1200)
    assert (flat[0, :600] == store.vectors[1, 0].numpy()).all()
    assert (flat[1] == store.vectors[0].flatten().numpy()).all()
    assert (flat[0, 600:] != flat[0, 600:]).all()


def test_a_file_that_is_no_model_is_named(tmp_path):
    save_checkpoint(tmp_path / "model", {"x": torch.zeros(1)}, {"settings": {"kind": "unknown"}, "context": {}})
    with pytest.raises(InputError, match="model: not a model of functional groups"):
        load_model(tmp_path / "model")
    (tmp_path / "text").write_text("no weights")
    with pytest.raises(InputError, match="not a readable checkpoint"):
        load_model(tmp_path / "text")
