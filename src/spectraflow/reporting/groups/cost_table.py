"""What models of functional groups cost: time, memory and parameters beside what they reach (Tables 10 and 11)."""

from collections.abc import Sequence
from typing import Any

import polars as pl

from spectraflow.reporting.cost_words import duration, published_cost
from spectraflow.reporting.groups.entries import Entry
from spectraflow.reporting.labels import plain, with_interval


def cost_table(entries: Sequence[Entry], comparison: pl.DataFrame) -> list[dict[str, Any]]:
    """Return a row for every model that stands on its own, with published hours and GB where cells match its runs."""
    rows = []
    for one in entries:
        hours, memory = one.measure("cost/hours"), one.measure("cost/gb")
        if one.only_cell or (hours is None and memory is None):
            continue
        rows.append(
            {
                "name": one.name,
                "spectra": len(one.modalities),
                "molecules": plain((one.first_run.info.get("molecules") or {}).get("train")),
                "device": plain(one.first_run.info.get("device")),
                "time": duration(hours),
                "published_time": published_cost(one, "cost/hours", "h", comparison),
                "memory": "–" if memory is None else f"{memory.value:.1f} GB",
                "published_memory": published_cost(one, "cost/gb", "GB", comparison),
                "parameters": plain((one.first_run.info.get("parameters") or {}).get("trainable")),
                "score": with_interval(one.measure("groups/micro_f1")),
            }
        )
    return rows
