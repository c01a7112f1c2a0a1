"""What single choices bring: all spectra over one, the parts of SymSpectra, and the order of its decisions."""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from spectraflow.evaluation.uncertainty import Interval
from spectraflow.reporting.group_measures import positives
from spectraflow.reporting.groups.entries import DATASETS, Entry, reference_of
from spectraflow.reporting.groups.score_tables import COLUMNS, MAIN
from spectraflow.reporting.labels import percent, plain
from spectraflow.reporting.named_experiments import by_dataset
from spectraflow.reporting.score_cells import is_apart, signed_points

ORDER_GROUPS = ("Amide", "Amine", "Carboxylic acid", "Ester", "Imine")
"""Groups of the paper's table of label orders."""

ORDERS = {
    "iupac": "IUPAC seniority",
    "mutual_information": "mutual information",
    "gnn": "graph network",
    "alphabetical": "alphabetical",
    "frequency": "by frequency",
    "random": "random",
}
_PRINTED_ORDERS = {"iupac": "IUPAC", "mutual_information": "Mutual Info", "gnn": "GNN", "none": "none"}
_PARTS = {
    "network.gate",
    "network.attention",
    "network.auxiliary",
    "network.decoder",
    "objective.beta",
    "objective.bound",
    "objective.sample_scale",
    "objective.feature_scale",
}
_OF_DECODER = ("network.order", "network.decoder")


def _spectra_words(count: int) -> str:
    return {2: "both", 3: "all three"}.get(count, f"all {count}")


def gains(entries: Sequence[Entry]) -> list[str]:
    """Return, for each data set and model, what several spectra bring over the best single one, in words."""
    found = []
    for dataset, members in by_dataset(entries).items():
        models = [one for one in members if not one.is_floor]
        for several in (one for one in models if len(one.modalities) > 1 and not one.only_cell):
            singles = [one for one in models if _is_single_of(one, several)]
            if singles:
                found.append(f"{DATASETS.get(dataset, dataset)}, {several.kind}: {_gain(several, singles)}")
    return found


def _is_single_of(one: Entry, several: Entry) -> bool:
    keys = ("modalities", "required", "label")
    single = len(one.modalities) == 1 and one.modalities[0] in several.modalities
    return single and one.science(*keys) == several.science(*keys) and one.measure(MAIN.metric) is not None


def _gain(several: Entry, singles: Sequence[Entry]) -> str:
    best = max(singles, key=lambda one: one.measure(MAIN.metric).value)  # type: ignore[union-attr]
    whole, alone = several.measure(MAIN.metric), best.measure(MAIN.metric)
    if whole is None or alone is None:
        return "no micro-F1 was measured"
    count = len(several.modalities)
    start = f"{_spectra_words(count)} spectra ({', '.join(several.modalities)}) reach {percent(whole.value)} %, "
    start += f"{best.modalities[0]} alone, the best of {len(singles)} single ones, {percent(alone.value)} %: "
    difference = several.minus(best, MAIN.metric)
    if difference is None:
        return (
            f"{start}{100 * (whole.value - alone.value):+.1f} points, on different molecules, so without an interval."
        )
    return f"{start}{_in_words(difference)}"


def _in_words(difference: Interval) -> str:
    points = f"{100 * difference.value:+.1f} points (95 % interval {100 * difference.low:+.1f} to "
    points += f"{100 * difference.high:+.1f}, paired over {difference.n:,} molecules)"
    if difference.low > 0:
        return f"{points}: a gain."
    return f"{points}: a loss." if difference.high < 0 else f"{points}: no difference that these molecules can show."


def ablations(entries: Sequence[Entry]) -> dict[str, Any] | None:
    """Return the scores of SymSpectra without a part beside the full model's, and what the part brings."""
    models = [one for one in entries if one.settings.get("kind") == "symspectra" and not one.is_floor]
    if not models:
        return None
    full = reference_of(entries)
    kept = (*_PARTS, *_OF_DECODER, "label")
    changed = [one for one in models if one is not full and one.science(*kept) == full.science(*kept)]
    rows = [row for one in changed if (row := _ablation(one, full)) is not None]
    return {"full": full.name, "columns": [c.title for c in COLUMNS], "rows": rows} if rows else None


