"""The headline numbers of the page of functional groups."""

from collections.abc import Sequence

import polars as pl

from spectraflow.reporting.groups.entries import Entry
from spectraflow.reporting.labels import metric_name, percent
from spectraflow.reporting.runs import Measured
from spectraflow.reporting.sections import Card, plus_minus, published_of

_HEADLINES = ("groups/micro_f1", "groups/exact_match", "groups/macro_f1_present")


def cards(first: Entry, entries: Sequence[Entry], comparison: pl.DataFrame) -> list[Card]:
    """Return the first experiment's headline scores with published ones beside, and the best floor of its data set."""
    found = []
    for metric in _HEADLINES:
        one = first.measure(metric)
        if one is None:
            continue
        cell = published_of(comparison, first.first_run, metric)
        printed = "" if cell is None else plus_minus(cell["published"], cell["published_sd"])
        found.append(Card(metric_name(metric), percent(one.value), _interval(one), printed, _note(first)))
    floors = [
        (value.value, one, value)
        for one in entries
        if one.is_floor and one.dataset == first.dataset and (value := one.measure(_HEADLINES[0])) is not None
    ]
    if floors:
        _, best, value = max(floors, key=lambda item: item[0])
        note = f"{best.name}: the best micro-F1 without looking at the right spectrum"
        found.append(Card("Floor, micro-F1", percent(value.value), _interval(value), "", note))
    return found


def _note(first: Entry) -> str:
    runs = len(first.experiment.runs)
    return f"{runs} runs, ± one standard deviation" if runs > 1 else "one run, 95 % interval over molecules"


def _interval(one: Measured) -> str:
    return "" if one.low is None else f"{percent(one.low)} to {percent(one.high)}"
