"""Runs of one experiment together: those that differ in fold and seed alone."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from spectraflow.provenance import settings_hash
from spectraflow.reporting.published_papers import MAPPINGS
from spectraflow.reporting.runs import Measured, Pooled, Run
from spectraflow.reporting.split_kinds import SplitKinds

REPETITION = ("label", "fold", "training.seed")
"""Settings that only tell repetitions apart, for methods without a paper of their own."""


@dataclass(frozen=True)
class Experiment:
    """Runs of one experiment, with the settings they share as dotted keys.

    pooled: figures of its folds taken together, which go before averages over folds.
    """

    method: str
    settings: Mapping[str, Any]
    runs: tuple[Run, ...]
    pooled: tuple[Pooled, ...] = ()

    @property
    def selection(self) -> str:
        """Return the part of the data that the epoch was chosen on."""
        return str(self.settings.get("selection") or self.runs[0].metrics.get("selection"))

    def measuring(self, metric: str) -> tuple[Run, ...]:
        """Return the runs that have a number."""
        return tuple(run for run in self.runs if metric in run.measured)

    def measure(self, metric: str) -> Measured | None:
        """Return a number of all folds together, or averaged over the runs; None if no run has it."""
        together = [one.measured[metric] for one in self.pooled if metric in one.measured]
        return average(together or [run.measured[metric] for run in self.runs if metric in run.measured])


def repeated(experiment: Experiment) -> list[list[Run]]:
    """Return the runs of each fold, by its number; of each as many as the least repeated one has."""
    by_fold: dict[str, list[Run]] = {}
    for run in experiment.runs:
        by_fold.setdefault(str(run.settings.get("fold")), []).append(run)
    seeds = min(map(len, by_fold.values()))
    return [runs[:seeds] for _, runs in sorted(by_fold.items())]


def average(found: Sequence[Measured]) -> Measured | None:
    """Return the mean of repetitions ± one standard deviation; a single one keeps its own interval."""
    if len(found) < 2:
        return found[0] if found else None
    mean, sd = statistics.fmean(one.value for one in found), statistics.stdev(one.value for one in found)
    return Measured(mean, mean - sd, mean + sd, len(found))


def flatten(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested settings as dotted keys."""
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        nested = isinstance(value, Mapping) and value
        flat.update(flatten(value, f"{prefix}{key}.") if nested else {f"{prefix}{key}": value})
    return flat


def group_runs(
    runs: Sequence[Run], pooled: Sequence[Pooled] = (), split_kinds: SplitKinds | None = None
) -> list[Experiment]:
    """Return the experiments of the runs, in their order; equal runs count once.

    split_kinds: becomes the setting `split_kind` of runs on one of several data sets.
    """
    mappings = {mapping.method: mapping for mapping in MAPPINGS.values()}
    found: dict[str, Experiment] = {}
    for run in runs:
        mapping = mappings.get(run.method)
        flat = flatten(mapping.restated(run.settings) if mapping else run.settings)
        identity = mapping.identity if mapping else REPETITION
        science = {key: value for key, value in flat.items() if key not in identity}
        name = settings_hash([run.method, run.info.get("data_version"), science])
        earlier = found[name].runs if name in found else ()
        if run.run_id not in {other.run_id for other in earlier}:
            known = {} if (kind := _split_kind(run, split_kinds or {})) is None else {"split_kind": kind}
            found[name] = Experiment(run.method, {**science, **known}, (*earlier, run))
    return [replace(one, pooled=_pooled_of(one, pooled)) for one in found.values()]


def _split_kind(run: Run, kinds: SplitKinds) -> str | None:
    return kinds.get((str(run.settings.get("dataset")), str(run.settings.get("split"))))


def _pooled_of(experiment: Experiment, pooled: Sequence[Pooled]) -> tuple[Pooled, ...]:
    names = {run.run_id for run in experiment.runs}
    return tuple(one for one in pooled if one.runs <= names)
