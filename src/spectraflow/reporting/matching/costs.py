"""What matching models cost: parameters, time and memory of a batch beside the paper's Table 3, and training."""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from spectraflow.reporting.cost_words import duration, published_cost
from spectraflow.reporting.labels import plain
from spectraflow.reporting.matching.entries import Entry
from spectraflow.reporting.matching_measures import TIMED_BATCH

WAYS = {"uncached": "with the backbone", "cached": "from cached maps"}


def cost_rows(entries: Sequence[Entry], comparison: pl.DataFrame) -> list[dict[str, Any]]:
    """Return a row for every model that says what it costs, with published numbers where cells match its runs."""
    rows = []
    for one in entries:
        totals = one.first_run.info.get("parameters") or {}
        hours = one.measure("cost/hours")
        if one.control is not None or (hours is None and not totals):
            continue
        timed = _timed(one)
        published = {
            name: published_cost(one, f"cost/{name}", unit, comparison)
            for name, unit in (("parameters_m", "M"), ("ms_per_batch", "ms"), ("peak_memory_mb", "MB"))
        }
        rows.append(
            {
                "name": one.unique,
                "words": one.words,
                "total": _millions(totals.get("total")),
                "trainable": _millions(totals.get("trainable")),
                "published": published,
                "times": [_time(timed, way, batch) for way, batch in timings(entries)],
                "memory": _memory(timed),
                "training": duration(hours),
                "device": plain(one.examination.get("device") or one.first_run.info.get("device")),
            }
        )
    return rows


def _timed(one: Entry) -> Mapping[str, Any]:
    return one.examination.get("cost") or {}


def timings(entries: Sequence[Entry]) -> list[tuple[str, str]]:
    """Return the ways to time a batch and its pairs that any model was timed with, the published way first."""
    costs = [_timed(one) for one in entries]
    held = {(way, batch) for cost in costs for way in WAYS for batch in cost.get(way) or {}}
    return sorted(held, key=lambda one: (list(WAYS).index(one[0]), int(one[1])))


def timing_words(way: str, batch: str) -> tuple[str, str]:
    """Return the unit of a way to time a batch, and the way in words."""
    return f"ms, {batch} pairs", WAYS[way]


def _millions(count: Any) -> str:
    return f"{count / 1e6:.3f} M" if isinstance(count, int) else "–"


def _time(timed: Mapping[str, Any], way: str, batch: str) -> dict[str, str]:
    found = (timed.get(way) or {}).get(batch) or {}
    ms, ends = found.get("ms"), found.get("iqr")
    if ms is None:
        return {"text": "–", "interval": ""}
    return {"text": f"{ms:,.1f}", "interval": f"{ends[0]:,.1f} to {ends[1]:,.1f}" if ends else ""}


def _memory(timed: Mapping[str, Any]) -> str:
    peak = ((timed.get("uncached") or {}).get(TIMED_BATCH) or {}).get("peak_mb")
    return "–" if peak is None else f"{peak:,.0f} MB"
