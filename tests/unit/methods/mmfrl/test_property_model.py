import json

import numpy as np
import pytest
import torch

from spectraflow.errors import InputError
from spectraflow.methods.mmfrl.molecular_graphs import MolecularGraphs
from spectraflow.methods.mmfrl.property_model import (
    PropertyModel,
    build_model,
    load_pretrained,
    load_property_model,
)
from spectraflow.methods.mmfrl.property_store import PropertyStore
from spectraflow.nn.dmpnn import Dmpnn
from spectraflow.training.checkpoint import save_checkpoint
from tests.unit.methods.mmfrl.small_tasks import SMILES, make_settings, number_targets, write_task

ROWS = torch.tensor([5, 0, 77, 1])


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    return write_task(tmp_path_factory.mktemp("task"), number_targets(), ["size"], "regression")


def make_model(tables, **values):
    settings = make_settings(**values)
    store = PropertyStore.read(tables)
    network = build_model(settings, 1).eval()
    return PropertyModel(settings, store.names, store.kind, store.scale, network, MolecularGraphs.read(tables.graphs))


@pytest.mark.parametrize("kind", ["dmpnn", "intermediate", "late", "attentivefp"])
def test_a_saved_model_comes_back(kind, tables, tmp_path):
    model = make_model(tables, kind=kind, encoders=3 if kind in ("intermediate", "late") else 1)
    model.save(tmp_path / "model.safetensors")
    again = load_property_model(tmp_path, tables.graphs)
    assert again.settings == model.settings
    np.testing.assert_array_equal(again.predict(ROWS), model.predict(ROWS))
    asked = [SMILES[row] for row in ROWS.tolist()]
    np.testing.assert_allclose(model.predict_smiles(asked), model.predict(ROWS), rtol=1e-4)
    assert model.predict_smiles([]).shape == (0, 1)


def test_numbers_are_predicted_in_original_units(tables):
    model = make_model(tables)
    values = model.predict(torch.arange(len(SMILES)))
    outputs = model.network(model.graphs.batch(torch.arange(len(SMILES)))).detach()
    np.testing.assert_allclose(values, outputs * model.scale.sd + model.scale.mean, rtol=1e-5)
    assert abs(values.mean() - number_targets().mean()) < 3 * number_targets().std()


def test_late_fusion_can_be_looked_into(tables):
    model = make_model(tables, kind="late", encoders=3)
    features = model.features(ROWS)
    assert [one.shape for one in features] == [(4, 24)] * 3
    c, p = model.coefficients(ROWS), model.parts(ROWS)
    outputs = (c[..., None] * p).sum(axis=1)
    np.testing.assert_allclose(model.scale.invert(torch.from_numpy(outputs)), model.predict(ROWS), rtol=1e-5)
    with pytest.raises(InputError, match="a late model has no fused embedding"):
        model.fused(ROWS)


def test_intermediate_fusion_can_be_looked_into(tables):
    model = make_model(tables, kind="intermediate", encoders=2)
    assert model.fused(ROWS).shape == (4, 24)
    assert len(model.features(ROWS)) == 2
    with pytest.raises(InputError, match="has no coefficients"):
        model.coefficients(ROWS)
    with pytest.raises(InputError, match="has no encoders to look into"):
        make_model(tables, kind="attentivefp").features(ROWS)


def test_equal_seeds_give_equal_weights_and_encoders_differ():
    one, again, other = (
        build_model(make_settings(kind="late", encoders=2, training={"seed": s}), 1) for s in (0, 0, 1)
    )
    weights = [torch.cat([p.flatten() for p in model.parameters()]) for model in (one, again, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    first, second = (torch.cat([p.flatten() for p in encoder.parameters()]) for encoder in one.encoders)
    assert not torch.equal(first, second)


def test_single_and_late_heads_start_as_in_chemprop():
    for kind, starts_at_zero in {"dmpnn": True, "intermediate": False}.items():
        model = build_model(make_settings(kind=kind), 1)
        assert (not model.head.first.bias.any()) == starts_at_zero
        assert not model.encoders[0].messages.W_o.bias.any()
    late = build_model(make_settings(kind="late"), 1)
    assert not late.heads[0].first.bias.any()
    assert late.weighers[0][0].bias.any()


def test_a_bad_smiles_is_named(tables):
    with pytest.raises(InputError, match="'C1CC' is no molecule"):
        make_model(tables).predict_smiles(["C", "C1CC"])


def write_encoder(folder, modality, hidden=24):
    """A run folder of a pre-training as far as a task model reads it."""
    encoder = Dmpnn(hidden=hidden)
    state = {"encoder": {"hidden": hidden}}
    save_checkpoint(folder / "model.safetensors", encoder.state_dict(), state)
    (folder / "settings.json").write_text(json.dumps({"settings": {"modality": modality}}))
    return encoder


@pytest.mark.parametrize("kind", ["intermediate", "late"])
def test_models_start_from_the_pretrained_encoders_in_their_order(kind, tables, tmp_path):
    modalities = ["nmr", "fingerprint"]
    settings = make_settings(kind=kind, pretraining=[{"modality": m, "encoder": {"hidden": 24}} for m in modalities])
    model, folders = build_model(settings, 1), [tmp_path / modality for modality in modalities]
    written = [write_encoder(folder, modality) for folder, modality in zip(folders, modalities, strict=True)]
    load_pretrained(model, settings, folders)
    graph = MolecularGraphs.read(tables.graphs).batch(ROWS)
    for found, encoder in zip(model.features(graph), written, strict=True):
        torch.testing.assert_close(found, encoder(graph))
    assert all(parameter.requires_grad for parameter in model.parameters()), "nothing is frozen"
    with pytest.raises(InputError, match="an encoder pre-trained on fingerprint, not on nmr"):
        load_pretrained(model, settings, folders[::-1])
    write_encoder(folders[1], "fingerprint", hidden=12)
    with pytest.raises(InputError, match="an encoder of another shape"):
        load_pretrained(model, settings, folders)


def test_missing_encoders_are_counted():
    settings = make_settings(pretraining=[{"modality": "nmr", "encoder": {"hidden": 24}}])
    with pytest.raises(InputError, match="1 pre-trained encoders are asked for, 0 are given"):
        load_pretrained(build_model(settings, 1), settings, [])
