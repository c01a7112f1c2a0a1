"""Numbers of a model of functional groups beside its scores: what it cost, and what its examination found."""

from collections.abc import Iterator, Mapping
from typing import Any

from spectraflow.evaluation.classification import TIER_BOUNDS
from spectraflow.spectra.modalities import MODALITIES


def technique(name: str) -> str:
    """Return the technique of a modality, as papers name it: `13C` for `13C_area`."""
    return MODALITIES[name].technique if name in MODALITIES else name


def group_measures(metrics: Mapping[str, Any], examination: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return JSON numbers and intervals by name, from metrics.json and examination.json.

    ``cost/hours`` and ``cost/gb``; ``tier_groups/<low, medium, high>``, how many groups of the test part are in a tier;
    ``examined/missing/<technique withheld, or none>/<score>``, ``examined/noise/<sigma>/<score>`` and
    ``examined/normality/<technique>/<molecules>/<figure>``.
    """
    return {**_cost(metrics.get("cost") or {}), **_tiers(metrics), **dict(_examined(examination or {}))}


def _cost(cost: Mapping[str, Any]) -> dict[str, Any]:
    found = {}
    if isinstance(cost.get("seconds"), int | float):
        found["cost/hours"] = cost["seconds"] / 3600
    if isinstance(cost.get("peak_memory_gb"), int | float):
        found["cost/gb"] = cost["peak_memory_gb"]
    return found


def positives(metrics: Mapping[str, Any]) -> dict[str, int]:
    """Return the molecules of the test part that have each group, from metrics.json."""
    test = (metrics.get("parts") or {}).get("test") or {}
    names = [name for name in test if name.startswith("groups/label/") and name.endswith("/f1")]
    return {name.split("/")[2]: int(test[name].get("n") or 0) for name in names}


def _tiers(metrics: Mapping[str, Any]) -> dict[str, int]:
    counts = positives(metrics)
    molecules = (((metrics.get("parts") or {}).get("test") or {}).get("groups/micro_f1") or {}).get("n")
    if not counts or not molecules:
        return {}
    low, medium = (bound * molecules for bound in TIER_BOUNDS)
    tiers = ["low" if count <= low else "medium" if count <= medium else "high" for count in counts.values()]
    return {f"tier_groups/{tier}": tiers.count(tier) for tier in ("low", "medium", "high")}


def _examined(examination: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, scores in (examination.get("missing") or {}).items():
        for score, value in scores.items():
            yield f"examined/missing/{technique(name)}/{score.removeprefix('groups/')}", value
    for sigma, scores in (examination.get("noise") or {}).items():
        for score, value in scores.items():
            yield f"examined/noise/{sigma}/{score.removeprefix('groups/')}", value
    for name, by_size in (examination.get("normality") or {}).items():
        for size, figures in by_size.items():
            for figure, value in figures.items():
                yield f"examined/normality/{technique(name)}/{size}/{figure}", value
