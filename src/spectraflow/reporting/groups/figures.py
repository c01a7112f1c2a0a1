"""Figures that compare models of functional groups; each returns a matplotlib figure, or None without its input."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter, PercentFormatter

from spectraflow.evaluation.classification import TIER_BOUNDS
from spectraflow.reporting.axes import MARKERS, axes_of, errors, in_percent
from spectraflow.reporting.group_measures import positives
from spectraflow.reporting.groups.entries import Entry
from spectraflow.reporting.runs import Measured
from spectraflow.reporting.theme import SERIES, SOFT, figure_style

TIERS = {"low": "rare", "medium": "medium", "high": "frequent"}
PARTS = {"train": SOFT, "val": SERIES[4], "test": SERIES[1]}
_COUNT = re.compile(r"groups/count/(\d+)/exact_match")


def f1_by_positives(entries: Sequence[Entry]) -> Figure | None:
    """Draw the F1 score of every group against its molecules in the test part (Fig. 3d)."""
    with figure_style():
        figure, (axes,) = axes_of(5.4, 3.7)
        drawn = [_draw_groups(axes, one, number) for number, one in enumerate(entries[: len(SERIES)])]
        if not any(drawn):
            return None
        for bound in (share * _molecules(entries[0]) for share in TIER_BOUNDS):
            if bound > 1:
                axes.axvline(bound, color=SOFT, lw=0.9, ls=(0, (4, 3)))
        axes.set(xscale="log", xlabel="molecules of the test part with the group", ylabel="F1")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        in_percent(axes)
        figure.legend(loc="outside lower left", ncols=2)
        return figure


def _molecules(entry: Entry) -> int:
    return int((entry.first_run.info.get("molecules") or {}).get("test") or 0)


def _draw_groups(axes: Axes, one: Entry, number: int) -> bool:
    counts = positives(one.first_run.metrics)
    points = [
        (count, found.value)
        for name, count in counts.items()
        if count and (found := one.measure(f"groups/label/{name}/f1")) is not None
    ]
    if points:
        style: dict[str, Any] = {"color": SERIES[number], "marker": MARKERS[number], "alpha": 0.75, "label": one.name}
        axes.plot(*zip(*points, strict=True), ls="", ms=4.5, **style)
    return bool(points)


def exact_by_count(entries: Sequence[Entry]) -> Figure | None:
    """Draw the share of molecules with every group right by how many they have (Fig. 3b)."""
    with figure_style():
        figure, (axes,) = axes_of(5.4, 3.7)
        found = False
        for number, one in enumerate(entries[: len(SERIES)]):
            names = {name for run in one.experiment.runs for name in run.measured}
            counts = sorted(int(match[1]) for match in map(_COUNT.fullmatch, names) if match)
            values = [value for n in counts if (value := one.measure(f"groups/count/{n}/exact_match")) is not None]
            if values:
                found = True
                style: dict[str, Any] = {"color": SERIES[number], "marker": MARKERS[number], "ms": 4, "label": one.name}
                axes.errorbar(counts, [v.value for v in values], errors(values), capsize=2, lw=1.3, **style)
        if not found:
            return None
        axes.set(xlabel="groups of the molecule", ylabel="every group right")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        in_percent(axes)
        figure.legend(loc="outside lower left", ncols=2)
        return figure


def tier_bars(entries: Sequence[Entry]) -> Figure | None:
    """Draw mean F1 of rare, medium and frequent groups by model (Table 3, Fig. 10)."""
    tiers = [tier for tier in TIERS if any(one.measure(f"groups/tier/{tier}/f1") for one in entries)]
    if not tiers:
        return None
    with figure_style():
        figure, (axes,) = axes_of(5.4, 3.7)
        shown = entries[: len(SERIES)]
        width = 0.8 / len(shown)
        for number, one in enumerate(shown):
            found = [(place, one.measure(f"groups/tier/{tier}/f1")) for place, tier in enumerate(tiers)]
            values = [(place, value) for place, value in found if value is not None]
            places = [place + (number - (len(shown) - 1) / 2) * width for place, _ in values]
            bars = [value for _, value in values]
            style: dict[str, Any] = {"color": SERIES[number], "ecolor": SOFT, "capsize": 2, "label": one.name}
            axes.bar(places, [v.value for v in bars], 0.92 * width, yerr=errors(bars), **style)
        axes.set_xticks(range(len(tiers)), [TIERS[tier] for tier in tiers])
        axes.set(ylabel="mean F1 of the tier")
        axes.grid(axis="x", visible=False)
        in_percent(axes)
        figure.legend(loc="outside lower left", ncols=2)
        return figure


def subsampling(entries: Sequence[Entry]) -> Figure | None:
    """Draw the F1 of groups of which only a share of the positives was kept in training, by model (Fig. 4).

    The full share comes from runs that differ in nothing else.
    """
    reduced = [one for one in entries if one.settings.get("subsample.group") and not one.is_floor]
    groups = list(dict.fromkeys(str(one.settings["subsample.group"]) for one in reduced))
    if not groups:
        return None
    with figure_style():
        figure, axes = axes_of(max(4.4, 2.9 * len(groups)), 3.4, len(groups))
        kinds = list(dict.fromkeys(one.kind for one in reduced))
        for place, group in zip(axes, groups, strict=True):
            for number, kind in enumerate(kinds[: len(SERIES)]):
                points = _shares([one for one in reduced if one.kind == kind], entries, group)
                if points:
                    x, values = zip(*points, strict=True)
                    style: dict[str, Any] = {"color": SERIES[number], "marker": MARKERS[number], "ms": 4}
                    style["label"] = kind if place is axes[0] else None
                    place.errorbar(x, [v.value for v in values], errors(values), capsize=2, lw=1.3, **style)
            place.set(title=group, xlabel="share of its positives kept", xlim=(0, 1.06))
            place.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
            in_percent(place)
        axes[0].set_ylabel("F1 of the group")
        figure.legend(loc="outside lower left", ncols=3)
        return figure


def _shares(reduced: Sequence[Entry], entries: Sequence[Entry], group: str) -> list[tuple[float, Measured]]:
    keys = ("subsample.group", "subsample.kept", "label")
    of_group = [one for one in reduced if one.settings["subsample.group"] == group]
    whole = [
        one
        for one in entries
        if not one.settings.get("subsample.group") and any(one.science(*keys) == r.science(*keys) for r in of_group)
    ]
    named = [(float(one.settings["subsample.kept"]), one) for one in of_group] + [(1.0, one) for one in whole]
    found = {share: one.measure(f"groups/label/{group}/f1") for share, one in named}
    return sorted((share, value) for share, value in found.items() if value is not None)


def augmentation_bars(entries: Sequence[Entry]) -> Figure | None:
    """Draw micro-F1 with each augmentation beside that without, of runs that differ in nothing else (Fig. 5a)."""
    augmented = [one for one in entries if one.settings.get("augmentation.kind") not in (None, "none")]
    if not augmented:
        return None
    first = augmented[0].science("augmentation.kind", "label")
    alike = [one for one in entries if one.science("augmentation.kind", "label") == first]
    found = {str(one.settings["augmentation.kind"]): one.measure("groups/micro_f1") for one in alike}
    return score_bars({name: value for name, value in found.items() if value is not None})


def score_bars(found: Mapping[str, Measured]) -> Figure | None:
    """Draw named scores as horizontal bars with intervals."""
    if not found:
        return None
    with figure_style():
        figure, (axes,) = axes_of(4.9, 0.9 + 0.42 * len(found))
        values = list(found.values())
        axes.barh(range(len(found)), [v.value for v in values], 0.62, color=SERIES[0], xerr=errors(values), ecolor=SOFT)
        for place, value in enumerate(values):
            axes.text(0.012, place, f"{100 * value.value:.1f}", va="center", color="#ffffff", weight="bold", size=8)
        axes.set_yticks(range(len(found)), list(found))
        axes.invert_yaxis()
        axes.set(xlabel="micro-F1", xlim=(0, 1.04))
        axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        axes.grid(axis="y", visible=False)
        return figure


def scaffold_map(positions: pl.DataFrame) -> Figure | None:
    """Draw the molecules of a split on the plane of their scaffolds, coloured by part (Fig. 6)."""
    if positions.is_empty():
        return None
    with figure_style():
        figure, (axes,) = axes_of(4.9, 4.4)
        for part, colour in PARTS.items():
            rows = positions.filter(pl.col("part") == part)
            size = 3 if part == "train" else 9
            axes.scatter(rows["x"], rows["y"], s=size, color=colour, alpha=0.7, lw=0, label=f"{part}, {len(rows):,}")
        axes.set_xticks([])
        axes.set_yticks([])
        figure.legend(loc="outside lower center", ncols=3, markerscale=2)
        return figure
