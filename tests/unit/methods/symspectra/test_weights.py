import math

import pytest
import torch

from spectraflow.methods.symspectra.weights import dynamic_weights, pointwise_cmi, scale_gradient


def logit(probability: float) -> float:
    return math.log(probability / (1 - probability))


def test_information_of_a_hand_made_case():
    """The truth has 0.8 and 0.9 with all modalities; 0.4 and 0.9 without the first, 0.8 and 0.3 without the second."""
    labels = torch.tensor([[1.0, 0.0]])
    main = torch.tensor([[logit(0.8), logit(0.1)]])
    auxiliary = torch.tensor([[[logit(0.4), logit(0.1)]], [[logit(0.8), logit(0.7)]]])
    expected = {
        "max": [math.log(2), math.log(3)],
        "mean": [math.log(2) / 2, math.log(3) / 2],
        "sum": [math.log(2), math.log(3)],
    }
    for reduce, values in expected.items():
        torch.testing.assert_close(pointwise_cmi(main, auxiliary, labels, reduce), torch.tensor([values]))


def test_a_modality_that_misleads_has_negative_information():
    found = pointwise_cmi(torch.tensor([[-1.0]]), torch.tensor([[[1.0]]]), torch.tensor([[1.0]]))
    assert float(found) == pytest.approx(-1.0)  # log sigmoid(-1) - log sigmoid(1)


def test_no_gradient_reaches_information_or_weights():
    main = torch.randn(16, 4, requires_grad=True)
    auxiliary = torch.randn(2, 16, 4, requires_grad=True)
    cmi = pointwise_cmi(main, auxiliary, torch.ones(16, 4))
    assert not cmi.requires_grad
    assert not any(one.requires_grad for one in dynamic_weights(cmi.requires_grad_(), 0.3, 0.3))


def test_weights_follow_the_formula():
    cmi = torch.randn(32, 5)
    samples, features = dynamic_weights(cmi, 0.3, 0.5)
    by_sample = cmi.mean(1)
    expected = 1 + 0.3 * (by_sample - by_sample.mean()) / by_sample.std(correction=0)
    torch.testing.assert_close(samples, expected.clamp_min(0))
    expected = 1 + 0.5 * (cmi - cmi.mean()) / cmi.std(correction=0)
    torch.testing.assert_close(features, expected.clamp_min(0))
    assert float(samples.mean()) == pytest.approx(1, abs=0.02)
    assert float(features.mean()) == pytest.approx(1, abs=0.05)


def test_weights_are_never_negative():
    samples, features = dynamic_weights(torch.randn(64, 5), 5.0, 5.0)
    assert float(samples.min()) == float(features.min()) == 0


@pytest.mark.parametrize("size", [1, 7, 8])
def test_small_batches_are_not_weighted(size):
    samples, features = dynamic_weights(torch.randn(size, 5), 0.3, 0.3)
    unweighted = bool((samples == 1).all() and (features == 1).all())
    assert unweighted == (size < 8)


def test_equal_information_gives_equal_weights():
    samples, features = dynamic_weights(torch.full((8, 3), 0.7), 0.3, 0.3)
    torch.testing.assert_close(samples, torch.ones(8), atol=1e-3, rtol=0)
    torch.testing.assert_close(features, torch.ones(8, 3), atol=1e-3, rtol=0)


@pytest.mark.parametrize("factor", [0.0, 1.0, -0.5, 2.0])
def test_scaled_gradients_leave_values_alone(factor):
    x = torch.randn(5, requires_grad=True)
    scaled = scale_gradient(x, factor)
    torch.testing.assert_close(scaled, x)
    if factor == 0:
        assert not scaled.requires_grad
        return
    (scaled * torch.arange(5.0)).sum().backward()
    torch.testing.assert_close(x.grad, factor * torch.arange(5.0))
