from pathlib import Path

import numpy as np
import pytest
import torch
import xgboost
from safetensors.torch import load_file, save_file

from spectraflow.errors import InputError
from spectraflow.methods.matchnet.baselines.boosted_trees import BoostedTrees, TreeFeatures, pooled
from spectraflow.tables import MATCHING_SPECTRA, RENDERED, TableWriter

WIDTH = 256
SMILES = {"a": "CCO", "b": "Cc1ccccc1", "c": "CC(C)=O"}


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    features = rng.random((200, 8)).astype(np.float32)
    return features, features[:, 0] + features[:, 1] > 1


@pytest.fixture(scope="module")
def model(data):
    return BoostedTrees(12).fit(*data)


def test_logits_tell_matching_pairs(model, data):
    logits = model.logits(data[0])
    assert logits.shape == (200,)
    assert ((logits > 0) == data[1]).mean() > 0.95


def test_logits_are_those_of_xgboost(model, data):
    peer = xgboost.XGBClassifier(n_estimators=12, max_depth=6, tree_method="hist").fit(*data)
    probabilities = 1 / (1 + np.exp(-model.logits(data[0])))
    assert probabilities == pytest.approx(peer.predict_proba(data[0])[:, 1], abs=1e-5)


def test_a_logit_does_not_depend_on_the_other_pairs(model, data):
    assert np.array_equal(model.logits(data[0][7:8]), model.logits(data[0])[7:8])


def test_a_file_of_tensors_keeps_the_model(model, data, tmp_path):
    save_file(model.tensors(), tmp_path / "model.safetensors")
    again = BoostedTrees.from_tensors(12, load_file(tmp_path / "model.safetensors"))
    assert np.array_equal(again.logits(data[0]), model.logits(data[0]))


def test_other_tensors_are_refused():
    with pytest.raises(InputError, match="not the tensors"):
        BoostedTrees.from_tensors(12, {})
    with pytest.raises(InputError, match="not a model of XGBoost"):
        BoostedTrees.from_tensors(12, {"booster": torch.zeros(10, dtype=torch.uint8)})


def test_training_needs_both_kinds_of_pairs(data):
    with pytest.raises(InputError, match="pairs that do not"):
        BoostedTrees(12).fit(data[0], np.ones(200, bool))
    with pytest.raises(InputError, match="not trained"):
        BoostedTrees(12).logits(data[0])


@pytest.mark.parametrize(("width", "bins"), [(256, 64), (100, 64), (64, 64), (16, 16)])
def test_pooled_columns_keep_every_peak(width, bins):
    found = pooled(np.eye(width, dtype=np.float32))
    assert found.shape == (width, bins)
    assert (found.sum(1) == 1).all()
    assert (np.diff(found.argmax(1)) >= 0).all()


@pytest.fixture
def files(tmp_path: Path):
    columns = {"a": (3, 200), "b": (40, 120), "c": (90, 10)}
    with TableWriter(tmp_path / "spectra.parquet", MATCHING_SPECTRA) as writer:
        writer.write_rows(
            [
                {
                    "molecule_id": name,
                    "first_block": name,
                    "smiles": smiles,
                    "fingerprint": np.packbits(np.arange(2048) == row).tobytes(),
                    "carbon_ppm": [20.0, 60.0],
                    "proton_ppm": [1.0] if name == "a" else [],
                    "origin": "measured",
                }
                for row, (name, smiles) in enumerate(SMILES.items())
            ]
        )

    def write(names):
        with TableWriter(tmp_path / "rendered.parquet", RENDERED) as writer:
            for name in names:
                high = [(np.arange(WIDTH) == place).astype(np.float32).tolist() for place in columns[name]]
                low = [0.0] * WIDTH
                parts = zip(("proton_high", "carbon_high", "proton_low", "carbon_low"), [*high, low, low], strict=True)
                writer.write_rows([{"molecule_id": name, **dict(parts)}])
        return tmp_path / "spectra.parquet", tmp_path / "rendered.parquet"

    return write


def test_features_of_a_pair_are_the_candidates_bits_and_the_owners_spectrum(files):
    features = TreeFeatures.read(*files("cba"))
    found = features.of_pairs(np.array([0, 1]), np.array([1, 2]))
    assert found.dtype == np.float32
    assert found.shape == (2, 2048 + 128 + 15)
    assert np.flatnonzero(found[:, :2048]).tolist() == [1, 2048 + 2]
    assert np.flatnonzero(found[0, 2048:2176]).tolist() == [3 // 4, 64 + 200 // 4]
    assert np.flatnonzero(found[1, 2048:2176]).tolist() == [40 // 4, 64 + 120 // 4]
    assert found[0, 2176:].tolist() == [2, 0, 0, 1, 1, 5, 4, 0, 0, 4, 3, 4, 0, 1, 3]
    assert np.isnan(found[1, [2176 + 4, 2176 + 14]]).all()


def test_features_of_a_pair_do_not_depend_on_the_other_pairs(files):
    features = TreeFeatures.read(*files("abc"))
    together = features.of_pairs(np.array([0, 1, 2]), np.array([2, 2, 0]))
    assert np.array_equal(features.of_pairs(np.array([1]), np.array([2]))[0], together[1], equal_nan=True)


def test_a_molecule_that_was_not_rendered_is_named(files):
    with pytest.raises(InputError, match=r"rendered\.parquet.* c$"):
        TreeFeatures.read(*files("ab"))
