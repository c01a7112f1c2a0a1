"""Spectra as columns of a picture, and columns as the picture: version 1 of the rendering specification.

A spectrum is summed on a grid of `oversampling` points a column, divided by its highest point, and told by the highest
and lowest point in each column. Left is high ppm. Pure NumPy, and sums, products and quotients alone: the same lines
give the same bytes on every machine, in every batch and in any order. Only noise depends on the version of NumPy.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spectraflow.methods.matchnet.settings import Nucleus, RenderingSettings
from spectraflow.spectra.rendering_changes import RenderingChange
from spectraflow.spectra.rendering_grid import DrawnLines, Grid, UnrenderableSpectrum, normalised, pooled, summed

POINTS_AT_ONCE = 1 << 18
"""Points of the grids summed together: small enough for the processor's cache."""
NOTHING = RenderingChange()


@dataclass(frozen=True, slots=True)
class Columns:
    """Highest and lowest point in each of W columns, float32 (n, W) in 0 to 1, and lines outside the window (n,).

    Of one spectrum: (W,) each, and a number.
    """

    high: NDArray[np.float32]
    low: NDArray[np.float32]
    outside: NDArray[np.int64]


def lines_inside(ppm: ArrayLike, nucleus: Nucleus, settings: RenderingSettings) -> int:
    """Return how many lines of a list lie inside the window; a spectrum with none cannot be rendered."""
    return int(Grid.of(nucleus, settings).holds(np.asarray(ppm, np.float64)).sum())


def columns_of_lines(
    ppm: ArrayLike,
    area: ArrayLike,
    nucleus: Nucleus,
    settings: RenderingSettings,
    change: RenderingChange | None = None,
    molecule_id: str | None = None,
) -> Columns:
    """Return the columns of one line list; see `columns_of_line_lists`."""
    ppm = np.asarray(ppm, np.float64)
    ids = None if molecule_id is None else [molecule_id]
    found = columns_of_line_lists(ppm, area, [len(ppm)], nucleus, settings, change, ids)
    return Columns(found.high[0], found.low[0], found.outside[0])


def columns_of_line_lists(
    ppm: ArrayLike,
    area: ArrayLike,
    counts: ArrayLike,
    nucleus: Nucleus,
    settings: RenderingSettings,
    change: RenderingChange | None = None,
    molecule_ids: Sequence[str] | None = None,
) -> Columns:
    """Return the columns of n line lists, each a sum of Lorentzians that end 25 widths from their centre.

    Args:
        ppm: shifts (L,) of all lists one after the other, distinct within a list.
        area: nuclei behind each line (L,), its height where the settings count nuclei.
        counts: lines of each list (n,).
        nucleus: 1H or 13C.
        settings: window, line width and columns.
        change: a test-time change of the rendering; a random one needs `molecule_ids` (n,).
        molecule_ids: ids of the molecules.

    Lines outside the window are left out and counted. Raises UnrenderableSpectrum for a list without a line inside the
    window, a shift that is not finite or an area that is not positive.
    """
    change = change or NOTHING
    sizes = np.asarray(counts, np.int64)
    row = np.repeat(np.arange(len(sizes)), sizes)
    lines = DrawnLines(row, np.asarray(ppm, np.float64), np.asarray(area, np.float64))
    if not len(row) == len(lines.ppm) == len(lines.height):
        raise ValueError(f"{len(row)} lines counted, {len(lines.ppm)} shifts and {len(lines.height)} areas given")
    grid = Grid.of(nucleus, change.settings(settings))
    inside = _checked(lines, sizes, nucleus, grid)
    outside = np.bincount(row[~inside], minlength=len(sizes))
    drawn = lines.select(inside)
    if (settings.proton_area if nucleus == "1H" else settings.carbon_area) == "unit":
        drawn = drawn._replace(height=np.ones(len(drawn.row)))
    drawn = change.lines(drawn, nucleus, (grid.left, grid.right), molecule_ids).ordered()
    high, low = _empty_columns(len(sizes), grid)
    for first, last in _chunks(len(sizes), grid):
        spectra = normalised(summed(drawn.of_rows(first, last), last - first, grid), nucleus, first)
        ids = None if molecule_ids is None else molecule_ids[first:last]
        high[first:last], low[first:last] = pooled(change.noisy(spectra, nucleus, ids), grid)
    high, low = (values * np.float32(change.vertical_scale) for values in (high, low))
    direction = slice(None, None, -1 if change.reversed_axis else 1)
    return Columns(high[:, direction].copy(), low[:, direction].copy(), outside)


