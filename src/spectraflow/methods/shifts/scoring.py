"""How well a molecule's predicted shifts explain a spectrum: by distinct shifts alone, or with the carbon count.

`set` scores use the same information as a binary spectrum: the distinct shifts. `sorted` scores also know how many
carbons stand behind every peak, and so the carbon count (reference section 8).
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from spectraflow.store.ragged import Ragged


@dataclass(frozen=True)
class Axis:
    """A grid of shifts in ppm, on which spectra and predictions become vectors; `floor` is the share of outliers."""

    low: float
    high: float
    step: float
    floor: float = 0.02

    @property
    def grid(self) -> Tensor:
        """Grid points (g,) float32 in ppm."""
        return torch.arange(round((self.high - self.low) / self.step) + 1) * self.step + self.low

    def weights(self, ppm: Tensor, row: Tensor, weight: Tensor, rows: int) -> Tensor:
        """Return (rows, g): the weight of each shift, shared linearly between the two grid points beside it."""
        size = len(self.grid)
        place = ((ppm - self.low) / self.step).clamp(0, size - 1.001)
        lower, part = place.long(), place - place.floor()
        found = torch.zeros(rows, size)
        found.index_put_((row, lower), weight * (1 - part), accumulate=True)
        found.index_put_((row, lower + 1), weight * part, accumulate=True)
        return found


CARBON_AXIS = Axis(-20.0, 240.0, 0.25)
PROTON_AXIS = Axis(-2.0, 16.0, 0.025)
PROFILED_AT_ONCE = 512


def _segments(ragged: Ragged) -> Tensor:
    return torch.repeat_interleave(torch.arange(len(ragged)), ragged.counts)


def _nearest(points: Tensor, among: Tensor) -> Tensor:
    """Return the distance of each point to the nearest of `among` (sorted, not empty)."""
    place = torch.searchsorted(among, points).clamp(1, max(1, len(among) - 1))
    right = (points - among[place.clamp(max=len(among) - 1)]).abs()
    return torch.minimum((points - among[place - 1]).abs(), right)


class Molecules:
    """Predicted shifts of c molecules on an axis; vectors are made when a score first needs them."""

    def __init__(self, shifts: Ragged, axis: Axis) -> None:
        self.shifts = shifts
        self.axis = axis

    @cached_property
    def _row(self) -> Tensor:
        return _segments(self.shifts)

    @cached_property
    def _share(self) -> Tensor:
        return 1 / self.shifts.counts.clamp(min=1).float()[self._row]

    @cached_property
    def places(self) -> Tensor:
        """Where the molecules' shifts lie, (c, g); rows sum to 1."""
        return self.axis.weights(self.shifts.values[:, 1], self._row, self._share, len(self.shifts))

    @cached_property
    def weighted_places(self) -> Tensor:
        """`places`, each shift divided by its Laplace scale, (c, g)."""
        weight = self._share / self.shifts.values[:, 2]
        return self.axis.weights(self.shifts.values[:, 1], self._row, weight, len(self.shifts))

    @cached_property
    def distances(self) -> Tensor:
        """Distance of every grid point to the nearest predicted shift, (c, g) ppm."""
        grid, offsets = self.axis.grid, self.shifts.offsets.tolist()
        empty = torch.full((len(grid),), self.axis.high - self.axis.low)
        ordered = [self.shifts.values[one:two, 1].sort().values for one, two in itertools.pairwise(offsets)]
        return torch.stack([_nearest(grid, shifts) if len(shifts) else empty for shifts in ordered])

    @cached_property
    def log_density(self) -> Tensor:
        """Logarithm of the molecule's mixture of Laplace densities at every grid point, (c, g)."""
        return torch.cat(
            [self._density(rows) for rows in torch.arange(len(self.shifts)).split(PROFILED_AT_ONCE)]
        ).log_()

    def _density(self, rows: Tensor) -> Tensor:
        values, row, counts = self.shifts.take(rows)
        axis, scale = self.axis, values[:, 2:3]
        kernel = torch.exp(-(axis.grid[None, :] - values[:, 1:2]).abs() / scale) / (2 * scale * counts[row][:, None])
        mixture = torch.zeros(len(rows), len(axis.grid)).index_add_(0, row, kernel)
        return mixture.mul_(1 - axis.floor).add_(axis.floor / (axis.high - axis.low))


