"""Figures that compare models of MoleculeNet tasks; each returns a matplotlib figure, or None without its input."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from spectraflow.reporting.axes import MARKERS, axes_of, errors
from spectraflow.reporting.properties.contrasts import Contrast, tasks_in
from spectraflow.reporting.properties.entries import Entry, labels_of, tasks_of
from spectraflow.reporting.properties.score_tables import PublishedScores
from spectraflow.reporting.property_labels import IN_PERCENT, UNITS, task_name
from spectraflow.reporting.runs import Measured, Run
from spectraflow.reporting.theme import OTHER_COLOUR, SERIES, SOFT, figure_style

COLUMNS = 4
_CURVES = {"val/excess": "Excess loss, held-out molecules", "val/spearman": "Rank correlation, held-out molecules"}


def score_dots(entries: Sequence[Entry], published: PublishedScores) -> Figure | None:
    """Draw the main score of every model, a panel a task, with the spread over splits and the published value.

    The mean of the training part is left out: beside it the others could not be told apart.
    """
    entries = [one for one in entries if not one.is_floor]
    labels, tasks = labels_of(entries), tasks_of(entries)
    if not any(one.measure() for one in entries):
        return None

    def draw(axes: Axes, task: str) -> None:
        for one in (one for one in entries if one.task == task):
            measured = one.measure()
            if measured is None:
                continue
            place, scale = labels.index(one.label), _scale(one.main)
            scaled = Measured(*(None if x is None else scale * x for x in measured[:3]))  # type: ignore[arg-type]
            colour = SERIES[1] if one.is_fusion else SERIES[0]
            style: dict[str, Any] = {"color": colour, "marker": "o", "ms": 4.5, "ls": "", "capsize": 2}
            axes.errorbar([scaled.value], [place], xerr=[[x[0]] for x in errors([scaled])], **style)
            if (printed := published.of(one)) is not None:
                axes.plot(printed[0], place, "D", mfc="none", mec=SOFT, ms=6)

    return _panels(tasks, labels, draw, "ROC-AUC, %")


def gain_points(found: Sequence[Contrast]) -> Figure | None:
    """Draw how much better every model is than the reference on each split (dots) and on average, a panel a task.

    The mean of the training part is left out.
    """
    members = [one for one in found if one.tasks and not one.one.is_floor]
    if not members:
        return None
    labels = [one.one.label for one in members]

    def draw(axes: Axes, task: str) -> None:
        axes.axvline(0, color=SOFT, lw=0.9)
        for place, one in enumerate(members):
            for each in (each for each in one.tasks if each.task == task):
                scale = _scale(each.score) * (1 if each.score in IN_PERCENT else -1)
                gains = [scale * (point.one - point.other) for point in each.points]
                axes.plot(gains, [place] * len(gains), "o", color=SERIES[0], alpha=0.55, ms=4, mew=0)
                mean = _scale(each.score) * each.difference.gain
                axes.plot(mean, place, "D" if each.verdict == "tie" else "*", color=SERIES[1], ms=5)

    return _panels(tasks_in(members), labels, draw, "points")


def _scale(score: str) -> float:
    return 100 if score in IN_PERCENT else 1


def _panels(tasks: Sequence[str], labels: Sequence[str], draw: Callable[[Axes, str], None], unit: str) -> Figure:
    """Draw a panel for each task, models from top to bottom; `unit` is that of classification."""
    lines = -(-len(tasks) // COLUMNS)
    with figure_style():
        figure, axes = axes_of(9.5, 0.4 + lines * (0.7 + 0.22 * len(labels)), COLUMNS, lines)
        for place, (one, task) in enumerate(zip(axes, tasks, strict=False)):
            draw(one, task)
            one.set(title=task_name(task), xlabel=UNITS.get(task, unit), ylim=(len(labels), -1))
            one.set_yticks(range(len(labels)), labels if place % COLUMNS == 0 else [])
            one.xaxis.set_major_locator(MaxNLocator(nbins=3))
        for one in axes[len(tasks) :]:
            one.set_axis_off()
        return figure


def pretraining_curves(encoders: Sequence[Run], names: Mapping[str, str]) -> Figure | None:
    """Draw excess loss and rank correlation of held-out molecules by epoch; the epoch that was kept has a dot."""
    trained = [run for run in encoders if run.history]
    if not trained:
        return None
    with figure_style():
        figure, axes = axes_of(8.4, 3.6, 2)
        for one, (key, title) in zip(axes, _CURVES.items(), strict=True):
            for number, run in enumerate(trained):
                _curve(one, run, key, number, names[run.run_id] if one is axes[0] else None)
            one.set(title=title, xlabel="epoch")
            one.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
        figure.legend(loc="outside lower left", ncols=4)
        return figure


def _curve(axes: Axes, run: Run, key: str, number: int, label: str | None) -> None:
    points = [(row["epoch"], row[key]) for row in run.history if isinstance(row.get(key), int | float)]
    colour = SERIES[number] if number < len(SERIES) else OTHER_COLOUR
    if not points:
        return
    axes.plot(*zip(*points, strict=True), color=colour, label=label)
    kept = [point for point in points if point[0] == run.metrics.get("best_epoch")]
    if kept:
        axes.plot(*kept[0], MARKERS[number % len(MARKERS)], color=colour, ms=5)
