import copy

import pytest
import torch
from torch import nn

from spectraflow.methods.mmfrl.fusion import IntermediateFusion, LateFusion


class Scaled(nn.Module):
    """Stands for an encoder: a linear map of what is no graph here but a matrix."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 6)

    def forward(self, graph):
        return self.linear(graph)


def make(kind, count=5, **values):
    torch.manual_seed(0)
    return kind([Scaled() for _ in range(count)], width=6, hidden=8, targets=3, **values)


GRAPH = torch.randn(10, 4, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("coefficients", ["none", "softmax"])
def test_late_fusion_sums_over_all_encoders(coefficients):
    model = make(LateFusion, coefficients=coefficients)
    features = model.features(GRAPH)
    c, p = model.coefficients(features), model.parts(features)
    assert c.shape == (10, 5)
    assert p.shape == (10, 5, 3)
    expected = sum(c[:, k, None] * p[:, k] for k in range(5))
    torch.testing.assert_close(model(GRAPH), expected)
    if coefficients == "softmax":
        torch.testing.assert_close(c.sum(dim=1), torch.ones(10))
        assert (c > 0).all()


def test_every_coefficient_and_prediction_learns():
    model = make(LateFusion)
    features = model.features(GRAPH)
    c, p = model.coefficients(features), model.parts(features)
    c.retain_grad()
    p.retain_grad()
    model.coefficients, model.parts = (lambda _: c), (lambda _: p)
    model.outputs(features).square().sum().backward()
    assert (c.grad.abs().sum(dim=0) > 0).all()
    assert (p.grad.abs().sum(dim=(0, 2)) > 0).all()
    for branches in (model.encoders, model.heads, model.weighers):
        for branch in branches:
            assert any(parameter.grad is not None and parameter.grad.any() for parameter in branch.parameters())


@pytest.mark.parametrize("kind", [LateFusion, IntermediateFusion])
def test_training_and_evaluation_give_the_same_outputs(kind):
    model = make(kind)
    torch.testing.assert_close(model.train()(GRAPH), model.eval()(GRAPH), rtol=0, atol=0)


def test_order_of_the_branches_does_not_matter():
    model = make(LateFusion)
    turned, order = copy.deepcopy(model), [3, 0, 4, 1, 2]
    for name in ("encoders", "heads", "weighers"):
        setattr(turned, name, nn.ModuleList(getattr(turned, name)[k] for k in order))
    torch.testing.assert_close(turned(GRAPH), model(GRAPH))


def test_intermediate_fusion_shows_the_embedding_it_predicts_from():
    model = make(IntermediateFusion)
    features = model.features(GRAPH)
    fused = model.fused(features)
    assert fused.shape == (10, 8)
    assert (fused >= 0).all()
    torch.testing.assert_close(model.head.last(fused), model(GRAPH))
    model(GRAPH).sum().backward()
    assert all(encoder.linear.weight.grad.any() for encoder in model.encoders)
