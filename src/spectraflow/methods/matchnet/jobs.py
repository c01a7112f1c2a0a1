"""The trainings and comparisons of matching that a configuration asks for; imports nothing heavy."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from spectraflow.config import Config
from spectraflow.errors import ConfigError
from spectraflow.methods.matchnet.settings import (
    PREDICTED,
    WEIGHT_FILES,
    BackboneSettings,
    MatchnetRun,
    PlannedMatchnet,
    RenderingSettings,
)
from spectraflow.methods.shifts.plan import ShiftsJob, ShiftsPlan
from spectraflow.provenance import file_sha256, settings_hash
from spectraflow.run_ids import raw_version
from spectraflow.settings import hashed_settings

LISTED = "listed"
"""The split that the MatCS lists themselves are."""
TABLES = {"nmrshiftdb2": "nmrshiftdb2", "nmrshiftdb2_any": "nmrshiftdb2"}
"""Source of the tables of a data set, where it has another name."""
_UNUSED = {
    "network": ("trees", "scores"),
    "line_counts": ("trees", "scores", "network", "training", "rendering"),
    "boosted_trees": ("scores", "network"),
    "shift_model": ("trees", "scores", "network", "training", "rendering"),
    "alignment_model": ("trees", "scores", "network", "training", "rendering"),
}
"""Settings that decide nothing in a kind of model; `scores` is a label, the run of that label counts by its id."""


@dataclass(frozen=True)
class MatchnetJob:
    """One training or comparison: `settings` is everything the step uses, without the label.

    `grids` that it is a cell of; `own`: whether it is an entry of `runs`; rendering, features: ids of what it reads;
    source: run id of the model whose scores it takes.
    """

    run: str
    label: str
    grids: tuple[str, ...]
    own: bool
    paired: str
    split: str
    fold: int
    rendering: str
    features: str | None
    source: str | None
    settings: dict[str, Any]


@dataclass(frozen=True)
class FeaturesJob:
    """One cache of a backbone's maps: runs with equal data, rendering and backbone share it."""

    features: str
    paired: str
    split: str
    fold: int
    rendering: str
    settings: dict[str, Any]

    @property
    def weights_file(self) -> str | None:
        """File of the backbone's weights, unless they are random or installed with the project."""
        return BackboneSettings.model_validate(self.settings).file