def columns_of_arrays(
    values: NDArray[np.floating], ends: tuple[float, float], nucleus: Nucleus, settings: RenderingSettings
) -> Columns:
    """Return the columns of n long spectra (n, P) whose points run evenly from `ends[0]` to `ends[1]`, high to low ppm.

    A point of the grid is the highest value in its bin, the next value where the spectrum is coarser than the grid, and
    0 beyond the spectrum; negative values count as 0. Raises UnrenderableSpectrum for a spectrum with a value that is
    not finite or with nothing above 0 inside the window.
    """
    grid = Grid.of(nucleus, settings)
    ppm = np.linspace(*ends, values.shape[1])
    inside = np.flatnonzero(grid.holds(ppm))
    if not len(inside):
        raise UnrenderableSpectrum(0, f"no point of the {nucleus} spectrum lies inside the window")
    bins = np.minimum(np.floor((grid.left - ppm[inside]) / grid.step), grid.points - 1).astype(np.int64)
    shown = np.arange(bins[0], bins[-1] + 1)
    starts = np.searchsorted(bins, shown)
    high, low = _empty_columns(len(values), grid)
    for first, last in _chunks(len(values), grid):
        part = values[first:last, inside[0] : inside[-1] + 1].astype(np.float64)
        if len(bad := np.flatnonzero(~np.isfinite(part).all(axis=1))):
            raise UnrenderableSpectrum(first + int(bad[0]), f"the {nucleus} spectrum has a value that is not finite")
        spectra = np.zeros((last - first, grid.points))
        spectra[:, shown] = np.maximum.reduceat(np.maximum(part, 0), starts, axis=1)
        high[first:last], low[first:last] = pooled(normalised(spectra, nucleus, first), grid)
    return Columns(high, low, np.zeros(len(values), np.int64))


def image_of_columns(
    high: NDArray[np.floating], low: NDArray[np.floating], settings: RenderingSettings
) -> NDArray[np.uint8]:
    """Return pictures (n, W, W), or (W, W) of one spectrum: ink 0 on 255, row 0 at the top, column 0 at high ppm.

    Of 256 rows the baseline is row 248 and 1 is 240 rows above it. A column is inked from its highest to its lowest
    point and on to the nearest end of the column before it; style fill inks it down to the baseline instead.
    """
    size = settings.columns
    base, scale = 248 * size // 256, 240 * size // 256
    top, bottom = (base - np.rint(scale * np.asarray(ends, np.float64)).astype(np.int16) for ends in (high, low))
    if settings.style == "fill":
        bottom[...] = base
    top[..., 1:], bottom[..., 1:] = (
        np.minimum(top[..., 1:], bottom[..., :-1]),
        np.maximum(bottom[..., 1:], top[..., :-1]),
    )
    rows = np.arange(size, dtype=np.int16)[:, None]
    blank = (rows < top[..., None, :]) | (rows > bottom[..., None, :])
    return blank.view(np.uint8) * np.uint8(255)


def _checked(lines: DrawnLines, counts: NDArray[np.int64], nucleus: Nucleus, grid: Grid) -> NDArray[np.bool_]:
    """Return which lines lie inside the window; raises UnrenderableSpectrum for the first list of no use."""
    sound = np.isfinite(lines.ppm) & np.isfinite(lines.height) & (lines.height > 0)
    if not sound.all():
        place = int(np.argmin(sound))
        message = f"a {nucleus} line of {lines.ppm[place]:g} ppm and area {lines.height[place]:g} is impossible"
        raise UnrenderableSpectrum(int(lines.row[place]), message)
    inside = grid.holds(lines.ppm)
    if len(empty := np.flatnonzero(np.bincount(lines.row[inside], minlength=len(counts)) == 0)):
        count, window = counts[empty[0]], f"inside the window from {grid.left:g} to {grid.right:g} ppm"
        told = f"none of {count} {nucleus} lines lies {window}" if count else f"no {nucleus} lines"
        raise UnrenderableSpectrum(int(empty[0]), told)
    return inside


def _chunks(count: int, grid: Grid) -> list[tuple[int, int]]:
    size = max(1, POINTS_AT_ONCE // grid.points)
    return [(first, min(first + size, count)) for first in range(0, count, size)]


def _empty_columns(count: int, grid: Grid) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    shape = (count, grid.columns)
    return np.empty(shape, np.float32), np.empty(shape, np.float32)
