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
