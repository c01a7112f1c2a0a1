"""Experiments as a page shows them: named, floors told apart, and subtracted from each other on the same test data."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self, TypeVar

from spectraflow.evaluation.uncertainty import Interval
from spectraflow.reporting.experiments import Experiment
from spectraflow.reporting.runs import Measured, Run


@dataclass(frozen=True)
class NamedExperiment(ABC):
    """An experiment (all seeds and folds of one setting) with its name on the page."""

    experiment: Experiment
    name: str

    @property
    @abstractmethod
    def is_floor(self) -> bool:
        """Whether it is there to be surpassed: a control, or a rule that learns nothing."""

    @abstractmethod
    def minus(self, other: Self, metric: str) -> Interval | None:
        """Return a difference paired over what both were tested on; None where there is none."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """Shared settings, dotted."""
        return self.experiment.settings

    @property
    def dataset(self) -> str:
        """Name of the data set."""
        return str(self.settings.get("dataset"))

    @property
    def only_cell(self) -> bool:
        """Whether grids alone ask for it."""
        return all(run.only_cell for run in self.experiment.runs)

    @property
    def grids(self) -> tuple[str, ...]:
        """Grids of which it is a cell."""
        return tuple(dict.fromkeys(grid for run in self.experiment.runs for grid in run.grids))

    @property
    def first_run(self) -> Run:
        """The first of its runs."""
        return self.experiment.runs[0]

    def measure(self, metric: str) -> Measured | None:
        """Return a number averaged over its runs."""
        return self.experiment.measure(metric)


NamedType = TypeVar("NamedType", bound=NamedExperiment)


def by_dataset(entries: Iterable[NamedType]) -> dict[str, list[NamedType]]:
    """Return the entries of each data set, both in their order."""
    found: dict[str, list[NamedType]] = {}
    for one in entries:
        found.setdefault(one.dataset, []).append(one)
    return found


def own_and_grids(entries: Iterable[NamedType]) -> list[tuple[str, list[NamedType]]]:
    """Return the entries that stand on their own under an empty name, then the cells of each grid; none empty."""
    every = list(entries)
    grids = dict.fromkeys(grid for one in every for grid in one.grids)
    shown = [("", [one for one in every if not one.only_cell])]
    shown += [(grid, [one for one in every if grid in one.grids]) for grid in grids]
    return [(name, members) for name, members in shown if members]
