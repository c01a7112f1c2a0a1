import pytest
import torch
from torch.nn import functional

from spectraflow.methods.mmfrl.property_loss import masked_loss


@pytest.mark.parametrize("kind", ["classification", "regression"])
def test_missing_targets_change_nothing(kind):
    outputs = torch.randn(8, 3, generator=torch.Generator().manual_seed(0))
    targets = (outputs + 1 > 1).float()
    measured = torch.arange(24).reshape(8, 3) % 3 != 1
    gradients = []
    for other in (0.0, 5.0):
        leaf = outputs.where(measured, other).requires_grad_()
        loss = masked_loss(kind, leaf, targets.where(measured, torch.nan))
        loss.backward()
        gradients.append((loss.detach(), leaf.grad))
        assert leaf.grad.isfinite().all()
        assert not leaf.grad[~measured].any()
        assert leaf.grad[measured].all()
    torch.testing.assert_close(gradients[0], gradients[1])
    plain = functional.binary_cross_entropy_with_logits if kind == "classification" else functional.mse_loss
    torch.testing.assert_close(gradients[0][0], plain(outputs[measured], targets[measured]))


def test_a_batch_without_values_teaches_nothing():
    outputs = torch.ones(4, 2, requires_grad=True)
    loss = masked_loss("regression", outputs, torch.full((4, 2), torch.nan))
    loss.backward()
    assert loss.item() == 0
    assert not outputs.grad.any()
