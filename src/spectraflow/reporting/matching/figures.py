"""Figures that compare matching models; each returns a matplotlib figure, or None without its input."""

from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import Any

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, MultipleLocator, PercentFormatter

from spectraflow.reporting.axes import MARKERS, axes_of, errors
from spectraflow.reporting.matching.entries import Entry, all_sets, auc
from spectraflow.reporting.matching.examined_tables import change_of, changed_names
from spectraflow.reporting.matching_labels import set_name, set_place, split_set
from spectraflow.reporting.theme import INK, SERIES, SOFT, figure_style

PANELS = 6
_LEAST_PAIRS = 5
_NUCLEI = {"proton": "¹H", "carbon": "¹³C"}


def auc_by_set(entries: Sequence[Entry], counts: Entry | None) -> Figure | None:
    """Draw the AUC of models on every test set, that of counting lines as a step behind them."""
    sets = [name for name in all_sets(entries) if split_set(name)[0] is None]
    if not sets:
        return None
    with figure_style():
        figure, (axes,) = axes_of(8.4, 3.6)
        if counts is not None:
            _floor(axes, counts, sets)
        shown = list(entries[: len(SERIES)])
        for number, one in enumerate(shown):
            found = [(place, one.measure(auc(name))) for place, name in enumerate(sets)]
            known = [(place, value) for place, value in found if value is not None]
            places = [place + (number - (len(shown) - 1) / 2) * 0.11 for place, _ in known]
            values = [value for _, value in known]
            style: dict[str, Any] = {"color": SERIES[number], "marker": MARKERS[number], "ms": 5, "ls": ""}
            axes.errorbar(places, [v.value for v in values], errors(values), capsize=2, label=one.name, **style)
        axes.set_xticks(range(len(sets)), [set_name(name) for name in sets])
        axes.set(ylabel="AUC", xlim=(-0.6, len(sets) - 0.4))
        axes.yaxis.set_major_locator(MultipleLocator(0.05))
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        axes.grid(axis="x", visible=False)
        figure.legend(loc="outside lower left", ncols=2)
        return figure


def _floor(axes: Axes, counts: Entry, sets: Sequence[str]) -> None:
    found = [(place, counts.measure(auc(name))) for place, name in enumerate(sets)]
    known = [(place, measured.value) for place, measured in found if measured is not None]
    for number, (place, value) in enumerate(known):
        label = "_" if number else counts.name
        axes.hlines(value, place - 0.42, place + 0.42, color=INK, lw=1.6, label=label)


