import pytest
import torch

from spectraflow.methods.km3aid.objective import (
    Projected,
    cross_entropy,
    km3aid_loss,
    matching_loss,
    symmetric_cross_entropy,
)
from spectraflow.methods.km3aid.settings import Km3aidObjectiveSettings
from spectraflow.methods.km3aid.targets import distances_ppm, soft_targets, tie_targets
from spectraflow.nn.shift_head import Prediction

torch.manual_seed(0)
SCORES = torch.randn(6, 6) * 5
MPPM = torch.tensor([10_000, 10_000, 20_000, 20_300, 30_000, 30_000])
MOLECULE = torch.tensor([0, 0, 0, 1, 1, 1])


def test_cross_entropy_is_the_equation():
    targets = torch.rand(6, 6)
    expected = -(targets * torch.log_softmax(SCORES, dim=1)).sum() / 6
    torch.testing.assert_close(cross_entropy(SCORES, targets), expected)


def test_the_second_direction_uses_the_targets_themselves():
    soft = soft_targets(distances_ppm(MPPM), MOLECULE, "exponential", 10.0, "batch", 1.0)
    assert (soft - soft.T).abs().max() > 0.01, "the case must tell the two directions apart"
    expected = -(soft * torch.log_softmax(SCORES, 1)).sum() / 6 - (soft * torch.log_softmax(SCORES.T, 1)).sum() / 6
    torch.testing.assert_close(symmetric_cross_entropy(SCORES, soft), expected)


def test_strong_rows_weigh_by_their_tie_count():
    strong = tie_targets(distances_ppm(MPPM))
    normalised = tie_targets(distances_ppm(MPPM), row_normalise=True)
    row_loss = -(normalised * torch.log_softmax(SCORES, 1)).sum(1)
    torch.testing.assert_close(cross_entropy(SCORES, strong), (strong.sum(1) * row_loss).mean())


def test_matching_loss_agrees_with_torch():
    first, second = torch.randn(5, 4), torch.randn(5, 4)
    scores, truth = first @ second.T, torch.arange(5)
    expected = torch.nn.functional.cross_entropy(scores, truth) + torch.nn.functional.cross_entropy(scores.T, truth)
    torch.testing.assert_close(matching_loss(first, second), expected)


@pytest.mark.parametrize("alpha", [0.0, 0.2, 1.0])
def test_alpha_weighs_the_two_terms(alpha):
    projected = Projected(torch.randn(2, 4), torch.randn(2, 4), torch.randn(6, 4), torch.randn(6, 4))
    loss, figures = km3aid_loss(projected, MPPM, MOLECULE, Km3aidObjectiveSettings(alpha=alpha))
    assert float(loss) == pytest.approx(
        alpha * float(figures["loss_graph"]) + (1 - alpha) * float(figures["loss_node"])
    )


def test_without_a_head_the_loss_is_that_of_the_papers_to_the_bit():
    projected = Projected(torch.randn(2, 4), torch.randn(2, 4), torch.randn(6, 4), torch.randn(6, 4))
    settings = Km3aidObjectiveSettings(alpha=0.3)
    loss, figures = km3aid_loss(projected, MPPM, MOLECULE, settings)
    assert torch.equal(loss, 0.3 * figures["loss_graph"] + (1 - 0.3) * figures["loss_node"])
    assert set(figures) == {"loss_graph", "loss_node", "loss_node_kl"}


def test_the_shift_loss_is_added_with_its_weight():
    projected = Projected(torch.randn(2, 4), torch.randn(2, 4), torch.randn(6, 4), torch.randn(6, 4))
    shifts = Prediction(torch.randn(6, requires_grad=True), torch.randn(6))
    alone, _ = km3aid_loss(projected, MPPM, MOLECULE, Km3aidObjectiveSettings())
    loss, figures = km3aid_loss(
        projected._replace(shifts=shifts), MPPM, MOLECULE, Km3aidObjectiveSettings(shift_weight=2.5)
    )
    target = (torch.tensor([10.0, 10.0, 20.0, 20.3, 30.0, 30.0]) - 97) / 52
    expected = ((target - shifts.location).abs() / shifts.log_scale.exp() + shifts.log_scale).mean()
    torch.testing.assert_close(figures["loss_shift"], expected.detach())
    torch.testing.assert_close(loss, alone + 2.5 * expected)
    assert not figures["loss_shift"].requires_grad
    loss.backward()
    assert shifts.location.grad.abs().sum() > 0


def test_the_divergence_is_zero_at_its_minimum():
    targets = soft_targets(distances_ppm(MPPM), MOLECULE, "exponential", 3.0, "batch", 1.0)
    projected = Projected(torch.randn(2, 4), torch.randn(2, 4), targets.log(), torch.eye(6))
    settings = Km3aidObjectiveSettings(discrimination="soft", sigma_ppm=3.0)
    _, figures = km3aid_loss(projected, MPPM, MOLECULE, settings)
    minimum = -2 * torch.xlogy(targets, targets).sum() / 6
    second = cross_entropy(targets.log().T, targets)
    assert float(figures["loss_node_kl"]) == pytest.approx(float(second - minimum / 2), abs=1e-5)
