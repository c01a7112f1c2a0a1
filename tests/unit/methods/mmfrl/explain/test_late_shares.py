import numpy as np
import pytest

from spectraflow.methods.mmfrl.explain.late_shares import late_shares

NAMES = ("smiles", "nmr", "peak")


@pytest.fixture
def sums():
    """200 molecules: smiles has the target, nmr is constant, the coefficient of peak is dead."""
    generator = np.random.default_rng(0)
    target = generator.normal(size=200)
    predictions = np.stack([target / 2, np.full(200, 3.0), generator.normal(size=200)], axis=1)
    return np.array([[2.0, 0.5, 0.0]]).repeat(200, axis=0), predictions, target + 1.5


def test_the_encoder_that_carries_the_target_has_all_shares(sums):
    found = late_shares(NAMES, *sums, "regression")
    shares = {name: found["encoders"][name] for name in NAMES}
    assert [shares[name]["variance_share"] for name in NAMES] == pytest.approx([1, 0, 0], abs=1e-12)
    assert [shares[name]["covariance_share"] for name in NAMES] == pytest.approx([1, 0, 0], abs=1e-12)
    assert [shares[name]["active"] for name in NAMES] == [1, 1, 0]
    assert found["error"] == "rmse"


def test_error_without_an_encoder(sums):
    measured = sums[2]
    found = late_shares(NAMES, *sums, "regression")["encoders"]
    expected = measured.std()  # the predictions are exact: without smiles the mean is left
    assert found["smiles"]["without"]["value"] == pytest.approx(expected)
    assert found["smiles"]["without"]["low"] < expected < found["smiles"]["without"]["high"]
    assert found["nmr"]["without"]["value"] == pytest.approx(0, abs=1e-9)
    assert found["peak"]["without"]["value"] == pytest.approx(0, abs=1e-9)


def test_opposed_encoders_show_as_negative():
    values = np.random.default_rng(0).normal(size=50)
    products = np.stack([3 * values, -values], axis=1)
    found = late_shares(("a", "b"), np.ones((50, 2)), products, 2 * values, "regression")["encoders"]
    assert found["a"]["covariance_share"] == pytest.approx(1.5)
    assert found["b"]["covariance_share"] == pytest.approx(-0.5)
    assert found["a"]["variance_share"] == pytest.approx(0.9)


def test_a_factor_between_coefficient_and_prediction_changes_no_product(sums):
    coefficients, predictions, measured = sums
    one = late_shares(NAMES, coefficients, predictions, measured, "regression")["encoders"]
    other = late_shares(NAMES, coefficients * 4, predictions / 4, measured, "regression")["encoders"]
    for name in NAMES:
        assert one[name]["product"]["quantiles"] == pytest.approx(other[name]["product"]["quantiles"])
        assert one[name]["without"] == pytest.approx(other[name]["without"], abs=1e-9)


def test_logarithmic_loss_of_logits():
    """By hand: logits of +-2 that are right; without them the mean logit 0 costs ln 2."""
    measured = np.array([1.0, 0, 1, 0, np.nan])
    logits = np.array([[2.0], [-2], [2], [-2], [50]])
    found = late_shares(("a",), np.ones((5, 1)), logits, measured, "classification")
    without = found["encoders"]["a"]["without"]
    assert found["error"] == "log_loss"
    assert without["value"] == pytest.approx(np.log(2) - np.log1p(np.exp(-2)))
    assert without["n"] == 4, "a molecule that was not measured has no error"


def test_nothing_measured_or_shapes_that_differ():
    found = late_shares(("a",), np.ones((3, 1)), np.ones((3, 1)), np.full(3, np.nan), "regression")
    assert found["encoders"]["a"]["without"] == {"value": None, "low": None, "high": None, "n": 0}
    assert found["encoders"]["a"]["variance_share"] is None
    with pytest.raises(ValueError, match="do not fit"):
        late_shares(("a", "b"), np.ones((3, 1)), np.ones((3, 1)), np.ones(3), "regression")
