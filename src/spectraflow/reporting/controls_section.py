"""The controls of every retrieval on one table: what ranks without looking at the right spectrum must be at chance."""

from collections.abc import Mapping, Sequence
from typing import Any

from spectraflow.reporting.labels import with_interval
from spectraflow.reporting.method_table import QUERIES
from spectraflow.reporting.runs import Run, as_measured

_OF_SCORING = {
    "permuted_among_queries": "spectra swapped, among the queries' own molecules",
    "permuted_spectra": "spectra swapped, in the library",
}
_OF_LIBRARY = {
    "random_scores": "random scores",
    "library_order": "library order as the score",
    "carbon_count_prior": "carbon count alone",
}


def controls_section(runs: Sequence[Run], names: Mapping[str, str]) -> dict[str, Any] | None:
    """Return, for the two smallest library sizes, hit@1 of every control of every retrieval; None if there is none.

    A swapped spectrum in the library may be above chance as far as the library differs from the queries' molecules: in
    size, in elements. Among the queries' own molecules it may not.
    """
    found = [(run, queries, one) for run in runs for queries, one in run.retrievals.items() if one.get("scorings")]
    if not found:
        return None
    sizes = sorted({int(size) for _, _, one in found for size in one["controls"]["random_scores"]})[:2]
    rows = [row for run, queries, one in found for row in _rows(names[run.run_id], queries, one, sizes)]
    return {"sizes": [f"{size:,}" for size in sizes], "chance": [f"{100 / size:.2f}" for size in sizes], "rows": rows}


def _rows(name: str, queries: str, found: Mapping[str, Any], sizes: Sequence[int]) -> list[dict[str, Any]]:
    asked = QUERIES.get(queries, "held-out queries")
    rows = []
    for scoring, results in found["scorings"].items():
        for control, words in _OF_SCORING.items():
            detail = f"{scoring.replace('_', ' ')}: {words}"
            rows.append(
                {"name": name, "queries": asked, "control": detail, "texts": _texts(results.get(control), sizes)}
            )
    for control, words in _OF_LIBRARY.items():
        texts = _texts(found["controls"].get(control), sizes)
        rows.append({"name": name, "queries": asked, "control": words, "texts": texts})
    return rows


def _texts(rates: Mapping[str, Any] | None, sizes: Sequence[int]) -> list[str]:
    return [with_interval(as_measured(((rates or {}).get(str(size)) or {}).get("1")), digits=2) for size in sizes]
