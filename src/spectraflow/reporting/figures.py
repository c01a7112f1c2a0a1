"""The figures of the report, drawn from run folders and the comparison; each returns a matplotlib figure."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter, PercentFormatter

from spectraflow.evaluation.assignment import CARBON_BINS
from spectraflow.reporting.axes import axes_of, say
from spectraflow.reporting.runs import Measured, Run, as_measured, retrieval_controls
from spectraflow.reporting.theme import GRID, INK, OTHER_COLOUR, RIGHT, SERIES, SOFT, WRONG, figure_style

ASSIGNMENT_METHODS = {"published": "published metric", "argmax": "plain argmax", "hungarian": "one-to-one"}


def _size_label(value: float, _: object = None) -> str:
    for unit, name in ((1_000_000, "M"), (1_000, "k")):
        if value >= unit:
            return f"{value / unit:g}{name}"
    return f"{value:g}"


def _curve(axes: Axes, run: Run, key: str, **style: Any) -> None:
    points = [(row["epoch"], row[key]) for row in run.history if isinstance(row.get(key), int | float)]
    points = [(epoch, value) for epoch, value in points if math.isfinite(value)]
    if points:
        axes.plot(*zip(*points, strict=True), **style)


CURVES = {"val/in_batch": "Molecule among a batch, val", "val/atom": "Atom accuracy, val"}


def training_curves(runs: Sequence[Run], names: Mapping[str, str], curves: Mapping[str, str] = CURVES) -> Figure:
    """Draw losses and two validation scores by epoch; `names` maps run ids to labels, the chosen epoch is dotted.

    curves: titles of the scores by their names in the history.
    """
    with figure_style():
        figure, axes = axes_of(8.4, 3.5, 3)
        if not any(run.history for run in runs):
            for one in axes:
                say(one, "no training history")
            return figure
        for number, run in enumerate(runs):
            colour = SERIES[number] if number < len(SERIES) else OTHER_COLOUR
            best = run.metrics.get("best_epoch")
            style = {"color": colour, "alpha": 1.0 if number < len(SERIES) else 0.4}
            label = names.get(run.run_id, run.label) if number < len(SERIES) else None
            measured = any("val/loss" in row for row in run.history)
            _curve(axes[0], run, "train/loss", ls=(0, (3, 2)), lw=1.1, label=None if measured else label, **style)
            _curve(axes[0], run, "val/loss", label=label, **style)
            for place, key in zip(axes[1:], curves, strict=True):
                _curve(place, run, key, **style)
            _dot_best(axes, run, best, colour, ("val/loss", *curves))
        titles = ("Loss (dashed: training)", *curves.values())
        for one, title in zip(axes, titles, strict=True):
            one.set(title=title, xlabel="epoch")
            one.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
        for one in axes[1:]:
            one.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
            one.set_ylim(0, 1.02)
        figure.legend(loc="outside lower left", ncols=min(2, len(runs)))
        return figure


def _dot_best(axes: Sequence[Axes], run: Run, best: Any, colour: str, keys: Sequence[str]) -> None:
    row = next((row for row in run.history if row.get("epoch") == best), {})
    for one, key in zip(axes, keys, strict=True):
        if isinstance(row.get(key), int | float):
            one.plot(best, row[key], "o", color=colour, ms=4.5, zorder=5)


def rank_histogram(ranks: pl.DataFrame | None) -> Figure:
    """Draw the absolute ranks of the truth in the whole library (a ranks table) against ranks by chance."""
    with figure_style():
        figure, (axes,) = axes_of(4.9, 3.1)
        if ranks is None or ranks.is_empty():
            say(axes, "no library ranks: retrieval was not run")
            return figure
        rank = ranks["at_or_above"].to_numpy() + 1
        library = int(ranks["eligible"].max()) + 1  # type: ignore[arg-type]
        edges = np.unique(np.r_[1, 2, np.geomspace(2, library + 1, 15).round()].astype(int))
        counts, _ = np.histogram(rank, edges)
        left, width = edges[:-1] - 0.5, np.diff(edges)
        axes.bar(left, counts, width, align="edge", color=SERIES[0], edgecolor="white", linewidth=0.6, label="measured")
        chance = len(rank) * width / library
        axes.stairs(chance, edges - 0.5, color=SERIES[1], lw=1.5, ls=(0, (4, 2)), label="by chance", baseline=None)
        axes.set(xscale="log", xlabel=f"rank of the truth among {library:,} candidates", ylabel="queries")
        axes.set_title(f"Where {len(rank):,} spectra find their molecule")
        axes.xaxis.set_major_formatter(FuncFormatter(_size_label))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.grid(axis="x", visible=False)
        axes.legend()
        return figure


def retrieval_sizes(run: Run) -> dict[int, dict[int, Measured]]:
    """Return hit rates of a run by library size and k, ascending."""
    table: dict[int, dict[int, Measured]] = {}
    for name, value in run.measured.items():
        if name.startswith("retrieval/"):
            _, size, k = name.split("/")
            table.setdefault(int(size), {})[int(k)] = value
    return {size: dict(sorted(table[size].items())) for size in sorted(table)}


def hits_by_library(run: Run, published: Mapping[tuple[int, int], float]) -> Figure:
    """Draw hit@k against library size; `published` maps (size, k) to fractions, drawn as open diamonds."""
    with figure_style():
        figure, (axes,) = axes_of(4.9, 3.5)
        sizes = retrieval_sizes(run)
        if not sizes:
            say(axes, "no library retrieval was run")
            return figure
        for number, k in enumerate(sorted({k for by_k in sizes.values() for k in by_k})):
            _hit_curve(axes, sizes, k, SERIES[number % len(SERIES)])
            points = [(size, value) for (size, k_), value in sorted(published.items()) if k_ == k]
            if points:
                colour = SERIES[number % len(SERIES)]
                axes.plot(*zip(*points, strict=True), "D", mfc="none", mec=colour, ms=6, mew=1.4)
        if published:
            axes.plot([], [], "D", mfc="none", mec=SOFT, ms=6, label="published")
        _control_curves(axes, run, sorted(sizes))
        axes.set(xscale="log", xlabel="candidates (molecules)", ylabel="truth among the first k", ylim=(-0.02, 1.04))
        axes.set_title("Finding the molecule of a spectrum")
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        axes.xaxis.set_major_formatter(FuncFormatter(_size_label))
        axes.xaxis.set_minor_formatter(NullFormatter())
        figure.legend(loc="outside lower center", ncols=4)
        return figure


def _hit_curve(axes: Axes, sizes: Mapping[int, Mapping[int, Measured]], k: int, colour: str) -> None:
    points = [(size, by_k[k]) for size, by_k in sizes.items() if k in by_k]
    x, y = [size for size, _ in points], [one.value for _, one in points]
    low = [one.value if one.low is None else one.low for _, one in points]
    high = [one.value if one.high is None else one.high for _, one in points]
    axes.plot(x, y, "o-", color=colour, ms=4, label=f"hit@{k}")
    axes.fill_between(x, low, high, color=colour, alpha=0.18, lw=0)


def _control_curves(axes: Axes, run: Run, sizes: Sequence[int]) -> None:
    axes.plot(sizes, [1 / size for size in sizes], ls=":", color=INK, lw=1.2, label="chance, k = 1")
    styles = {"permuted_spectra": (0, (5, 2)), "carbon_count_prior": (0, (6, 2, 1, 2))}
    controls = retrieval_controls(run.retrieval or {})
    for name, dashes in styles.items():
        by_size = {int(size): as_measured(by_k.get("1")) for size, by_k in (controls.get(name) or {}).items()}
        points = [(size, one.value) for size, one in sorted(by_size.items()) if one is not None]
        if points:
            axes.plot(*zip(*points, strict=True), ls=dashes, color=SOFT, lw=1.3, label=name.replace("_", " "))


def accuracy_by_size(run: Run, published: Mapping[str, float]) -> Figure:
    """Draw the share of molecules with every peak right by carbon count; `published` maps bins to fractions."""
    with figure_style():
        figure, (axes,) = axes_of(4.9, 3.1)
        bins = CARBON_BINS["counted"]
        exact = {m: [run.measured.get(f"exact/{m}/{name}") for name in bins] for m in ASSIGNMENT_METHODS}
        if not any(one for values in exact.values() for one in values):
            say(axes, "no exact-molecule rates")
            return figure
        for number, (method, values) in enumerate(exact.items()):
            _bars(axes, values, number, SERIES[number], ASSIGNMENT_METHODS[method])
        marks = [(index, published[name]) for index, name in enumerate(bins) if name in published]
        if marks:
            x, y = zip(*marks, strict=True)
            axes.plot([i - 0.26 for i in x], y, "D", mfc="none", mec=INK, ms=7, mew=1.4, ls="", label="published")
        sizes = [next((v[i].n for v in exact.values() if v[i] is not None), None) for i in range(3)]  # type: ignore[union-attr]
        labels = [
            f"{name} C".replace("<=", "≤") + ("" if n is None else f"\n{n:,} molecules")
            for name, n in zip(bins, sizes, strict=True)
        ]
        axes.set_xticks(range(3), labels)
        axes.set_ylabel("molecules with every peak right")
        axes.set_title("Assignment by number of carbons")
        axes.set_ylim(0, 1.04)
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        axes.grid(axis="x", visible=False)
        figure.legend(loc="outside lower center", ncols=4)
        return figure


def _bars(axes: Axes, values: Sequence[Measured | None], number: int, colour: str, label: str) -> None:
    found = [(i, one) for i, one in enumerate(values) if one is not None]
    x, heights = [i + (number - 1) * 0.26 for i, _ in found], [one.value for _, one in found]
    low = [max(0.0, one.value - (one.value if one.low is None else one.low)) for _, one in found]
    high = [max(0.0, (one.value if one.high is None else one.high) - one.value) for _, one in found]
    axes.bar(x, heights, 0.24, color=colour, label=label, yerr=[low, high], error_kw={"lw": 1, "ecolor": INK})


def stick_spectrum(shifts: Sequence[float], right: Sequence[bool]) -> Figure:
    """Draw a 13C peak list (ppm) as sticks as high as peaks coincide; wrong ones have another colour and a cross."""
    with figure_style():
        figure, (axes,) = axes_of(5.2, 2.7)
        grouped: dict[float, list[bool]] = {}
        for shift, good in zip(shifts, right, strict=True):
            grouped.setdefault(round(shift, 3), []).append(good)
        for shift, marks in grouped.items():
            colour = RIGHT if all(marks) else WRONG
            axes.vlines(shift, 0, len(marks), color=colour, lw=2)
            axes.plot(shift, len(marks), "o" if all(marks) else "X", color=colour, ms=4 if all(marks) else 7)
        top = max(map(len, grouped.values()))
        axes.set(xlabel="13C shift, ppm", ylabel="carbons", ylim=(0, top * 1.18))
        span = max(shifts) - min(shifts)
        axes.set_xlim(max(shifts) + 0.08 * span + 5, min(shifts) - 0.08 * span - 5)
        axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=3))
        axes.grid(axis="x", visible=False)
        axes.axhline(0, color=GRID, lw=1)
        return figure
