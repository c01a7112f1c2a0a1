"""Figures of what a trained SymSpectra does inside, and of what it still finds in worse spectra."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from spectraflow.reporting.axes import MARKERS, axes_of, errors, in_percent
from spectraflow.reporting.group_measures import technique
from spectraflow.reporting.groups.entries import Entry
from spectraflow.reporting.groups.figures import score_bars
from spectraflow.reporting.runs import Measured
from spectraflow.reporting.theme import INK, SERIES, SOFT, figure_style
from spectraflow.spectra.modalities import MODALITIES

_LINES = {"all": (INK, "-"), "fewest groups": (SERIES[0], (0, (4, 2))), "most groups": (SERIES[1], "-")}


def noise_curve(entries: Sequence[Entry]) -> Figure | None:
    """Draw micro-F1 against the noise added to test spectra (Fig. 5b)."""
    with figure_style():
        figure, (axes,) = axes_of(4.9, 3.4)
        drawn = [_noise(axes, one, number) for number, one in enumerate(entries[: len(SERIES)])]
        if not any(drawn):
            return None
        axes.set(xlabel="standard deviation of the noise", ylabel="micro-F1")
        in_percent(axes)
        figure.legend(loc="outside lower left", ncols=2)
        return figure


def _noise(axes: Axes, one: Entry, number: int) -> bool:
    names = {name for run in one.experiment.runs for name in run.measured}
    levels = sorted((n.split("/")[2] for n in names if n.startswith("examined/noise/")), key=float)
    levels = list(dict.fromkeys(levels))
    found = [(float(level), one.measure(f"examined/noise/{level}/micro_f1")) for level in levels]
    points = [(level, value) for level, value in found if value is not None]
    if points:
        x, values = zip(*points, strict=True)
        style: dict[str, Any] = {"color": SERIES[number], "marker": MARKERS[number], "ms": 4, "label": one.name}
        axes.errorbar(x, [v.value for v in values], errors(values), capsize=2, **style)
    return bool(points)


def missing_bars(entry: Entry) -> Figure | None:
    """Draw micro-F1 with all spectra and with each withheld from the test part (Fig. 5a)."""
    names = ["none", *dict.fromkeys(map(technique, entry.modalities))]
    found = {("all spectra" if n == "none" else f"without {n}"): entry.measure(_missing(n)) for n in names}
    known = {name: value for name, value in found.items() if value is not None}
    return score_bars(known) if len(known) > 1 else None


def _missing(name: str) -> str:
    return f"examined/missing/{name}/micro_f1"


def importance_maps(examination: Mapping[str, Any]) -> Figure | None:
    """Draw the mean share that gates keep along each modality's axis, of all molecules and of extremes (Fig. 7)."""
    by_token = (examination.get("importance") or {}).get("by_token") or {}
    known = {name: lines for name, lines in by_token.items() if name in MODALITIES}
    if not known:
        return None
    with figure_style():
        figure = Figure(figsize=(8.4, 0.6 + 1.75 * len(known)), layout="constrained")
        for axes, (name, lines) in zip(np.atleast_1d(figure.subplots(len(known), 1)), known.items(), strict=True):
            _importance(axes, name, lines)
        figure.axes[0].legend(loc="upper right", ncols=3, bbox_to_anchor=(1, 1.32))
        figure.supylabel("share kept", color=INK, size=9)
        return figure


def _importance(axes: Axes, name: str, lines: Mapping[str, Sequence[float]]) -> None:
    one = MODALITIES[name]
    for words, shares in lines.items():
        edges = np.linspace(one.first, one.last, len(shares) + 1)
        colour, dashes = _LINES.get(words, (SOFT, "-"))
        style: dict[str, Any] = {"color": colour, "ls": dashes, "lw": 1.3, "label": words}
        axes.plot((edges[:-1] + edges[1:]) / 2, shares, **style)
    axes.set(title=one.technique, xlabel=one.unit.replace("1/cm", "cm⁻¹"), xlim=(one.first, one.last))
    axes.margins(y=0.12)


def weights(entry: Entry, examination: Mapping[str, Any]) -> Figure | None:
    """Draw mean weights of samples by number of groups, and of labels sorted by their F1 (Figs. 8 and 9)."""
    found = examination.get("weights") or {}
    samples, labels = found.get("samples_by_groups") or {}, found.get("labels") or {}
    if not samples or not labels:
        return None
    scored = [(value.value, name) for name in labels if (value := _f1(entry, name)) is not None]
    names = [name for _, name in sorted(scored)]
    with figure_style():
        figure = Figure(figsize=(8.4, 1.4 + 0.19 * max(len(names), 12)), layout="constrained")
        left, right = figure.subplots(1, 2, width_ratios=(1, 1.35))
        counts = sorted(map(int, samples))
        left.plot(counts, [samples[str(n)] for n in counts], "o-", color=SERIES[0], ms=4)
        left.set(xlabel="groups of the molecule", ylabel="mean weight of a sample")
        left.xaxis.set_major_locator(MaxNLocator(integer=True))
        _label_weights(right, names, labels, found.get("labels_of_positives") or {})
        return figure


def _f1(entry: Entry, name: str) -> Measured | None:
    return entry.measure(f"groups/label/{name}/f1")


def _label_weights(
    axes: Axes, names: Sequence[str], everyone: Mapping[str, float], positive: Mapping[str, float]
) -> None:
    places = range(len(names))
    axes.plot([everyone[name] for name in names], places, "o", color=SERIES[0], ms=4, label="all molecules")
    of_positives = [(positive[name], place) for place, name in enumerate(names) if name in positive]
    if of_positives:
        axes.plot(
            *zip(*of_positives, strict=True), "D", color=SERIES[1], ms=4, mfc="none", label="those with the group"
        )
    axes.set_yticks(places, names, fontsize=7)
    axes.set(xlabel="mean weight of the label, best F1 on top", ylim=(-0.8, len(names) - 0.2))
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2)