class Spectra:
    """Distinct observed shifts of q spectra on an axis; a spectrum without shifts scores 0 with every molecule."""

    def __init__(self, shifts: Sequence[np.ndarray], axis: Axis) -> None:
        self.axis = axis
        self.shifts = [torch.from_numpy(np.unique(one).astype(np.float32)) for one in shifts]

    @cached_property
    def places(self) -> Tensor:
        """Where the peaks lie, (q, g); rows sum to 1, or to 0 without peaks."""
        counts = torch.tensor([len(one) for one in self.shifts])
        row = torch.repeat_interleave(torch.arange(len(counts)), counts)
        return self.axis.weights(torch.cat(self.shifts), row, 1 / counts.float()[row], len(counts))

    @cached_property
    def distances(self) -> Tensor:
        """Distance of every grid point to the nearest peak, (q, g) ppm."""
        grid = self.axis.grid
        return torch.stack([_nearest(grid, one) if len(one) else torch.zeros(len(grid)) for one in self.shifts])


class Comparison(Protocol):
    """Scores (q, c) of spectra with molecules; higher is better."""

    def __call__(self, spectra: Spectra, molecules: Molecules) -> Tensor:
        """Return the scores of q spectra with c molecules."""


def set_distance(spectra: Spectra, molecules: Molecules) -> Tensor:
    """Return minus the symmetric mean nearest-neighbour distance of distinct shifts, (q, c) in ppm."""
    return -0.5 * (spectra.places @ molecules.distances.T + spectra.distances @ molecules.places.T)


@dataclass(frozen=True)
class SetLikelihood:
    """Mean log-likelihood of the peaks under the molecule's mixture, less `unexplained` times what its shifts miss.

    What a predicted shift misses is its distance to the nearest peak, at most `cap_ppm`, over its scale.
    """

    unexplained: float = 0.5
    cap_ppm: float = 10.0

    def __call__(self, spectra: Spectra, molecules: Molecules) -> Tensor:
        """Return scores (q, c)."""
        missed = spectra.distances.clamp(max=self.cap_ppm) @ molecules.weighted_places.T
        return spectra.places @ molecules.log_density.T - self.unexplained * missed


def sorted_scores(spectra: Sequence[np.ndarray], shifts: Ragged, *, scaled: bool) -> np.ndarray:
    """Return scores (q, c) of all carbons' shifts, both lists sorted; -inf where the carbon counts differ.

    spectra: q ascending arrays in ppm, equivalent carbons repeated. shifts: c molecules, (atom, ppm, scale). The score
    is minus the mean distance in ppm or, `scaled`, the mean log-likelihood.
    """
    sizes = np.array([len(one) for one in spectra])
    counts = shifts.counts.numpy()
    scores = np.full((len(spectra), len(counts)), -np.inf, dtype=np.float32)
    for size in np.intersect1d(sizes[sizes > 0], counts):
        asked, rows = np.flatnonzero(sizes == size), np.flatnonzero(counts == size)
        values = shifts.take(torch.from_numpy(rows))[0][:, 1:].reshape(len(rows), size, 2)
        order = values[:, :, 1].argsort(1)  # equal shifts go by scale, so that the order of atoms does not count
        order = order.gather(1, values[:, :, 0].gather(1, order).argsort(dim=1, stable=True))
        ppm, scale = (values[:, :, part].gather(1, order).numpy() for part in (0, 1))
        for one in asked.tolist():
            distance = np.abs(ppm - spectra[one][None, :].astype(np.float32))
            scores[one, rows] = -(distance / scale + np.log(2 * scale)).mean(1) if scaled else -distance.mean(1)
    return scores
