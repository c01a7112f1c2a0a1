"""Index batches of the rows of a store."""

from collections.abc import Iterator

import torch
from torch import Tensor


def batches(
    rows: Tensor, size: int, generator: torch.Generator | None = None, drop_last: bool = True
) -> Iterator[Tensor]:
    """Yield index batches of `size`, shuffled if a generator is given; one smaller batch if there are fewer rows."""
    if generator is not None:
        rows = rows[torch.randperm(len(rows), generator=generator).to(rows.device)]
    pieces = list(rows.split(size))
    if drop_last and len(pieces) > 1 and len(pieces[-1]) < size:
        pieces.pop()
    yield from pieces


def padded_batches(rows: Tensor, sizes: Tensor, molecules: int = 256, cells: int = 1 << 24) -> Iterator[Tensor]:
    """Yield consecutive `rows` (R,) so that matrices padded to the largest of their `sizes` (R,) stay small.

    A batch has at most `molecules` rows and, unless it is a single one, at most `cells` numbers in a matrix for each.
    """
    start = 0
    while start < len(rows):
        largest = sizes[start : start + molecules].cummax(0).values
        needed = largest.square() * torch.arange(1, len(largest) + 1, device=sizes.device)
        count = max(1, int((needed <= cells).sum()))
        yield rows[start : start + count]
        start += count
