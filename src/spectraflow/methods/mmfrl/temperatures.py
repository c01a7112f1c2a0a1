"""Temperatures of target rows, chosen so that a molecule has a wanted number of neighbours."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from spectraflow.errors import ConfigError
from spectraflow.methods.mmfrl.relational_loss import target_rows

LOWEST, HIGHEST = 1e-4, 1e8
STEPS = 24
"""Halvings of the bracket: the temperature is then right to six digits."""


def effective_neighbours(rows: Tensor) -> float:
    """Return the mean of exp(entropy) of target rows (n, n): over how many neighbours they spread."""
    return float(torch.special.entr(rows).sum(1).exp().mean())


def find_temperature(similarities: Sequence[Tensor], wanted: float, include_self: bool) -> float:
    """Return the temperature at which rows have `wanted` effective neighbours on average.

    The number of neighbours rises with the temperature, so that bisection of its logarithm finds it.

    Args:
        similarities: (n, n) of some batches.
        wanted: effective neighbours, above 1.
        include_self: as for the loss.

    Raises:
        ConfigError: no temperature gives so many or so few.
    """

    def reached(tau: float) -> float:
        found = [effective_neighbours(target_rows(one, tau, include_self)) for one in similarities]
        return sum(found) / len(found)

    fewest, most = reached(LOWEST), reached(HIGHEST)
    if not fewest <= wanted < most:
        raise ConfigError(
            f"loss.effective_neighbours: {wanted:g} cannot be reached with these batches, whose molecules have "
            f"{fewest:.1f} to {most:.1f}; take another number or larger batches"
        )
    low, high = math.log(LOWEST), math.log(HIGHEST)
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if reached(math.exp(middle)) < wanted else (low, middle)
    return math.exp((low + high) / 2)
