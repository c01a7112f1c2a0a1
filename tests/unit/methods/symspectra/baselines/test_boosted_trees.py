import numpy as np
import pytest
import torch
import xgboost
from safetensors.torch import load_file, save_file

from spectraflow.errors import InputError
from spectraflow.methods.symspectra.baselines.boosted_trees import BoostedTrees
from spectraflow.methods.symspectra.settings import BaselineSettings

SETTINGS = BaselineSettings(trees=12, depth=3)


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    vectors = rng.random((120, 8)).astype(np.float32)
    labels = np.stack([vectors[:, 0] > 0.5, vectors[:, 1] + vectors[:, 2] > 1, np.zeros(120), np.ones(120)], 1)
    return vectors, labels.astype(np.float32)


@pytest.fixture(scope="module")
def model(data):
    return BoostedTrees(SETTINGS).fit(*data)


def test_groups_are_learned_and_constant_ones_stay_constant(model, data):
    vectors, labels = data
    found = model.probabilities(vectors)
    assert found.dtype == np.float32
    assert ((found >= 0.5) == labels)[:, 0].mean() == 1
    assert ((found >= 0.5) == labels)[:, 1].mean() > 0.95
    assert (found[:, 2] == 0).all()
    assert (found[:, 3] == 1).all()


def test_every_group_is_a_model_of_its_own_as_xgboost_makes_it(model, data):
    vectors, labels = data
    peer = xgboost.XGBClassifier(n_estimators=12, max_depth=3, tree_method="hist").fit(vectors, labels[:, 1])
    assert np.abs(peer.predict_proba(vectors)[:, 1] - model.probabilities(vectors)[:, 1]).max() < 1e-5


def test_missing_values_are_allowed(model, data):
    vectors, labels = data[0].copy(), data[1]
    vectors[:60, 4:] = np.nan
    found = BoostedTrees(SETTINGS).fit(vectors, labels).probabilities(vectors)
    assert np.isfinite(found).all()


def test_a_file_of_tensors_keeps_the_model(model, data, tmp_path):
    save_file(model.tensors(), tmp_path / "model.safetensors")
    again = BoostedTrees.from_tensors(SETTINGS, load_file(tmp_path / "model.safetensors"))
    assert np.array_equal(again.probabilities(data[0]), model.probabilities(data[0]))


def test_other_tensors_are_refused(model):
    with pytest.raises(InputError, match="not the tensors"):
        BoostedTrees.from_tensors(SETTINGS, {})
    broken = {**model.tensors(), "booster.0": torch.zeros(10, dtype=torch.uint8)}
    with pytest.raises(InputError, match=r"booster\.0"):
        BoostedTrees.from_tensors(SETTINGS, broken)
