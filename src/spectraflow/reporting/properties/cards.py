"""The headline numbers of the page of MoleculeNet tasks."""

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from spectraflow.reporting.labels import percent, plain
from spectraflow.reporting.properties.contrasts import Contrast, ahead_words
from spectraflow.reporting.properties.entries import Entry, by_family, family_words
from spectraflow.reporting.sections import Card


def cards(
    entries: Sequence[Entry], found: Sequence[Contrast], reference: str | None, overlaps: Sequence[Mapping[str, Any]]
) -> list[Card]:
    """Return mean AUC of the reference, on how many tasks fusions are ahead, and what pre-training shares with tasks.

    Of several splits and cleanings the first one's numbers are shown.
    """
    family, members = next(iter(by_family(entries).items()))
    shown = [_mean_auc(members, reference, family_words(family))] if reference is not None else []
    ahead = [one for one in found if one.family == family and one.one.is_fusion and one.tasks]
    shown += [_ahead(one) for one in ahead if one.other == reference]
    shown += [_ahead(one) for one in ahead if one.other != reference and one.one.kind == "intermediate"]
    return [card for card in shown if card is not None] + _overlap(overlaps)


def _mean_auc(entries: Sequence[Entry], reference: str, words: str) -> Card | None:
    own = [one for one in entries if one.label == reference and one.task_kind == "classification"]
    values = [measured.value for one in own if (measured := one.measure()) is not None]
    if not values:
        return None
    note = f"{len(values)} classification tasks; {words}"
    return Card(f"{reference}, mean ROC-AUC", percent(fmean(values)), "", "", note)


def _ahead(one: Contrast) -> Card:
    extent, tasks = next(iter(one.by_extent().items()))
    ahead, significant = ahead_words(tasks)
    title = f"{one.one.label}: better in the mean than {one.other}"
    return Card(title, ahead, "", "", f"tasks: {extent}; significantly (Holm): {significant}", "tasks")


def _overlap(overlaps: Sequence[Mapping[str, Any]]) -> list[Card]:
    for one in overlaps:
        if one.get("dedupe") != "none" and one.get("removed") is not None:
            note = f"molecules of a task among {plain(one.get('usable'))} usable ones, left out of pre-training"
            return [Card("Overlap that was removed", plain(one["removed"]), "", "", note, "molecules")]
    return []
