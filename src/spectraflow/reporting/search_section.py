"""Whole-library search on the page: recall by filter beside chance and swapped spectra, exact and approximate."""

from collections.abc import Mapping, Sequence
from typing import Any

from spectraflow.reporting.labels import percent, plain, with_interval
from spectraflow.reporting.runs import Run, as_measured

_COUNTS = {
    "rows": "molecules of the library",
    "duplicates": "of them removed: the same molecule, or its mirror image, came before",
    "candidates": "candidates",
    "queries_with_own_first_block": "queries whose own first block is in the library",
    "same_first_block_removed": "entries removed from their queries' candidates for that",
    "shards": "files it is searched in",
}


def search_section(run: Run) -> dict[str, Any] | None:
    """Return rows of recall, the index's figures and counts of a run; None if it has no search.json.

    Recall is in per cent with its interval; `k` are the ranks at which it is counted.
    """
    found = run.search
    if not found:
        return None
    searches = {name: found.get(name) or {} for name in ("exact", "approximate")}
    ks = list((searches["exact"].get("none") or {}).get("recall") or {})
    ks.sort(key=int)
    return {
        "k": ks,
        "queries": f"{found['queries']:,}",
        "rows": [
            row
            for search, by_filter in searches.items()
            for name in ("none", "mass", "formula")
            if name in by_filter
            for row in _rows(search, name, by_filter[name], ks, found)
        ],
        "index": _index(found.get("index") or {}),
        "counts": [(text, plain(found["library"][name])) for name, text in _COUNTS.items() if name in found["library"]]
        + [("queries whose molecule is unknown", plain(found.get("truth_unknown", 0)))],
        "kept": f"{found['candidates']:,}",
    }


def _title(search: str, name: str, found: Mapping[str, Any]) -> str:
    words = {"none": "every molecule", "formula": "molecules of its formula"}
    words["mass"] = f"molecules within {found.get('mass_tolerance', 0):g} Da"
    return f"{search}, {words[name]}"


def _rows(
    search: str, name: str, figures: Mapping[str, Any], ks: Sequence[str], found: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Return the row of a search, then those of its controls."""
    recall, chance, swapped = (figures.get(key) or {} for key in ("recall", "chance", "swapped_spectra"))
    rows = [
        {
            "title": _title(search, name, found),
            "control": False,
            "eligible": f"{figures['eligible_mean']:,.0f}",
            "texts": [with_interval(as_measured(recall.get(k))) for k in ks],
            "absent": plain(figures["truth_absent"]),
            "seconds": f"{figures['seconds']:.2f}",
        }
    ]
    blank = {"control": True, "eligible": "", "absent": "", "seconds": ""}
    if chance and search == "exact":
        rows.append({**blank, "title": "by chance", "texts": [percent(chance.get(k), 2) for k in ks]})
    if swapped:
        texts = [with_interval(as_measured(swapped.get(k)), digits=2) for k in ks]
        rows.append({**blank, "title": "with swapped spectra", "texts": texts})
    return rows


def _index(index: Mapping[str, Any]) -> dict[str, str] | None:
    recall = as_measured(index.get("recall"))
    if recall is None:
        return None
    return {
        "k": str(index["k"]),
        "recall": with_interval(recall),
        "seconds": f"{index['seconds']:.2f}",
        "settings": plain(index.get("settings") or {}),
    }
