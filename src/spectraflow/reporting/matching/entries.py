"""Experiments with matching as the page shows them: named, controls and floors told apart, compared pair by pair."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

from spectraflow.evaluation.uncertainty import Interval
from spectraflow.reporting.experiments import Experiment
from spectraflow.reporting.labels import run_names
from spectraflow.reporting.matching.predictions import Predicted, ScoredPairs, read_predicted
from spectraflow.reporting.matching_labels import DATASETS, set_place
from spectraflow.reporting.named_experiments import NamedExperiment
from spectraflow.reporting.published_matchnet import VARIANTS, unused_settings

KINDS = {
    "line_counts": "counts of lines, nothing learned",
    "boosted_trees": "boosted trees on fingerprint and columns",
    "shift_model": "a shift model's predictions",
    "alignment_model": "an alignment model's similarity",
}
SPECTRA = {"images": "images", "vectors": "columns as vectors", "peaks": "peak sets"}
CONTROLS = {"molecule": "blind to the molecule", "spectra": "blind to the spectra", "labels": "permuted labels"}


@dataclass(frozen=True)
class Entry(NamedExperiment):
    """An experiment with matching; `unique` names it among all data sets and splits, `name` within its own."""

    unique: str

    @cached_property
    def predicted(self) -> Predicted | None:
        """Its scores of the test pairs, None if they were not kept."""
        return read_predicted(self.experiment)

    @property
    def examination(self) -> Mapping[str, Any]:
        """What was asked of the first of its runs that was looked into, empty if none was."""
        return next((run.examination for run in self.experiment.runs if run.examination), {})

    @property
    def control(self) -> str | None:
        """Which control it is: blind to the molecule or to the spectra, or trained on permuted labels; None if none."""
        if self.settings.get("permuted_labels"):
            return "labels"
        blind = self.settings.get("network.blind")
        return str(blind) if self.settings.get("kind") == "network" and blind not in (None, "none") else None

    @property
    def counts_lines(self) -> bool:
        """Whether it only counts lines: the comparator that every claim is measured against."""
        return self.settings.get("kind") == "line_counts" and self.control is None

    @property
    def is_floor(self) -> bool:
        """Whether it is a control, or counts lines."""
        return self.counts_lines or self.control is not None

    @property
    def is_network(self) -> bool:
        """Whether it is a trained network that sees molecule and spectra."""
        return self.settings.get("kind") == "network" and self.control is None

    @property
    def spectra(self) -> str | None:
        """How a network sees spectra: images, vectors or peaks; None for other kinds."""
        return str(self.settings.get("network.spectra")) if self.settings.get("kind") == "network" else None

    @property
    def is_full(self) -> bool:
        """Whether it has all parts of SpecMol-MatchNet."""
        parts = (self.settings.get("network.graph"), self.settings.get("network.attention"))
        return self.is_network and self.spectra == "images" and parts == VARIANTS["all"]

    @property
    def words(self) -> str:
        """What it reads, in words."""
        if self.spectra is None:
            return KINDS.get(str(self.settings.get("kind")), str(self.settings.get("kind")))
        if self.control in ("molecule", "spectra"):
            return CONTROLS[self.control]
        backbone = str(self.settings.get("network.backbone.name")).replace("_", "-")
        weights = "" if self.settings.get("network.backbone.weights") else ", random weights"
        seen = f"images, {backbone}{weights}" if self.spectra == "images" else SPECTRA.get(self.spectra, self.spectra)
        return f"{CONTROLS['labels']}, {seen}" if self.control else seen

    @property
    def sets(self) -> list[str]:
        """Test sets it has an AUC on, in the order of tables."""
        names = {name for run in self.experiment.runs for name in run.measured}
        found = [name.split("/")[1] for name in names if name.startswith("matching/") and name.endswith("/auc")]
        return sorted(found, key=set_place)

    def scored(self, name: str) -> Sequence[ScoredPairs]:
        """Return the pairs of a test set that it scored, by fold."""
        return [] if self.predicted is None else self.predicted.of_set(name)

    def agrees_with(self, other: Self, *without: str) -> bool:
        """Return whether all settings are equal that decide something in both, but those that start with `without`."""
        unused = unused_settings(self.settings) | unused_settings(other.settings)
        shared = (self.settings.keys() & other.settings.keys()) - unused
        ignored = ("label", *without)
        return all(self.settings[key] == other.settings[key] for key in shared if not key.startswith(ignored))

    def minus(self, other: Self, metric: str) -> Interval | None:
        """Return the difference in `matching/<set>/auc`, paired over owners; None for other pairs or other metrics."""
        one, two = self.predicted, other.predicted
        _, name, score = metric.split("/")
        return one.minus(two, name) if one is not None and two is not None and score == "auc" else None


def named_entries(experiments: Sequence[Experiment]) -> list[Entry]:
    """Return the experiments with their names."""
    unique = run_names([run for one in experiments for run in one.runs], repetitions=False)
    names: dict[str, str] = {}
    for place in {_place(one) for one in experiments}:
        names |= run_names([run for one in experiments if _place(one) == place for run in one.runs], repetitions=False)
    return [Entry(one, names[one.runs[0].run_id], unique[one.runs[0].run_id]) for one in experiments]


def auc(name: str) -> str:
    """Return the metric of a test set."""
    return f"matching/{name}/auc"


def all_sets(entries: Iterable[Entry]) -> list[str]:
    """Return every test set that one of the entries has an AUC on, in the order of tables."""
    return sorted({name for one in entries for name in one.sets}, key=set_place)


def reference_of(entries: Sequence[Entry]) -> Entry:
    """Return the experiment that others are compared with: the first full model, else the first that is no floor."""
    models = [one for one in entries if not one.is_floor and not one.only_cell]
    models = models or [one for one in entries if not one.is_floor] or list(entries)
    return next((one for one in models if one.is_full), models[0])


def line_counts_of(entries: Iterable[Entry], like: Entry) -> Entry | None:
    """Return the comparator that counts lines on the data set and split of an experiment, None if none was run."""
    return next((one for one in entries if one.counts_lines and place_of(one) == place_of(like)), None)


def by_place(entries: Iterable[Entry]) -> dict[tuple[str, str], list[Entry]]:
    """Return the entries of each data set and split, both in their order."""
    found: dict[tuple[str, str], list[Entry]] = {}
    for one in entries:
        found.setdefault(place_of(one), []).append(one)
    return found


def place_of(one: Entry) -> tuple[str, str]:
    """Return data set and split."""
    return _place(one.experiment)


def _place(one: Experiment) -> tuple[str, str]:
    return str(one.settings.get("dataset")), str(one.settings.get("split"))


def place_words(place: tuple[str, str]) -> str:
    """Return data set and split in words."""
    dataset, split = place
    return f"{DATASETS.get(dataset, dataset)}, split {split}"
