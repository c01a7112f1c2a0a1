import pytest

from spectraflow.errors import InputError
from spectraflow.methods.symspectra.baselines.build import build_baseline, build_tabular, text_modalities
from spectraflow.methods.symspectra.settings import BaselineSettings
from tests.unit.methods.symspectra.baselines.small_networks import MODALITIES, SMALL, VOCABULARY, make_batch, predict

NAMES = ["a", "b", "c", "d", "e"]
NETWORKS = ["cnn", "patch_transformer", "multimodal_transformer", "transformer"]


@pytest.mark.parametrize("kind", NETWORKS)
def test_networks_by_name(kind):
    model = build_baseline(kind, MODALITIES, NAMES, SMALL, VOCABULARY, range(5))
    assert type(model).__name__.lower() in (kind.replace("_", ""), f"text{kind}")
    assert predict(model, make_batch()).shape == (8, 5)


def test_the_multimodal_transformer_does_without_text():
    model = build_baseline("multimodal_transformer", MODALITIES, NAMES, SMALL)
    assert len(model.spectra) == 3
    assert len(build_baseline("multimodal_transformer", MODALITIES, NAMES, SMALL, VOCABULARY).spectra) == 1


@pytest.mark.parametrize(
    ("kind", "more", "message"),
    [
        ("xgboost", (), "not a network"),
        ("transformer", ((), range(5)), "needs a vocabulary"),
        ("transformer", (VOCABULARY, [0, 1]), "order of all groups"),
    ],
)
def test_what_cannot_be_built_is_named(kind, more, message):
    with pytest.raises(InputError, match=message):
        build_baseline(kind, MODALITIES, NAMES, SMALL, *more)


def test_tabular_models_by_name():
    for kind in ("xgboost", "commonest"):
        assert {"fit", "probabilities", "tensors", "from_tensors"} <= set(dir(build_tabular(kind, SMALL)))
    with pytest.raises(InputError, match="xgboost, commonest"):
        build_tabular("cnn", SMALL)


def test_models_of_text():
    assert text_modalities("transformer", ["IR", "13C"], BaselineSettings()) == ["IR", "13C"]
    mixed = ["IR", "13C_max", "1H", "MS"]
    assert text_modalities("multimodal_transformer", mixed, BaselineSettings()) == ["13C_max", "1H"]
    assert text_modalities("multimodal_transformer", mixed, BaselineSettings(text=False)) == []
    assert text_modalities("cnn", ["IR", "13C"], BaselineSettings()) == []
