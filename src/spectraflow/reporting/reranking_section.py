"""Candidates of a search re-ranked by predicted shifts: recall of every reading, and how well probabilities hold."""

from collections.abc import Mapping, Sequence
from typing import Any

from spectraflow.reporting.labels import percent, plain, with_interval
from spectraflow.reporting.runs import Run, as_measured

_READINGS = {
    "search": "the search alone",
    "shifts": "predicted shifts alone",
    "search+shifts": "search and shifts",
    "shifts, carbon count": "predicted shifts, number of carbons known",
    "search+shifts, carbon count": "search and shifts, number of carbons known",
}


def reranking_section(runs: Sequence[Run], names: Mapping[str, str]) -> dict[str, Any] | None:
    """Return a table of readings for every run with a reranking.json that could be fitted; None if there is none.

    Recall is in per cent, the first with its interval; calibration is the expected error of the
    first candidate's confidence.
    """
    found = [(run, run.reranking) for run in runs if run.reranking and run.reranking.get("readings")]
    if not found:
        return None
    ks = sorted(next(iter(found[0][1]["readings"].values()))["recall"], key=int)
    return {"k": ks, "tables": [_table(names[run.run_id], one, ks) for run, one in found]}


def _table(name: str, found: Mapping[str, Any], ks: Sequence[str]) -> dict[str, Any]:
    rows = []
    for reading in sorted(found["readings"], key=list(_READINGS).index):
        figures = found["readings"][reading]
        calibration = figures["calibration"]
        recall = [as_measured(figures["recall"].get(k)) for k in ks]
        rows.append(
            {
                "title": _READINGS[reading],
                "texts": [with_interval(recall[0]), *(percent(one and one.value) for one in recall[1:])],
                "error": with_interval(as_measured(calibration["expected_error"])),
                "log_loss": with_interval(as_measured(calibration["log_loss"]), scale=1, digits=2),
                "bins": [_bin(one) for one in calibration["bins"]],
            }
        )
    counts = {"queries": "queries", "fitted_on": "validation queries fitted on", "truth_absent": "truths not found"}
    return {"name": name, "rows": rows, "counts": [(text, plain(found[key])) for key, text in counts.items()]}


def _bin(one: Mapping[str, Any]) -> dict[str, str]:
    return {
        "range": f"{100 * one['low']:.0f}–{100 * one['high']:.0f}",
        "stated": f"{100 * one['stated']:.1f}",
        "happened": f"{100 * one['happened']:.1f}",
        "n": f"{one['n']:,}",
    }
