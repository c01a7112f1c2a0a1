"""Figures of grids: a curve over one number, a map over two."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import PercentFormatter

from spectraflow.reporting.grids import GRID_METRICS, GridTable
from spectraflow.reporting.labels import setting_name
from spectraflow.reporting.theme import INK, SERIES, SOFT, figure_style


def grid_figure(table: GridTable) -> Figure | None:
    """Return the figure of a grid of one or two numbers, None for other grids and for fewer than three cells."""
    if not table.numeric or len(table.cells) < 3:
        return None
    if len(table.keys) == 1:
        return _curve(table)
    values = [sorted({cell.values[axis] for cell in table.cells}) for axis in range(len(table.keys))]
    complete = len(table.keys) == 2 and len(table.cells) == len(values[0]) * len(values[1])
    return _map(table, *values) if complete else None


def _curve(table: GridTable) -> Figure:
    with figure_style():
        figure = Figure(figsize=(4.9, 3.3), layout="constrained")
        axes = figure.subplots()
        for metric, colour in zip(GRID_METRICS, SERIES, strict=False):
            points = [(cell.values[0], cell.measured[metric]) for cell in table.cells if metric in cell.measured]
            x, y = [x for x, _ in points], [one.value for _, one in points]
            low = [one.value - (one.value if one.low is None else one.low) for _, one in points]
            high = [(one.value if one.high is None else one.high) - one.value for _, one in points]
            axes.errorbar(x, y, [low, high], fmt="o-", color=colour, ms=4, capsize=2, label=GRID_METRICS[metric])
            printed = [(c.values[0], c.published[metric]) for c in table.cells if metric in c.published]
            if printed:
                axes.plot(
                    [x for x, _ in printed],
                    [one.value for _, one in printed],
                    "D",
                    mfc="none",
                    mec=colour,
                    ms=6,
                    mew=1.4,
                )
        if any(cell.published for cell in table.cells):
            axes.plot([], [], "D", mfc="none", mec=SOFT, ms=6, label="published")
        axes.set(xlabel=setting_name(table.keys[0]), ylim=(-0.02, 1.04))
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        figure.legend(loc="outside lower center", ncols=2)
        return figure


def _map(table: GridTable, rows: Sequence[float], columns: Sequence[float]) -> Figure:
    with figure_style():
        figure = Figure(figsize=(8.4, 0.9 + 0.5 * len(rows)), layout="constrained")
        for axes, metric in zip(figure.subplots(1, 2), GRID_METRICS, strict=True):
            _one_map(axes, table, metric, rows, columns)
        return figure


def _one_map(axes: Axes, table: GridTable, metric: str, rows: Sequence[float], columns: Sequence[float]) -> None:
    known = [cell.measured[metric].value for cell in table.cells if metric in cell.measured]
    lowest, span = min(known, default=0.0), max(known, default=0.0) - min(known, default=0.0)
    for cell in table.cells:
        place = rows.index(cell.values[0]), columns.index(cell.values[1])
        measured, published = cell.measured.get(metric), cell.published.get(metric)
        if measured is not None:
            strength = 0.06 + 0.44 * ((measured.value - lowest) / span if span else 0)
            corner = (place[1] - 0.5, place[0] - 0.5)
            axes.add_patch(Rectangle(corner, 1, 1, facecolor=SERIES[0], alpha=strength, linewidth=0))
        text = "–" if measured is None else f"{100 * measured.value:.1f}"
        axes.text(place[1], place[0] - 0.13, text, ha="center", va="center", color=INK, weight="bold")
        if published is not None:
            axes.text(
                place[1], place[0] + 0.24, f"{100 * published.value:.1f}", ha="center", va="center", color=INK, size=7
            )
    axes.set(xlim=(-0.5, len(columns) - 0.5), ylim=(len(rows) - 0.5, -0.5))
    axes.set_xticks(range(len(columns)), [f"{value:g}" for value in columns])
    axes.set_yticks(range(len(rows)), [f"{value:g}" for value in rows])
    axes.set(xlabel=setting_name(table.keys[1]), ylabel=setting_name(table.keys[0]))
    axes.set_title(f"{GRID_METRICS[metric]}, %")
    axes.grid(visible=False)
