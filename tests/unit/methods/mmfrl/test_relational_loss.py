import pytest
import torch

from spectraflow.methods.mmfrl.relational_loss import cosines, mixed_rows, relational_loss, target_rows

SIZE = 7


def draw(seed: int = 0, width: int = 5) -> torch.Tensor:
    return torch.randn(SIZE, width, generator=torch.Generator().manual_seed(seed))


def symmetric(seed: int) -> torch.Tensor:
    return cosines(draw(seed))


@pytest.mark.parametrize("include_self", [True, False])
@pytest.mark.parametrize("tau", [1.0, 0.05])
def test_target_rows_sum_to_one(tau, include_self):
    rows = target_rows(symmetric(0), tau, include_self)
    torch.testing.assert_close(rows.sum(1), torch.ones(SIZE))
    assert bool((rows.diagonal() == 0).all()) is not include_self


def test_an_early_mixture_sums_to_one_and_is_no_mixture_of_similarities():
    similarities = {"nmr": symmetric(1), "image": symmetric(2)}
    weights = {"image": 0.7, "nmr": 0.3}
    mixture = mixed_rows({name: target_rows(one, 0.1, True) for name, one in similarities.items()}, weights)
    torch.testing.assert_close(mixture.sum(1), torch.ones(SIZE))
    expected = 0.7 * (similarities["image"] / 0.1).softmax(1) + 0.3 * (similarities["nmr"] / 0.1).softmax(1)
    torch.testing.assert_close(mixture, expected)
    of_sums = target_rows(0.7 * similarities["image"] + 0.3 * similarities["nmr"], 0.1, True)
    assert (mixture - of_sums).abs().max() > 0.01


@pytest.mark.parametrize("include_self", [True, False])
@pytest.mark.parametrize("tau", [1.0, 0.2])
def test_equal_similarities_are_the_optimum(tau, include_self):
    embeddings = draw().requires_grad_()
    targets = target_rows(cosines(embeddings.detach()), tau, include_self)
    found = relational_loss(embeddings, targets, tau, include_self=include_self)
    (gradient,) = torch.autograd.grad(found.value, embeddings)
    assert gradient.abs().max() < 1e-6
    assert float(found.excess) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("tau", [1.0, 0.25])
def test_gradient_of_a_similarity_is_student_minus_target_row(tau):
    # by the chain rule over a = u u^T, so that the formula for dL/da is checked through the public function
    embeddings, targets = draw().requires_grad_(), target_rows(symmetric(3), 0.5, True)
    (gradient,) = torch.autograd.grad(relational_loss(embeddings, targets, tau).value, embeddings)
    a = cosines(embeddings)
    outer = ((a.detach() / tau).softmax(1) - targets) / (tau * SIZE)
    (expected,) = torch.autograd.grad(a, embeddings, outer)
    torch.testing.assert_close(gradient, expected, atol=1e-6, rtol=1e-4)


def test_loss_by_hand():
    embeddings = torch.tensor([[2.0, 0.0], [0.0, 3.0]])
    targets = torch.tensor([[0.5, 0.5], [0.25, 0.75]])
    own, other = torch.log_softmax(torch.tensor([1.0, 0.0]), 0)
    value = -(0.5 * own + 0.5 * other + 0.25 * other + 0.75 * own) / 2
    lowest = (torch.special.entr(targets)).sum() / 2
    found = relational_loss(embeddings, targets, 1.0)
    assert float(found.value) == pytest.approx(float(value))
    assert float(found.excess) == pytest.approx(float(value - lowest))


def test_columns_add_the_transposed_cross_entropy_and_move_the_optimum():
    embeddings, targets = draw(), target_rows(symmetric(4), 0.3, True)
    expected = torch.nn.functional.cross_entropy(cosines(embeddings), targets) + torch.nn.functional.cross_entropy(
        cosines(embeddings).T, targets.T
    )
    found = relational_loss(embeddings, targets, 1.0, columns=True)
    assert float(found.value) == pytest.approx(float(expected), rel=1e-5)
    optimum = (targets + targets.T) / (1 + targets.sum(0))[:, None]
    lowest = -((targets + targets.T) * optimum.log()).sum() / SIZE
    assert float(found.excess) == pytest.approx(float(found.value - lowest), abs=1e-5)


def test_half_precision_is_widened():
    targets = target_rows(symmetric(5), 0.1, False)
    exact = relational_loss(draw(), targets, 0.1, include_self=False).value
    half = relational_loss(draw().bfloat16(), targets, 0.1, include_self=False).value
    assert half.dtype == torch.float32
    assert float(half) == pytest.approx(float(exact), rel=0.05)


def test_gradients_are_numbers_without_self_and_for_one_molecule():
    embeddings = draw().requires_grad_()
    targets = target_rows(symmetric(6), 0.02, False)
    (gradient,) = torch.autograd.grad(relational_loss(embeddings, targets, 0.02, include_self=False).value, embeddings)
    assert torch.isfinite(gradient).all()
    one = draw()[:1].requires_grad_()
    found = relational_loss(one, target_rows(torch.ones(1, 1), 1.0, False), 1.0, include_self=False)
    assert float(found.value) == 0
    assert torch.isfinite(torch.autograd.grad(found.value, one)[0]).all()
