"""Experiments with functional groups as the page shows them: named, with their predictions, floors told apart."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

from spectraflow.evaluation.uncertainty import Interval
from spectraflow.reporting.groups.predictions import Predicted, read_predicted
from spectraflow.reporting.named_experiments import NamedExperiment
from spectraflow.reporting.published_symspectra import unused_settings

KINDS = {
    "symspectra": "SymSpectra",
    "cnn": "1D-CNN",
    "transformer": "Transformer",
    "patch_transformer": "patch Transformer",
    "multimodal_transformer": "multimodal Transformer",
    "xgboost": "XGBoost",
    "commonest": "always the commonest groups",
}
DATASETS = {"alberts": "Simulated spectra (Alberts 2024)", "sdbs": "SDBS", "open_exp": "Open experimental spectra"}


@dataclass(frozen=True)
class Entry(NamedExperiment):
    """An experiment with functional groups."""

    @cached_property
    def predicted(self) -> Predicted | None:
        """Its predictions for the test part, None if they were not kept."""
        return read_predicted(self.experiment)

    @property
    def kind(self) -> str:
        """Kind of model, in words."""
        return KINDS.get(str(self.settings.get("kind")), str(self.settings.get("kind")))

    @property
    def modalities(self) -> tuple[str, ...]:
        """Spectra the model sees."""
        return tuple(self.settings.get("modalities") or ())

    @property
    def is_floor(self) -> bool:
        """Whether it learns nothing from a molecule's own spectra: the commonest groups, or permuted spectra."""
        return self.settings.get("kind") == "commonest" or bool(self.settings.get("permuted"))

    def science(self, *without: str) -> dict[str, Any]:
        """Return the settings that decide something, without those whose dotted key starts with one of `without`."""
        unused = unused_settings(self.settings)
        return {key: value for key, value in self.settings.items() if not key.startswith(without) and key not in unused}

    def minus(self, other: Self, metric: str) -> Interval | None:
        """Return a paired difference; None where the test molecules differ or predictions are missing."""
        one, two = self.predicted, other.predicted
        if one is None or two is None or not one.comparable(two):
            return None
        return one.scores[metric].minus(two.scores[metric])


def reference_of(entries: Sequence[Entry]) -> Entry:
    """Return the experiment that others are compared with: the first SymSpectra, else the first that is no floor."""
    models = [one for one in entries if not one.is_floor and not one.only_cell] or list(entries)
    return next((one for one in models if one.settings.get("kind") == "symspectra"), models[0])


def same_test(entries: Iterable[Entry]) -> list[list[Entry]]:
    """Return entries in classes of equal test molecules; those without predictions go by their number of molecules."""
    found: dict[Any, list[Entry]] = {}
    for one in entries:
        predicted = one.predicted
        tested = (one.first_run.info.get("molecules") or {}).get("test")
        key = ("counted", tested, one.settings.get("split")) if predicted is None else hash(predicted.molecules)
        found.setdefault(key, []).append(one)
    return list(found.values())
