"""Isomer recognition on the page: sums over groups, the published groups beside the papers, all groups."""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from spectraflow.reporting.experiments import Experiment
from spectraflow.reporting.labels import percent, with_interval
from spectraflow.reporting.runs import Run, as_measured

_SETS = {
    "listed": "all listed molecules of a formula",
    "fold": "held-out molecules of a formula alone",
    "published": "the published formulas, all listed molecules",
}
_FIGURES = ("rank1", "one_to_one", "rank1_among_unseen", "rank1_among_seen", "ceiling_without_stereo", "chance")
_PUBLISHED_MODEL = ("K-M3AID", "K-ID")


def isomer_section(run: Run, experiments: Sequence[Experiment], comparison: pl.DataFrame) -> dict[str, Any] | None:
    """Return sums and group rows of a run, or of all folds of its experiment where they were put together.

    None if the run has no isomers.json and its folds were not put together.
    """
    experiment = next((one for one in experiments if run in one.runs), None)
    pooled = experiment.pooled[0] if experiment is not None and experiment.pooled else None
    found = run.isomers if pooled is None else pooled.isomers
    if not found:
        return None
    metrics = {**((run.isomers or {}).get("metrics") or {}), **(found.get("metrics") or {})}
    published = _published_values(comparison)
    groups = [group for group in found.get("groups") or [] if group.get("scope") == "listed"]
    return {
        "folds": 1 if pooled is None else len(pooled.runs),
        "least": found.get("least_members"),
        "sums": [row for name, title in _SETS.items() if (row := _sum(metrics, name, title)) is not None],
        "published": [_group(group, published) for group in groups if group.get("published")],
        "others": [_group(group, published) for group in groups if not group.get("published")],
    }


def _sum(metrics: Mapping[str, Any], name: str, title: str) -> dict[str, Any] | None:
    first = as_measured(metrics.get(f"isomers/{name}/rank1"))
    if first is None:
        return None
    texts = [with_interval(as_measured(metrics.get(f"isomers/{name}/{figure}"))) for figure in _FIGURES[:-2]]
    texts += [percent(getattr(as_measured(metrics.get(f"isomers/{name}/{f}")), "value", None)) for f in _FIGURES[-2:]]
    return {"title": title, "queries": f"{first.n or 0:,}", "texts": texts}


def _group(group: Mapping[str, Any], published: Mapping[str, str]) -> dict[str, Any]:
    return {
        "formula": group["formula"],
        "members": group["members"],
        "queries": group["queries"],
        "texts": [percent(group.get(figure)) for figure in _FIGURES],
        "published": published.get(group["formula"], ""),
    }


def _published_values(comparison: pl.DataFrame) -> dict[str, str]:
    """Return the published accuracy and group size of each formula in words."""
    rows = comparison.filter(pl.col("metric").str.starts_with("isomers/") & pl.col("method").is_in(_PUBLISHED_MODEL))
    found: dict[str, str] = {}
    for row in rows.sort("paper").iter_rows(named=True):
        setting = dict(part.split("=", 1) for part in (row["setting"] or "").split(";") if "=" in part)
        size = f" of {setting['n']}" if "n" in setting else ""
        found.setdefault(setting.get("formula", ""), f"{row['published']:.1f}{size}")
    return found
