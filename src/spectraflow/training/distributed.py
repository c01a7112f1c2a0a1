"""One training in several processes: each takes its share of a batch, and the loss is that of the whole batch.

Every process computes the same loss from the outputs of all. The gradient of `summed` sums over processes, so that of a
process's own share comes out as often as there are processes; the mean over processes that DistributedDataParallel
takes is then the gradient of one process with the whole batch, for what lies before and behind a `gathered` alike.
Everything here is plain in a process that is alone.
"""

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from spectraflow.errors import ConfigError
from spectraflow.training.launched import launch_is_over


def process_count() -> int:
    """Return how many processes train together; 1 if this one is alone."""
    return dist.get_world_size() if dist.is_initialized() else 1


def process_rank() -> int:
    """Return the place of this process among those that train together, from 0."""
    return dist.get_rank() if dist.is_initialized() else 0


def own_share(rows: Tensor) -> Tensor:
    """Return this process's consecutive part of `rows` (B, ...); shares differ by one row at most.

    Raises ConfigError if there are fewer rows than processes.
    """
    count = process_count()
    if count == 1:
        return rows
    if len(rows) < count:
        raise ConfigError(f"a batch of {len(rows)} cannot be shared by {count} devices: take fewer, or larger batches")
    return rows.tensor_split(count)[process_rank()]


class _Sum(torch.autograd.Function):
    """Sum over processes, whose gradient is the sum of the processes' gradients."""

    @staticmethod
    def forward(ctx: Any, tensor: Tensor) -> Tensor:
        total = tensor.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        total = gradients[0].clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total


def summed(tensor: Tensor) -> Tensor:
    """Return the sum over processes of a tensor of the same shape in all, with gradients."""
    if process_count() == 1:
        return tensor
    total: Tensor = _Sum.apply(tensor)
    return total


def gathered(rows: Tensor) -> Tensor:
    """Return the rows (n, ...) of all processes, in the order of the processes, with gradients; n may differ."""
    if process_count() == 1:
        return rows
    if rows.dtype == torch.bool:
        return gathered(rows.to(torch.uint8)).bool()
    sizes = torch.zeros(process_count(), dtype=torch.int64, device=rows.device)
    sizes[process_rank()] = len(rows)
    counts = summed(sizes).tolist()
    before, after = sum(counts[: process_rank()]), sum(counts[process_rank() + 1 :])
    return summed(torch.cat([rows.new_zeros(before, *rows.shape[1:]), rows, rows.new_zeros(after, *rows.shape[1:])]))


def in_any_process(flag: Tensor | bool) -> bool:
    """Return whether `flag` is set in any process: what branches on it does so alike in all."""
    if process_count() == 1:
        return bool(flag)
    flags = torch.as_tensor(flag).reshape(1).to(torch.int32)
    if dist.get_backend() == "nccl":
        flags = flags.cuda()
    return bool(summed(flags))


def moments(rows: Tensor) -> tuple[Tensor, Tensor, int]:
    """Return mean and variance (C,), uncorrected, and number of the rows (n, C) of all processes, with gradients.

    Raises ValueError if there are none.
    """
    counts = summed(torch.full((1,), len(rows), dtype=torch.int64, device=rows.device))
    number = int(counts)
    if number == 0:
        raise ValueError("no process has a row to take the moments of")
    mean = summed(rows.sum(0)) / number
    return mean, summed((rows - mean).square().sum(0)) / number, number


def leave_processes() -> None:
    """Take leave of the other processes: from here on, this one is alone."""
    if dist.is_initialized():
        dist.destroy_process_group()
        launch_is_over()
