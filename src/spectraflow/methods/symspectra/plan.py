"""The jobs that the models of functional groups of a configuration ask for; imports nothing heavy."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from spectraflow.config import Config
from spectraflow.errors import ConfigError
from spectraflow.methods.symspectra.settings import PlannedSymspectra, SymspectraRun
from spectraflow.provenance import file_sha256, settings_hash
from spectraflow.run_ids import dataset_version
from spectraflow.settings import hashed_settings

GROUPS = Path("resources/functional_groups.csv")
SECTIONS = {"symspectra": ("network", "objective"), "transformer": ("network", "baseline")}
"""Sections of the settings that a kind of model uses; baselines use `baseline` alone, the text model an order, too."""


@dataclass(frozen=True)
class SymspectraJob:
    """One training: `settings` is everything the step uses, without the label.

    `grids` that it is a cell of; `own`: whether it is an entry of `runs`.
    """

    run: str
    label: str
    grids: tuple[str, ...]
    own: bool
    dataset: str
    split: str
    fold: int
    settings: dict[str, Any]


def run_id(config: Config, run: SymspectraRun, version: str) -> str:
    """Return the id of a run: data, labels, vectors, split, fold, seeds and what its kind of model uses of the rest."""
    values = run.model_dump(exclude={"label", "split"})
    used = SECTIONS.get(run.kind, ("baseline",))
    for section in {"network", "objective", "baseline"} - set(used):
        del values[section]
    return settings_hash(
        {
            "method": "symspectra",
            "data": version,
            "groups": file_sha256(GROUPS),
            "vectors": config.symspectra.vectors.model_dump(),
            "split": config.splits[run.split].model_dump(),
            "settings": hashed_settings(values),
        }
    )


class SymspectraPlan:
    """Paths and parameters of the rules of functional groups."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.versions: dict[str, str] = {}
        self.jobs: dict[str, SymspectraJob] = {}
        self.left_out = 0
        """Runs on SDBS without an export: it may not be downloaded, so they wait for a user's own."""
        for planned in config.symspectra.planned():
            if planned.run.dataset == "sdbs" and config.data == "published" and config.sources.sdbs.folder is None:
                self.left_out += 1
            else:
                self._add(planned)

    def _add(self, planned: PlannedSymspectra) -> None:
        run = planned.run
        if run.dataset not in self.versions:
            self.versions[run.dataset] = dataset_version(self.config, run.dataset)
        name = run_id(self.config, run, self.versions[run.dataset])
        grids = () if planned.grid is None else (planned.grid,)
        earlier = self.jobs.get(name)
        if earlier is not None:
            if planned.grid is None:
                raise ConfigError(
                    f"symspectra.runs: '{earlier.label}' and '{run.label}' are the same run (id {name}); "
                    "a label does not make a difference, remove one of them"
                )
            self.jobs[name] = replace(earlier, grids=tuple(dict.fromkeys((*earlier.grids, *grids))))
            return
        values = run.model_dump(mode="json", exclude={"label"})
        self.jobs[name] = SymspectraJob(
            name, run.label, grids, planned.grid is None, run.dataset, run.split, run.fold, values
        )

    def of_run(self, template: str) -> Callable[[Any], str]:
        """Return an input function that fills `{dataset}`, `{split}`, `{fold}` for the wildcard `run`."""
        return lambda wildcards: template.format(**vars(self.jobs[wildcards.run]))

    def each_run(self, template: str) -> list[str]:
        """Return a path for every run, without repetition, in the order of the configuration."""
        return list(dict.fromkeys(template.format(**vars(job)) for job in self.jobs.values()))

    def each_examined_run(self, template: str) -> list[str]:
        """Return a path for every SymSpectra run that is looked into: entries of `runs`, of repetitions the first."""
        first: dict[str, SymspectraJob] = {}
        for job in self.jobs.values():
            settings = job.settings
            if settings["kind"] == "symspectra" and job.own and not settings["permuted"]:
                training = {key: value for key, value in settings["training"].items() if key != "seed"}
                first.setdefault(settings_hash({**settings, "training": training, "fold": None}), job)
        return [template.format(**vars(job)) for job in first.values()]

    def each_cluster_split(self, template: str) -> list[str]:
        """Return a path for every split by clusters of scaffolds that a run uses."""
        jobs = [job for job in self.jobs.values() if self.config.splits[job.split].kind == "scaffold_clusters"]
        return list(dict.fromkeys(template.format(**vars(job)) for job in jobs))

    def counts(self, dataset: str) -> list[str]:
        """Return the accounting of a data set and of what it is made of."""
        tables = "<results>/tables"
        own = {
            "alberts": [f"{tables}/alberts/counts.json"],
            "sdbs": [f"{tables}/sdbs/counts.json", f"{tables}/sdbs/vectors.json"],
            "open_exp": [
                f"{tables}/{name}.json" for name in ("massbank/counts", "open_exp/counts", "open_exp/vectors")
            ],
        }
        return own[dataset]

    @property
    def tables(self) -> list[str]:
        """Return molecules, vectors and labels of every data set that a run uses."""
        files = ("tables/{}/molecules", "tables/{}/vectors", "features/{}/labels")
        return [f"<results>/{file.format(dataset)}.parquet" for dataset in self.versions for file in files]

    @property
    def all_counts(self) -> list[str]:
        """Return the accounting of every data set that a run uses."""
        return [path for dataset in self.versions for path in self.counts(dataset)]

    def peaks(self, wildcards: Any) -> list[str]:
        """Return the peaks table if the run's model reads text."""
        job = self.jobs[wildcards.run]
        kind, text = job.settings["kind"], job.settings["baseline"]["text"]
        reads = kind == "transformer" or (kind == "multimodal_transformer" and text)
        return [f"<results>/tables/{job.dataset}/peaks.parquet"] if reads else []

    def data_version(self, wildcards: Any) -> str:
        """Return the identity of the raw spectra of a run."""
        return self.versions[self.jobs[wildcards.run].dataset]

    def run_settings(self, wildcards: Any) -> str:
        """Return the settings of a run as JSON."""
        return json.dumps(self.jobs[wildcards.run].settings, sort_keys=True, separators=(",", ":"))

    def label(self, wildcards: Any) -> list[str]:
        """Return the label of a run, then the grids it is a cell of."""
        job = self.jobs[wildcards.run]
        return [job.label, *job.grids]
