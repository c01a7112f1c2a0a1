"""Numbers of a matching model beside its scores: verdicts, what it cost, and what its examination found."""

from collections.abc import Iterator, Mapping
from typing import Any

TIMED_BATCH = "16"
"""Pairs of the batch whose time and memory stand beside the published ones, which do not say theirs."""


def matching_measures(
    info: Mapping[str, Any], metrics: Mapping[str, Any], examination: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Return JSON numbers and intervals by name, from settings.json, metrics.json and examination.json.

    ``verdicts/<set>/<confirm, reject, undecided, coverage>``; ``cost/parameters_m`` (million, as the paper prints it),
    ``cost/ms_per_batch`` and ``cost/peak_memory_mb`` (16 pairs, images through the backbone);
    ``changes/<change>/<set>/auc``; ``candidates/<number>/<list>/<k, mrr or permuted/k>``; ``map/<figure>``.
    """
    examined = examination or {}
    return {
        **dict(_verdicts(metrics.get("verdicts") or {})),
        **_parameters(info),
        **_times(examined.get("cost") or {}),
        **dict(_changes(examined.get("changes") or {})),
        **dict(_candidates(examined.get("retrieval") or {})),
        **{f"map/{name}": value for name, value in (examined.get("map") or {}).items()},
    }


def _verdicts(verdicts: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, shares in verdicts.items():
        for word, share in shares.items():
            yield f"verdicts/{name}/{word}", share


def _parameters(info: Mapping[str, Any]) -> dict[str, Any]:
    total = (info.get("parameters") or {}).get("total")
    return {"cost/parameters_m": round(total / 1e6, 3)} if isinstance(total, int) else {}


def _times(cost: Mapping[str, Any]) -> dict[str, Any]:
    timed = (cost.get("uncached") or {}).get(TIMED_BATCH) or {}
    ends = timed.get("iqr") or (None, None)
    time = {"value": timed.get("ms"), "low": ends[0], "high": ends[1]}
    return {"cost/ms_per_batch": time, "cost/peak_memory_mb": timed.get("peak_mb")}


def _changes(changes: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for change, sets in changes.items():
        for name, scores in sets.items():
            for score, value in scores.items():
                yield f"changes/{change}/{name}/{score}", value


def _candidates(retrieval: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for asked, found in retrieval.items():
        for k, value in (found.get("hits") or {}).items():
            yield f"candidates/{asked}/{k}", value
        for k, value in (found.get("permuted") or {}).items():
            yield f"candidates/{asked}/permuted/{k}", value
        yield f"candidates/{asked}/mrr", found.get("mrr")