class MatchnetJobs:
    """What is trained, on which spectra, in which rendering, with which features."""

    def __init__(self, config: Config, shifts: ShiftsPlan, alignments: Mapping[str, Any]) -> None:
        self.config = config
        self.section = config.matchnet
        self.shifts = shifts
        self.alignments = alignments
        self.versions: dict[str, str] = {}
        self.renderings: dict[str, dict[str, Any]] = {}
        self.features: dict[str, FeaturesJob] = {}
        self.jobs: dict[str, MatchnetJob] = {}
        for planned in self.section.planned():
            self._add(planned)

    def _add(self, planned: PlannedMatchnet) -> None:
        run = planned.run
        rendering = self.add_rendering(run.rendering)
        features = self._features(run, rendering) if run.reads_images else None
        source = self._source(run)
        name = self._run_id(run, source)
        grids = () if planned.grid is None else (planned.grid,)
        earlier = self.jobs.get(name)
        if earlier is not None:
            if planned.grid is None:
                raise ConfigError(
                    f"matchnet.runs: '{earlier.label}' and '{run.label}' are the same run (id {name}); "
                    "a label does not make a difference, remove one of them"
                )
            self.jobs[name] = replace(earlier, grids=tuple(dict.fromkeys((*earlier.grids, *grids))))
            return
        values = run.model_dump(mode="json", exclude={"label"})
        place = (run.dataset, run.split, run.fold, rendering, features, source)
        self.jobs[name] = MatchnetJob(name, run.label, grids, planned.grid is None, *place, values)

    def version(self, dataset: str) -> str:
        """Return the identity of the spectra of a data set: raw files, molecules and, where predicted, the shifts."""
        if dataset not in self.versions:
            section = self.section
            values: dict[str, Any] = {"raw": raw_version(self.config, TABLES.get(dataset, dataset))}
            if dataset != "nmrshiftdb2_any":
                values["molecules"] = section.molecules.model_dump()
            if dataset in PREDICTED:
                values |= {
                    "predicted": section.predicted.model_dump(exclude={"shifts"}),
                    "shifts": self.shift_model().run,
                }
            self.versions[dataset] = settings_hash(values)
        return self.versions[dataset]

    def shift_model(self) -> ShiftsJob:
        """Return the shift model whose predictions become spectra."""
        wanted = self.section.predicted.shifts
        for job in self.shifts.jobs.values():
            if wanted in (None, job.label):
                return job
        raise ConfigError(f"matchnet.predicted.shifts: no shift model '{wanted or ''}' is configured in shifts.runs")

    def add_rendering(self, settings: RenderingSettings) -> str:
        """Return the id of a rendering, which rules then know."""
        values = settings.model_dump(mode="json")
        name = settings_hash(values)
        self.renderings[name] = values
        return name

    def _features(self, run: MatchnetRun, rendering: str) -> str:
        values = run.network.backbone.model_dump(mode="json")
        identity = {
            "matchnet": "features",
            "data": self.version(run.dataset),
            "split": self._split_values(run.dataset, run.split),
            "fold": run.fold,
            "rendering": rendering,
            "backbone": _by_content(values),
        }
        if run.dataset not in TABLES:
            identity["dataset"] = run.dataset  # all sources of the demo have one version
        name = settings_hash(identity)
        self.features[name] = FeaturesJob(name, run.dataset, run.split, run.fold, rendering, values)
        return name

    def named_split(self, split: str) -> str:
        """Return a key of `splits`: for the listed split, which says nothing of other molecules, the first one."""
        return next(iter(self.config.splits)) if split == LISTED else split

    def _split_values(self, dataset: str, split: str) -> Any:
        if split == LISTED:
            return LISTED
        followed = self.section.follow if dataset in TABLES else None
        return {**self.config.splits[split].model_dump(), "follow": followed}

    def _transfer_values(self, run: MatchnetRun) -> Any:
        if run.transfer is None:
            return None
        if run.dataset in PREDICTED and run.transfer in TABLES:
            self._check_transfer(run)
        return {
            "data": self.version(run.transfer),
            "split": self._split_values(run.transfer, self.named_split(run.split)),
        }

    def _check_transfer(self, run: MatchnetRun) -> None:
        """Raise ConfigError if the shifts behind a run's spectra come from a model that saw the measured test part."""
        job, place = self.shift_model(), (self.section.follow, self.named_split(run.split), run.fold)
        if _place(job) != place or job.settings["records"] == "all":
            raise ConfigError(
                f"matchnet run '{run.label}': its spectra are predicted by '{job.label}', trained on {job.selection}, "
                f"split {job.split}, fold {job.fold}, records {job.settings['records']}; to be tested on measured "
                "spectra it needs one with records: train, matchnet.follow and the same split and fold"
            )

    def _pair_values(self) -> dict[str, Any]:
        values = self.section.pairs.model_dump()
        rendering = self.section.base.rendering
        # equal spectra, which are no negatives of each other, are told in the rendering of `base`
        return values if rendering == RenderingSettings() else {**values, "rendering": rendering.model_dump()}

    def _source(self, run: MatchnetRun) -> str | None:
        """Return the run whose scores a comparison takes; raises ConfigError if it saw other parts of the data."""
        if run.scores is None:
            return None
        named = self._scorers(run)
        job = next((job for job in named if _place(job) == self._scored_place(run)), named[0])
        self._check_source(run, job)
        return str(job.run)

    def _scorers(self, run: MatchnetRun) -> list[Any]:
        """Return the jobs of the entry of `runs` that `scores` names: one for each of its folds and seeds."""
        section, runs, jobs = "km3aid.runs", [one.label for one in self.config.km3aid.runs], self.alignments
        if run.kind == "shift_model":
            section, runs, jobs = "shifts.runs", [one.label for one in self.config.shifts.runs], self.shifts.jobs
        named = [job for job in jobs.values() if job.label == run.scores]
        if run.scores not in runs or not named:
            raise ConfigError(f"matchnet run '{run.label}': {section} has no run '{run.scores}'")
        return named

    def _scored_place(self, run: MatchnetRun) -> tuple[Any, ...]:
        return (self.section.follow, run.split, run.fold)

    def _check_source(self, run: MatchnetRun, job: Any) -> None:
        if _place(job) != self._scored_place(run):
            raise ConfigError(
                f"matchnet run '{run.label}': '{run.scores}' was trained on {job.selection}, split {job.split}, fold "
                f"{job.fold}; to keep what it was trained on out of the test pairs, matchnet.follow, split and fold "
                "must be the same"
            )
        if job.settings.get("records") == "all":
            raise ConfigError(
                f"matchnet run '{run.label}': '{run.scores}' was trained on molecules outside its split, too "
                "(records: all), among which are test molecules of the pairs; take one with records: train"
            )

    def _run_id(self, run: MatchnetRun, source: str | None) -> str:
        values = run.model_dump(exclude={"label", "split"})
        for name in _UNUSED[run.kind]:
            values.pop(name)
        if run.kind == "network":
            backbone = values["network"].pop("backbone")
            values["network"] |= {"backbone": _by_content(backbone)} if run.reads_images else {}
        return settings_hash(
            {
                "method": "matchnet",
                "data": self.version(run.dataset),
                "transfer": self._transfer_values(run),
                "split": self._split_values(run.dataset, run.split),
                "pairs": self._pair_values(),
                "source": source,
                "settings": hashed_settings(values),
            }
        )


def _place(job: Any) -> tuple[Any, ...]:
    return (job.selection, job.split, job.fold)


def _by_content(backbone: Mapping[str, Any]) -> dict[str, Any]:
    """Replace the path of a backbone's weights by their content's hash: paths never enter an id."""
    if backbone["weights"] is None:
        return dict(backbone)
    weights = Path(backbone["weights"])
    files = (weights, *(weights / name for name in WEIGHT_FILES))
    content = next((file_sha256(path) for path in files if path.is_file()), backbone["weights"])
    return {**backbone, "weights": content}
