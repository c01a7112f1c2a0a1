"""Costs as text: durations, and published costs beside those of runs."""

import polars as pl

from spectraflow.reporting.named_experiments import NamedExperiment
from spectraflow.reporting.runs import Measured


def duration(hours: Measured | None) -> str:
    """Return a time in the unit that suits it, a dash if there is none."""
    if hours is None:
        return "–"
    seconds = 3600 * hours.value
    return (
        f"{seconds:,.0f} s"
        if seconds < 600
        else f"{seconds / 60:,.0f} min"
        if seconds < 7200
        else f"{hours.value:.1f} h"
    )


def published_cost(one: NamedExperiment, metric: str, unit: str, comparison: pl.DataFrame) -> str:
    """Return the published cost beside an experiment's, empty if there is none."""
    ids = {run.run_id for run in one.experiment.runs}
    for row in comparison.filter(pl.col("metric") == metric).iter_rows(named=True):
        if ids & set((row["run_ids"] or "").split()):
            return f"{row['published']:g} {unit}"
    return ""
