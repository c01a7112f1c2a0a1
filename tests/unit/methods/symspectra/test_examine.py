import json
import math

import numpy as np
import pytest

from spectraflow.errors import InputError
from spectraflow.methods.symspectra.examine import EXTREMES, NOISE, examine
from spectraflow.methods.symspectra.settings import SymspectraRun
from spectraflow.methods.symspectra.train import train
from tests.unit.methods.symspectra.small_spectra import MODALITIES, NAMES, make_settings, write_tables

STRENGTHS = (0.02, 5.0)
"""In place of the published ones, which the small model sees through: the second drowns every peak."""
SCORES = ("groups/micro_f1", "groups/macro_f1_present", "groups/exact_match")


@pytest.fixture(scope="module")
def found(trained_run, tmp_path_factory):
    out = tmp_path_factory.mktemp("examined") / "examination.json"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("spectraflow.methods.symspectra.examine.NOISE", STRENGTHS)
        returned = examine(trained_run.folder, trained_run.tables, out)
    assert json.loads(out.read_text()) == returned
    return returned


def micro(scores):
    return scores["groups/micro_f1"]["value"]


def test_with_nothing_changed_the_scores_are_those_of_the_run(found, trained_run):
    expected = {name: trained_run.metrics["parts"]["test"][name] for name in SCORES}
    assert found["missing"]["none"] == expected
    assert found["noise"]["0"] == expected


def test_without_a_spectrum_less_is_found(found):
    assert set(found["missing"]) == {"none", *MODALITIES}
    for name in MODALITIES:
        assert micro(found["missing"][name]) < micro(found["missing"]["none"])


def test_noise_is_of_every_strength_and_the_strongest_hurts_most(found):
    assert list(found["noise"]) == ["0", *map(str, STRENGTHS)]
    assert micro(found["noise"]["5.0"]) < min(micro(found["noise"]["0.02"]), micro(found["noise"]["0"]))
    assert NOISE == (0.02, 0.04, 0.06, 0.08, 0.1), "Fig. 5b"


def test_importance_is_a_mean_share_kept(found):
    for name in MODALITIES:
        by_token = found["importance"]["by_token"][name]
        assert set(by_token) == {"all", "fewest groups", "most groups"}
        for shares in by_token.values():
            assert len(shares) == 150
            assert all(0 <= share <= 1 for share in shares)
    by_groups = found["importance"]["by_groups"]
    assert set(by_groups) <= {"0", "1", "2", "3", "4"}
    mean = np.mean([found["importance"]["by_token"][name]["all"] for name in MODALITIES])
    assert min(by_groups.values()) <= mean <= max(by_groups.values())
    assert EXTREMES == 5


def test_weights_by_number_of_groups_and_by_label(found):
    weights = found["weights"]
    assert set(weights["labels"]) == set(weights["labels_of_positives"]) == set(NAMES)
    assert np.mean(list(weights["labels"].values())) == pytest.approx(1, abs=0.1)
    assert all(value >= 0 for value in weights["samples_by_groups"].values())


def test_normality_of_the_features_of_each_modality(found):
    for name in MODALITIES:
        (tests,) = found["normality"][name].values()
        assert tests["channels"] + tests["constant"] == 16
        assert 0 <= tests["shapiro_rejected"] <= 1
    assert set(found["normality"]["IR"]) == {"50"}


def test_other_models_are_refused(trained_run, tmp_path):
    tables = write_tables(tmp_path, 12)
    train(make_settings(kind="commonest"), tables, tmp_path / "run", tmp_path / "checkpoints")
    with pytest.raises(InputError, match="a commonest; only SymSpectra has gates"):
        examine(tmp_path / "run", tables, tmp_path / "out.json")
    assert not (tmp_path / "out.json").exists()


@pytest.mark.parametrize(
    "difference",
    [
        {"modalities": ["13C"]},
        {"network": {"auxiliary": "none", "gate": "off", "decoder": "none"}},
        {"modalities": ["IR", "13C"], "required": ["13C"], "network": {"prior": "gamma", "gate": "hard_st"}},
    ],
    ids=["one", "bare", "partial"],
)
def test_variants_are_examined(difference, tmp_path):
    settings = make_settings(training={"epochs": 1}, **difference)
    assert isinstance(settings, SymspectraRun)
    tables = write_tables(tmp_path, 24, no_IR=[5, 11])
    train(settings, tables, tmp_path / "run", tmp_path / "checkpoints")
    found = examine(tmp_path / "run", tables, tmp_path / "out.json")
    assert set(found["missing"]) == ({"none"} if len(settings.modalities) == 1 else {"none", *MODALITIES})
    assert (found["weights"] == {}) == (settings.network.auxiliary == "none")
    shares = [share for by in found["importance"]["by_token"].values() for share in by["all"]]
    assert all(math.isfinite(share) for share in shares)
    if settings.network.gate == "off":
        assert set(shares) == {1.0}
