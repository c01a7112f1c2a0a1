"""Axes of figures and what several figures put on them."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from spectraflow.reporting.runs import Measured
from spectraflow.reporting.theme import SOFT

MARKERS = ("o", "s", "^", "D", "v", "P")
"""One for each colour of a series."""


def axes_of(width: float, height: float, columns: int = 1, rows: int = 1) -> tuple[Figure, list[Axes]]:
    """Return a figure with rows of axes, from the upper left to the lower right."""
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, list(np.atleast_1d(figure.subplots(rows, columns)).ravel())


def say(axes: Axes, text: str) -> None:
    """Write that there is nothing to draw."""
    axes.set_axis_off()
    axes.text(0.5, 0.5, text, ha="center", va="center", color=SOFT, transform=axes.transAxes)


def errors(values: Sequence[Measured]) -> tuple[list[float], list[float]]:
    """Return the lengths of error bars below and above."""
    low = [one.value - (one.value if one.low is None else min(one.low, one.value)) for one in values]
    high = [(one.value if one.high is None else max(one.high, one.value)) - one.value for one in values]
    return low, high


def in_percent(axes: Axes, *, whole: bool = True) -> None:
    """Show fractions in percent, from 0 to 100 if `whole`."""
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    if whole:
        axes.set_ylim(-0.02, 1.04)
