"""Conditional mutual information of each modality, and the weights of samples and labels made from it.

SymSpectra, equations (9) to (12); reference sections 5.4 to 5.6.
"""

import torch
from torch import Tensor
from torch.nn import functional

_SMALLEST_BATCH = 8


@torch.no_grad()
def pointwise_cmi(main: Tensor, auxiliary: Tensor, labels: Tensor, reduce: str = "max") -> Tensor:
    """Return how much more probable the truth is with a modality than without it, nats (B, K).

    Args:
        main: logits (B, K) of the predictor that sees all modalities.
        auxiliary: logits (n, B, K) of predictors that see all but one.
        labels: (B, K), 0 or 1.
        reduce: over modalities, `max`, `mean` or `sum`.
    """
    targets = labels.float()
    with_all = functional.binary_cross_entropy_with_logits(main.float(), targets, reduction="none")
    without = functional.binary_cross_entropy_with_logits(
        auxiliary.float(), targets.expand_as(auxiliary), reduction="none"
    )
    gains = without - with_all
    return gains.amax(0) if reduce == "max" else getattr(gains, reduce)(0)


@torch.no_grad()
def dynamic_weights(cmi: Tensor, sample_scale: float, feature_scale: float) -> tuple[Tensor, Tensor]:
    """Return weights of samples (B,) and of labels (B, K) from the information `cmi` (B, K); both about 1 on average.

    All are 1 in a batch of fewer than eight molecules.
    """
    if cmi.shape[0] < _SMALLEST_BATCH:
        return cmi.new_ones(cmi.shape[0]), torch.ones_like(cmi)
    return _weights(cmi.mean(1), sample_scale), _weights(cmi, feature_scale)


def _weights(values: Tensor, scale: float) -> Tensor:
    wide = values.double()  # of equal values float32 leaves a spread of the size of the constant
    centred = (wide - wide.mean()) / (wide.std(correction=0) + 1e-8)
    return (1 + scale * centred).clamp_min(0).to(values.dtype)


def scale_gradient(values: Tensor, factor: float) -> Tensor:
    """Return `values` whose gradient is multiplied by `factor`: 0 detaches, a negative one reverses."""
    if factor == 0:
        return values.detach()
    return values if factor == 1 else factor * values + (1 - factor) * values.detach()