def _ablation(one: Entry, full: Entry) -> dict[str, Any] | None:
    changed = {key for key in _PARTS if one.settings.get(key) != full.settings.get(key)}
    if not changed:
        return None
    differences = [full.minus(one, column.metric) for column in COLUMNS]
    cells = [{**signed_points(d), "apart": is_apart(d)} for d in differences]
    return {"name": _without(one.settings, changed), "cells": cells, "runs": len(one.experiment.runs)}


def _without(settings: Mapping[str, Any], changed: set[str]) -> str:
    words = []
    weights = {"objective.sample_scale", "objective.feature_scale"}
    if "network.gate" in changed:
        words.append(
            "gate and bottleneck off" if settings["network.gate"] == "off" else f"gate {settings['network.gate']}"
        )
    elif "objective.beta" in changed:
        words.append(
            "gate kept, no bottleneck" if not settings["objective.beta"] else f"β = {settings['objective.beta']:g}"
        )
    if changed & weights:
        off = not any(settings[key] for key in weights)
        scales = ", ".join(f"{settings[key]:g}" for key in sorted(weights, reverse=True))
        words.append("no dynamic weights" if off else f"scales of weights {scales}")
    elif "network.auxiliary" in changed:
        words.append(f"auxiliary predictors: {plain(settings['network.auxiliary']).replace('_', ' ')}")
    if "network.decoder" in changed:
        name = settings["network.decoder"]
        words.append("no decoder" if name == "none" else f"decoder {name.upper() if name != 'transformer' else name}")
    if "network.attention" in changed:
        words.append("no cross-modal attention")
    if "objective.bound" in changed:
        words.append(f"bound {settings['objective.bound'].replace('_', ' ')}")
    return ", ".join(words)


def label_orders(entries: Sequence[Entry], comparison: pl.DataFrame) -> list[dict[str, Any]]:
    """Return, for each data set, F1 of single groups by the order in which the decoder decides; empty without."""
    tables = []
    for dataset, members in by_dataset(entries).items():
        models = [one for one in members if one.settings.get("kind") == "symspectra" and not one.is_floor]
        if not models:
            continue
        reference = reference_of(members)
        kept = (*_OF_DECODER, "label")
        alike = [one for one in models if one.science(*kept) == reference.science(*kept)]
        alike = [one for one in alike if one.settings.get("network.decoder") in ("none", "lstm")]
        if len(alike) > 1:
            rows = [_order_row(one, comparison) for one in alike]
            found = positives(reference.first_run.metrics)
            groups = [(group, plain(found.get(group, 0))) for group in ORDER_GROUPS]
            tables.append({"title": DATASETS.get(dataset, dataset), "groups": groups, "rows": rows})
    return tables


def _order_row(one: Entry, comparison: pl.DataFrame) -> dict[str, Any]:
    order = "none" if one.settings["network.decoder"] == "none" else str(one.settings["network.order"])
    seed = f" {one.settings['network.order_seed']}" if order == "random" else ""
    metrics = [MAIN.metric, *(f"groups/label/{group}/f1" for group in ORDER_GROUPS)]
    ids = {run.run_id for run in one.experiment.runs}
    printed = comparison.filter(
        pl.col("setting").fill_null("").str.contains(f"order={_PRINTED_ORDERS.get(order, '?')};", literal=True)
    )
    cells = []
    for metric in metrics:
        measured = one.measure(metric)
        rows = [
            row
            for row in printed.filter(pl.col("metric") == metric).iter_rows(named=True)
            if ids & set((row["run_ids"] or "").split())
        ]
        cells.append(
            {
                "text": "–" if measured is None else percent(measured.value),
                "published": f"{rows[0]['published']:.1f}" if rows else "",
            }
        )
    return {"name": "none: all at once" if order == "none" else f"{ORDERS.get(order, order)}{seed}", "cells": cells}
