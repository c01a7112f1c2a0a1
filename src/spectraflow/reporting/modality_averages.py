"""Averages over the models of all single modalities of MMFRL, which the paper prints as a row of its own."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from statistics import fmean
from typing import Any

from spectraflow.methods.mmfrl.settings import MODALITIES
from spectraflow.provenance import settings_hash
from spectraflow.reporting.experiments import Experiment, average
from spectraflow.reporting.published_mmfrl import AVERAGED
from spectraflow.reporting.runs import Measured

OF_PEAKS = ("pretraining.loss.peak_kernel", "pretraining.loss.peak_scale")
"""Settings of the relational loss that peaks alone use."""


@dataclass(frozen=True)
class ModalityAverage(Experiment):
    """The average over `members`, one experiment a modality; `runs` are those of all of them."""

    members: tuple[Experiment, ...] = ()

    def measure(self, metric: str) -> Measured | None:
        """Return the mean over splits of the mean over modalities, of splits that all modalities have the number on."""
        by_split = [_by_split(one, metric) for one in self.members]
        shared = [split for split in by_split[0] if all(split in one for one in by_split)]
        return average([Measured(fmean(one[split] for one in by_split)) for split in shared])


def _by_split(one: Experiment, metric: str) -> dict[tuple[Any, Any], float]:
    return {
        (run.settings.get("split_seed"), (run.settings.get("training") or {}).get("seed")): run.measured[metric].value
        for run in one.measuring(metric)
    }


def modality_averages(experiments: Iterable[Experiment]) -> list[Experiment]:
    """Return an average wherever all single modalities were pre-trained from and differ in nothing else that all use.

    Models of peaks that differ in what they alone use give an average each.
    """
    groups: dict[str, dict[str, list[Experiment]]] = {}
    for one in experiments:
        modalities = one.settings.get("modalities")
        if one.method == "mmfrl" and one.settings.get("kind") == "dmpnn" and _is_single(modalities):
            name = settings_hash([one.runs[0].info.get("data_version"), _shared(one.settings)])
            groups.setdefault(name, {}).setdefault(modalities[0], []).append(one)  # type: ignore[index]
    whole = [members for members in groups.values() if members.keys() == set(MODALITIES)]
    return [_average(ordered) for members in whole for ordered in product(*(members[name] for name in MODALITIES))]


def _shared(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that models of every modality use."""
    return {key: value for key, value in settings.items() if key not in ("modalities", *OF_PEAKS)}


def _is_single(modalities: Any) -> bool:
    return isinstance(modalities, Sequence) and len(modalities) == 1 and modalities[0] in MODALITIES


def _average(ordered: tuple[Experiment, ...]) -> ModalityAverage:
    peak = ordered[MODALITIES.index("peak")].settings
    of_peaks = {key: peak[key] for key in OF_PEAKS}
    settings = {**ordered[0].settings, **of_peaks, "modalities": AVERAGED}
    return ModalityAverage("mmfrl", settings, tuple(run for one in ordered for run in one.runs), (), ordered)