def reliability(entries: Sequence[Entry]) -> Figure | None:
    """Draw the share of pairs that match against the stated probability, a panel a test set, bins of 5 pairs at least.

    Of repeated models the first run is drawn.
    """
    found = [(one, one.first_run.metrics.get("reliability") or {}) for one in entries[: len(SERIES)]]
    sets = sorted({name for _, rows in found for name in rows}, key=set_place)
    if not sets:
        return None
    columns = len(sets) if len(sets) <= 5 else 4
    lines = -(-len(sets) // columns)
    with figure_style():
        figure, axes = axes_of(8.4, 1.2 + 7.6 / columns * lines, columns, lines)
        for place, (one, name) in enumerate(zip(axes, sets, strict=False)):
            one.plot([0, 1], [0, 1], color=SOFT, lw=0.9, ls=(0, (4, 3)))
            for number, (entry, rows) in enumerate(found):
                _reliability_line(one, rows.get(name) or [], number, entry.name if one is axes[0] else None)
            one.set(title=set_name(name), xlim=(0, 1), ylim=(0, 1), aspect="equal")
            one.set(xticks=(0, 0.5, 1), yticks=(0, 0.5, 1))
            if place + columns >= len(sets):
                one.set_xlabel("stated probability")
        for one in axes[len(sets) :]:
            one.set_axis_off()
        figure.supylabel("share that matches", size=9)
        figure.legend(loc="outside lower left", ncols=2)
        return figure


def _reliability_line(axes: Axes, rows: Sequence[Mapping[str, Any]], number: int, label: str | None) -> None:
    kept = [(row["stated"], row["happened"]) for row in rows if row["n"] >= _LEAST_PAIRS]
    x, y = zip(*kept, strict=True) if kept else ((), ())
    axes.plot(x, y, color=SERIES[number], marker=MARKERS[number], ms=3.5, lw=1.3, label=label)


def change_dots(entries: Sequence[Entry]) -> Figure | None:
    """Draw what a change of the rendering does to the AUC on near negatives, a row a change."""
    changes = changed_names(entries)
    models = [one for one in entries if any(change_of(one, change) for change in changes)][: len(SERIES)]
    if not models:
        return None
    with figure_style():
        figure, (axes,) = axes_of(8.4, 1.2 + 0.3 * len(changes))
        axes.axvline(0, color=SOFT, lw=0.9)
        for number, one in enumerate(models):
            found = [(place, change_of(one, change)) for place, change in enumerate(changes)]
            aside = (number - (len(models) - 1) / 2) * 0.14
            points = [(100 * value[1], place + aside) for place, value in found if value is not None]
            style: dict[str, Any] = {"color": SERIES[number], "marker": MARKERS[number], "ms": 5, "ls": ""}
            axes.plot(*zip(*points, strict=True), label=one.unique, **style)
        axes.set_yticks(range(len(changes)), changes)
        axes.set(xlabel="change of the AUC, points", ylim=(len(changes) - 0.4, -0.6))
        axes.xaxis.set_major_locator(MaxNLocator(nbins=8, steps=[1, 2, 5, 10]))
        axes.grid(axis="y", visible=False)
        figure.legend(loc="outside lower left", ncols=2)
        return figure


def pair_maps(maps: Sequence[tuple[str, str, pl.DataFrame]]) -> Figure | None:
    """Draw test pairs on the plane of their embeddings (Fig. 6), a panel a model: name, numbers, positions."""
    shown = [one for one in maps if not one[2].is_empty()][:PANELS]
    if not shown:
        return None
    columns = min(3, len(shown))
    lines = -(-len(shown) // columns)
    with figure_style():
        figure, axes = axes_of(2.8 * columns, 0.5 + 3.2 * lines, columns, lines)
        for one, (name, numbers, positions) in zip(axes, shown, strict=False):
            for label, colour, words in ((False, SERIES[1], "other pairs"), (True, SERIES[0], "matching pairs")):
                rows = positions.filter(pl.col("label") == label)
                legend = words if one is axes[0] else None
                one.scatter(rows["x"], rows["y"], s=5, color=colour, alpha=0.6, lw=0, label=legend)
            one.set(xticks=[], yticks=[], xlabel=numbers)
            one.set_title(fill(name, 36), fontsize=9)
        for one in axes[len(shown) :]:
            one.set_axis_off()
        figure.legend(loc="outside lower left", ncols=2, markerscale=2)
        return figure


def rendered_spectra(rows: Sequence[Mapping[str, Any]], windows: Mapping[str, tuple[float, float]]) -> Figure | None:
    """Draw rendered spectra as a model sees them: the highest and lowest point of each column.

    rows: of a table of renderings; windows: left and right end of the axes by ``proton`` and ``carbon``, ppm.
    """
    if not rows:
        return None
    with figure_style():
        figure, axes = axes_of(8.4, 0.4 + 1.5 * len(rows), 2, len(rows))
        for place, (row, nucleus) in zip(axes, ((row, name) for row in rows for name in _NUCLEI), strict=True):
            _columns(place, row, nucleus, windows[nucleus])
            if nucleus == "proton":
                place.set_title(row["molecule_id"], fontsize=9)
        return figure


def _columns(axes: Axes, row: Mapping[str, Any], nucleus: str, window: tuple[float, float]) -> None:
    high, low = row[f"{nucleus}_high"], row[f"{nucleus}_low"]
    left, right = window
    width = (right - left) / len(high)
    places = [left + (number + 0.5) * width for number in range(len(high))]
    axes.fill_between(places, low, high, step="mid", color=INK, lw=0)
    axes.step(places, high, where="mid", color=INK, lw=0.8)
    axes.set(xlim=window, ylim=(-0.03, 1.05), yticks=[], xlabel=f"{_NUCLEI[nucleus]} shift, ppm")
    axes.grid(visible=False)
