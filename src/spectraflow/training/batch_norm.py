"""Batch normalisation by the moments of the whole batch when several processes share it.

torch's SyncBatchNorm does the same on GPUs alone.
"""

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from spectraflow.training.distributed import moments, process_count


class SharedBatchNorm(_BatchNorm):
    """A batch normalisation (n, C, ...) over the rows of all processes; some may have none."""

    @classmethod
    def of(cls, norm: _BatchNorm) -> "SharedBatchNorm":
        """Return a norm with the very parameters and buffers of `norm`."""
        shared = cls(norm.num_features, norm.eps, norm.momentum, norm.affine, norm.track_running_stats)
        shared._parameters, shared._buffers = norm._parameters, norm._buffers
        return shared.train(norm.training)

    def _check_input_dim(self, input: Tensor) -> None:
        """Any number of dimensions will do."""

    def forward(self, input: Tensor) -> Tensor:
        """Map (n, C, ...) to the same shape."""
        if not self.training or process_count() == 1:
            return super().forward(input)
        rows = input.movedim(1, -1)
        flat = rows.flatten(0, -2).float()
        mean, variance, count = moments(flat)
        self._remember(mean.detach(), variance.detach() * count / max(1, count - 1))
        flat = (flat - mean) * torch.rsqrt(variance + self.eps)
        if self.affine:
            flat = flat * self.weight + self.bias
        return flat.view(rows.shape).movedim(-1, 1).to(input.dtype)

    @torch.no_grad()
    def _remember(self, mean: Tensor, variance: Tensor) -> None:
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        self.num_batches_tracked.add_(1)
        share = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean, share)
        self.running_var.lerp_(variance, share)


def share_batch_norms(module: nn.Module) -> None:
    """Put shared batch normalisations in the place of plain ones below `module`, with their weights."""
    for name, child in module.named_children():
        if isinstance(child, _BatchNorm):
            setattr(module, name, SharedBatchNorm.of(child))
        else:
            share_batch_norms(child)
