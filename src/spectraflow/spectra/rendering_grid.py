"""The oversampled grid that spectra are summed on before they become columns of a picture."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spectraflow.errors import InputError
from spectraflow.methods.matchnet.settings import Nucleus, RenderingSettings

REACH = 25
"""Line widths on each side of a line at which it ends."""
Floats = NDArray[np.float64]


class UnrenderableSpectrum(InputError):
    """A spectrum shows nothing, or holds an impossible number; `row` is its place in the batch."""

    def __init__(self, row: int, message: str) -> None:
        super().__init__(message)
        self.row = row


@dataclass(frozen=True, slots=True)
class Grid:
    """Points of the oversampled grid of one nucleus, at the centres of equal bins from `left` to `right` in ppm."""

    left: float
    right: float
    columns: int
    oversampling: int
    width: float

    @classmethod
    def of(cls, nucleus: Nucleus, settings: RenderingSettings) -> "Grid":
        """Return the grid of a nucleus; `width` is the full width of a line at half height, ppm."""
        proton = nucleus == "1H"
        left, right = settings.proton_window if proton else settings.carbon_window
        width = settings.proton_width if proton else settings.carbon_width
        return cls(left, right, settings.columns, settings.oversampling, width)

    @property
    def points(self) -> int:
        """Number of points."""
        return self.columns * self.oversampling

    @property
    def step(self) -> float:
        """Distance of two points, ppm."""
        return (self.left - self.right) / self.points

    def holds(self, ppm: Floats) -> NDArray[np.bool_]:
        """Return which shifts lie inside the window, both ends included."""
        return (ppm <= self.left) & (ppm >= self.right)


class DrawnLines(NamedTuple):
    """Lines inside the window: row of the batch (L,) ascending, shift (L,) in ppm, height (L,)."""

    row: NDArray[np.int64]
    ppm: NDArray[np.float64]
    height: NDArray[np.float64]

    def ordered(self) -> "DrawnLines":
        """Return the lines by row, shift and height, the order in which they are summed."""
        return self.select(np.lexsort((self.height, self.ppm, self.row)))

    def select(self, chosen: NDArray[np.bool_] | NDArray[np.int64] | slice) -> "DrawnLines":
        """Return some of the lines."""
        return DrawnLines(self.row[chosen], self.ppm[chosen], self.height[chosen])

    def of_rows(self, first: int, last: int) -> "DrawnLines":
        """Return the lines of some rows, which count from 0 then."""
        begin, end = np.searchsorted(self.row, [first, last])
        lines = self.select(slice(begin, end))
        return lines._replace(row=lines.row - first)


def summed(lines: DrawnLines, count: int, grid: Grid) -> Floats:
    """Return the sum of the lines at every point, (count, points); lines are added in the order they have."""
    reach = REACH * grid.width / grid.step
    near = min(grid.points, int(2 * reach) + 2)
    place = (grid.left - lines.ppm) / grid.step - 0.5
    start = np.clip(np.ceil(place - reach), 0, grid.points - near)
    square = (start - place)[:, None] + np.arange(near)
    square *= 2 * grid.step / grid.width
    square *= square
    shown = square <= (2 * REACH) ** 2
    square += 1
    heights = np.divide(lines.height[:, None], square, out=square)
    heights *= shown
    at = (lines.row * grid.points + start.astype(np.int64))[:, None] + np.arange(near)
    total = np.bincount(at.ravel(), heights.ravel(), count * grid.points)
    return np.asarray(total, np.float64).reshape(count, grid.points)


def normalised(spectra: Floats, nucleus: Nucleus, first: int) -> Floats:
    """Return spectra divided by their highest points; `first` is the row of the first one in its batch."""
    highest = spectra.max(axis=1, keepdims=True)
    if len(empty := np.flatnonzero(highest <= 0)):
        raise UnrenderableSpectrum(first + int(empty[0]), f"nothing of the {nucleus} spectrum shows inside the window")
    spectra /= highest
    return spectra


def pooled(spectra: Floats, grid: Grid) -> tuple[Floats, Floats]:
    """Return the highest and the lowest point in each column."""
    starts = np.arange(0, grid.points, grid.oversampling)
    return np.maximum.reduceat(spectra, starts, axis=1), np.minimum.reduceat(spectra, starts, axis=1)
