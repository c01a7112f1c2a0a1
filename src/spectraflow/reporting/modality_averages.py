"""Averages over the models of all single modalities of MMFRL, which the paper prints as a row of its own."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from spectraflow.methods.mmfrl.settings import MODALITIES
from spectraflow.provenance import settings_hash
from spectraflow.reporting.experiments import Experiment, average
from spectraflow.reporting.published_mmfrl import AVERAGED
from spectraflow.reporting.runs import Measured


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
    """Return an average wherever all single modalities were pre-trained from and differ in nothing else."""
    groups: dict[str, dict[str, Experiment]] = {}
    for one in experiments:
        modalities = one.settings.get("modalities")
        if one.method == "mmfrl" and one.settings.get("kind") == "dmpnn" and _is_single(modalities):
            rest = {key: value for key, value in one.settings.items() if key != "modalities"}
            name = settings_hash([one.runs[0].info.get("data_version"), rest])
            groups.setdefault(name, {})[modalities[0]] = one  # type: ignore[index]
    return [_average(members) for members in groups.values() if members.keys() == set(MODALITIES)]


def _is_single(modalities: Any) -> bool:
    return isinstance(modalities, Sequence) and len(modalities) == 1 and modalities[0] in MODALITIES


def _average(members: dict[str, Experiment]) -> ModalityAverage:
    ordered = tuple(members[name] for name in MODALITIES)
    settings = {**ordered[0].settings, "modalities": AVERAGED}
    return ModalityAverage("mmfrl", settings, tuple(run for one in ordered for run in one.runs), (), ordered)
