"""Loss of predicted properties that measured values alone enter."""

from torch import Tensor
from torch.nn import functional

from spectraflow.methods.mmfrl.property_metrics import TaskKind


def masked_loss(kind: TaskKind, outputs: Tensor, targets: Tensor) -> Tensor:
    """Return binary cross-entropy (of logits) or squared error, averaged over what was measured; 0 if nothing was.

    Args:
        kind: of the task.
        outputs: (B, T), logits or values in standardised units.
        targets: (B, T), 0 or 1 or values in standardised units; NaN where nothing was measured.
    """
    measured = ~targets.isnan()
    # what is missing is replaced before the loss: 0 * NaN would still poison the gradient
    filled = targets.where(measured, 0.0)
    outputs = outputs.float()
    if kind == "classification":
        losses = functional.binary_cross_entropy_with_logits(outputs, filled, reduction="none")
    else:
        losses = (outputs - filled).square()
    return losses.where(measured, 0.0).sum() / measured.sum().clamp(min=1)
