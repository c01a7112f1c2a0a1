import pytest

from spectraflow.errors import ConfigError
from spectraflow.methods.symspectra.settings import SymspectraRun, SymspectraSection
from spectraflow.settings import check


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"modalities": ["IR", "UV"]}, "unknown modalities: UV; known: IR"),
        ({"required": ["UV"]}, "unknown modalities: UV"),
        ({"modalities": ["IR", "IR"]}, "named twice"),
        ({"modalities": []}, "at least 1 item"),
        ({"network": {"channels": [8, 10]}}, "network.heads must divide"),
        ({"network": {"decoder": "transformer", "decoder_dim": 30}}, "network.decoder_dim must be a multiple of 4"),
        ({"baseline": {"dim": 100}}, "baseline.heads must divide"),
        ({"kind": "xgboost", "imbalance": {"strategy": "focal"}}, "xgboost takes no losses"),
        ({"kind": "commonest", "augmentation": {"kind": "vertical"}}, "commonest takes no losses or augmented"),
        ({"kind": "transformer", "imbalance": {"strategy": "mlsmote"}}, "reads text"),
        ({"kind": "transformer", "augmentation": {"kind": "vertical"}}, "reads text"),
        ({"kind": "multimodal_transformer", "imbalance": {"strategy": "mlsmote"}}, "reads text"),
    ],
)
def test_what_cannot_run_is_refused(values, message):
    with pytest.raises(ConfigError, match=message):
        check(SymspectraRun, values)


@pytest.mark.parametrize(
    "values",
    [
        {"kind": "xgboost", "imbalance": {"strategy": "mlsmote"}},
        {"kind": "transformer", "imbalance": {"strategy": "focal"}},
        {"kind": "multimodal_transformer", "baseline": {"text": False}, "imbalance": {"strategy": "mlsmote"}},
        {"kind": "multimodal_transformer", "augmentation": {"kind": "vertical"}},
        {"kind": "multimodal_transformer", "modalities": ["IR"], "imbalance": {"strategy": "mlsmote"}},
        {"network": {"decoder": "lstm", "decoder_dim": 30}},
        {"modalities": ["IR"], "required": []},
    ],
)
def test_what_can_run_is_not(values):
    check(SymspectraRun, values)


def test_the_defaults_are_the_published_training():
    training = SymspectraRun().training
    assert (training.epochs, training.batch_size, training.learning_rate) == (100, 128, 3e-4)
    assert (training.schedule, training.weight_decay, training.gradient_clip) == ("cosine", 0.0, 1.0)


def test_faults_of_grids_are_named_with_their_keys():
    grid = {"label": "orders", "vary": {"network.order": ["iupac", "backwards"]}}
    with pytest.raises(ConfigError, match=r"grids\.0 'orders': network\.order"):
        check(SymspectraSection, {"grids": [grid]})
