"""The headline numbers of the page of matching."""

from collections.abc import Sequence

import polars as pl

from spectraflow.reporting.labels import percent
from spectraflow.reporting.matching.entries import Entry, auc, line_counts_of, place_of, reference_of
from spectraflow.reporting.matching.score_tables import MAIN_SET
from spectraflow.reporting.matching_labels import set_name
from spectraflow.reporting.runs import Measured
from spectraflow.reporting.score_cells import signed_points
from spectraflow.reporting.sections import Card, plus_minus

_HEADLINES = ("near", "diff")
_FULL = ("all", "Ours")
"""The paper's names of its full model, the one with a spread first."""


def best_of(entries: Sequence[Entry]) -> Entry:
    """Return the model with the best AUC on near negatives, of the first model's data set and split."""
    first = reference_of(entries)
    alike = [one for one in entries if not one.is_floor and not one.only_cell and place_of(one) == place_of(first)]
    scored = [(found.value, one) for one in alike if (found := one.measure(auc(MAIN_SET))) is not None]
    return max(scored, key=lambda item: item[0])[1] if scored else first


def cards(entries: Sequence[Entry], comparison: pl.DataFrame) -> list[Card]:
    """Return the best model's AUC with the published one beside, that of counting lines, and what lies between."""
    best = best_of(entries)
    found = []
    for name in _HEADLINES:
        if (one := best.measure(auc(name))) is not None:
            note = f"{best.name}, {best.words}; {_runs(best)}"
            title = f"Best model, AUC, {set_name(name)} negatives"
            found.append(Card(title, percent(one.value), _interval(one), _published(name, comparison), note))
    counts = line_counts_of(entries, best)
    floor = None if counts is None else counts.measure(auc(MAIN_SET))
    if counts is None or floor is None:
        return found
    easy = counts.measure(auc("diff"))
    note = "nothing learned" + ("" if easy is None else f"; {set_name('diff')} negatives {percent(easy.value)}")
    title = f"Counting lines, AUC, {set_name(MAIN_SET)} negatives"
    found.append(Card(title, percent(floor.value), _interval(floor), "", note))
    gain = signed_points(best.minus(counts, auc(MAIN_SET)), "–")
    interval = gain["interval"] and f"{gain['interval']}, paired over the same spectra"
    found.append(Card("What learning adds to counting", gain["value"], interval, "", best.name, "points"))
    return found


def _published(name: str, comparison: pl.DataFrame) -> str:
    """Return what the paper prints for its full model on a test set, whichever model is best here."""
    rows = comparison.filter((pl.col("metric") == auc(name)) & pl.col("method").is_in(_FULL))
    for row in sorted(rows.iter_rows(named=True), key=lambda row: _FULL.index(row["method"])):
        return plus_minus(row["published"], row["published_sd"])
    return ""


def _runs(one: Entry) -> str:
    runs = len(one.experiment.runs)
    return f"{runs} runs, ± one standard deviation" if runs > 1 else "one run, 95 % interval over spectra"


def _interval(one: Measured) -> str:
    return "" if one.low is None else f"{percent(one.low)} to {percent(one.high)}"
