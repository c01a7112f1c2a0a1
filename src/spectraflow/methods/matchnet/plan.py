"""Paths and parameters of the rules of matching; imports nothing heavy."""

import json
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from spectraflow.config import Config
from spectraflow.methods.matchnet.jobs import LISTED, TABLES, MatchnetJob, MatchnetJobs
from spectraflow.methods.matchnet.settings import PREDICTED
from spectraflow.methods.shifts.plan import ShiftsPlan
from spectraflow.provenance import settings_hash


class MatchnetPlan(MatchnetJobs):
    """Paths and parameters of the rules of matching; `raw` tells where a source's raw file is."""

    def __init__(
        self, config: Config, shifts: ShiftsPlan, alignments: Mapping[str, Any], raw: Callable[[str], str]
    ) -> None:
        super().__init__(config, shifts, alignments)
        self.raw = raw

    def of_run(self, template: str) -> Callable[[Any], str]:
        """Return an input function that fills `{paired}`, `{split}`, `{rendering}`, ... for the wildcard `run`."""
        return lambda wildcards: template.format(**vars(self.jobs[wildcards.run]))

    def of_features(self, template: str) -> Callable[[Any], str]:
        """Return an input function that fills `{paired}`, `{rendering}`, ... for the wildcard `features`."""
        return lambda wildcards: template.format(**vars(self.features[wildcards.features]))

    def each_run(self, template: str) -> list[str]:
        """Return a path for every run, without repetition, in the order of the configuration."""
        return _filled(template, self.jobs.values())

    def each_features(self, template: str) -> list[str]:
        """Return a path for every cache of features."""
        return _filled(template, self.features.values())

    def each_examined_run(self, template: str) -> list[str]:
        """Return a path for every network that is looked into: of repetitions the first, controls left out."""
        first: dict[str, MatchnetJob] = {}
        for job in self.jobs.values():
            settings = job.settings
            blind = settings["network"]["blind"] != "none" or settings["permuted_labels"]
            if settings["kind"] == "network" and job.own and not blind:
                training = {key: value for key, value in settings["training"].items() if key != "seed"}
                first.setdefault(settings_hash({**settings, "training": training, "fold": None}), job)
        chosen = list(first.values())
        of_form = {job.settings["network"]["spectra"]: job for job in reversed(chosen)}
        which = {"own": chosen, "first": [job for job in chosen if job in of_form.values()], "none": []}
        return _filled(template, which[self.section.examination.runs])

    @property
    def datasets(self) -> list[str]:
        """Return every data set that a run is trained or tested on."""
        named = [name for job in self.jobs.values() for name in (job.paired, job.settings["transfer"]) if name]
        return list(dict.fromkeys(named))

    def each_dataset(self, template: str) -> list[str]:
        """Return a path for every data set, `{paired}` filled in."""
        return [template.format(paired=name) for name in self.datasets]

    def molecules(self, wildcards: Any) -> str:
        """Return the molecules table of a data set."""
        return f"<results>/tables/{TABLES.get(wildcards.paired, wildcards.paired)}/molecules.parquet"

    def peaks(self, wildcards: Any) -> list[str]:
        """Return the peaks table of a data set, unless its spectra are predicted."""
        source = TABLES.get(wildcards.paired, wildcards.paired)
        return [] if wildcards.paired in PREDICTED else [f"<results>/tables/{source}/peaks.parquet"]

    def predictions(self, wildcards: Any) -> list[str]:
        """Return predicted shifts, graphs and the accuracy of the shift model, if the spectra are predicted."""
        if wildcards.paired not in PREDICTED:
            return []
        run, source = self.shift_model().run, wildcards.paired
        return [
            f"<results>/shifts/predictions/{run}/{source}.parquet",
            f"<results>/features/{source}/graphs.parquet",
            f"<results>/shifts/runs/{run}/metrics.json",
        ]

    def selection_settings(self, wildcards: Any) -> str:
        """Return what decides the molecules and spectra of a data set as JSON."""
        section = self.section
        values = {
            "molecules": None if wildcards.paired == "nmrshiftdb2_any" else section.molecules.model_dump(mode="json"),
            "predicted": section.predicted.model_dump(mode="json") if wildcards.paired in PREDICTED else None,
        }
        return _json(values)

    def given_parts(self, wildcards: Any) -> list[str]:
        """Return the parts that molecules have already: those of the alignment, or those of the lists."""
        if wildcards.split == LISTED:
            return [f"<results>/tables/{wildcards.paired}/split.parquet"]
        follow = self.section.follow
        if wildcards.paired not in TABLES or follow is None:
            return []
        return [f"<results>/splits/km3aid/{follow}/{wildcards.split}-fold{wildcards.fold}.parquet"]

    def split_settings(self, wildcards: Any) -> str:
        """Return the settings of a split as JSON."""
        return _json(self.config.splits[self.named_split(wildcards.split)].model_dump(mode="json"))

    def listed_pairs(self, wildcards: Any) -> list[str]:
        """Return the listed test pairs, if the split is that of the lists."""
        return [f"<results>/tables/{wildcards.paired}/listed_pairs.parquet"] if wildcards.split == LISTED else []

    def standard_rendering(self, wildcards: Any) -> str:
        """Return the spectra in the standard rendering, by which equal spectra are told."""
        name = self.add_rendering(self.section.base.rendering)
        return f"<results>/matchnet/rendered/{wildcards.paired}/{name}.parquet"

    def pair_settings(self, wildcards: Any) -> str:
        """Return the settings of pairs as JSON."""
        return _json(self.section.pairs.model_dump(mode="json"))

    def examination_settings(self, wildcards: Any) -> str:
        """Return what trained models are asked as JSON."""
        return _json(self.section.examination.model_dump(mode="json", exclude={"runs"}))

    def backbone_weights(self, wildcards: Any) -> list[str]:
        """Return the file of a backbone's weights, if the settings name one."""
        file = self.features[wildcards.features].weights_file
        return [file] if file else []

    def raw_arrays(self, wildcards: Any) -> list[str]:
        """Return the raw file of a data set whose spectra are arrays."""
        return [self.raw("alberts")] if wildcards.paired == "alberts" else []

    def rendering_settings(self, wildcards: Any) -> str:
        """Return the settings of a rendering as JSON."""
        return _json(self.renderings[wildcards.rendering])

    def feature_settings(self, wildcards: Any) -> str:
        """Return rendering and backbone of a cache as JSON."""
        job = self.features[wildcards.features]
        return _json({"rendering": self.renderings[job.rendering], "backbone": job.settings})

    def feature_files(self, wildcards: Any) -> list[str]:
        """Return the index of the features that a run reads, if it reads any."""
        features = self.jobs[wildcards.run].features
        return [] if features is None else [f"<results>/matchnet/features/{features}/index.parquet"]

    def scores(self, wildcards: Any) -> list[str]:
        """Return the scores of another model that a run takes."""
        return [f"<results>/matchnet/scores/{wildcards.run}.parquet"] if self.jobs[wildcards.run].source else []

    def score_command(self, wildcards: Any, files: Sequence[str]) -> str:
        """Return the command by which another model scores the pairs of a run; `files` are those of scoring_model."""
        if self.jobs[wildcards.run].settings["kind"] == "shift_model":
            return f"shifts score-pairs --predictions {shlex.quote(files[0])}"
        folder, graphs = Path(files[0]).parent, files[1]
        return f"km3aid score-pairs --run {shlex.quote(str(folder))} --graphs {shlex.quote(graphs)}"

    def scoring_model(self, wildcards: Any) -> list[str]:
        """Return what the other model needs to score: its predictions, or its weights and the graphs."""
        job = self.jobs[wildcards.run]
        if job.settings["kind"] == "shift_model":
            return [f"<results>/shifts/predictions/{job.source}/nmrshiftdb2.parquet"]
        return [
            f"<results>/km3aid/runs/{job.source}/model.safetensors",
            "<results>/features/nmrshiftdb2/graphs.parquet",
        ]

    def transfer(self, wildcards: Any) -> list[str]:
        """Return spectra, columns and pairs of the data set that a run is also tested on."""
        job = self.jobs[wildcards.run]
        other = job.settings["transfer"]
        if other is None:
            return []
        split = self.named_split(job.split)
        return [
            f"<results>/matchnet/spectra/{other}/spectra.parquet",
            f"<results>/matchnet/rendered/{other}/{job.rendering}.parquet",
            f"<results>/matchnet/pairs/{other}/{split}-fold{job.fold}.parquet",
        ]

    def data_version(self, wildcards: Any) -> str:
        """Return the identity of the spectra of a run."""
        return self.version(self.jobs[wildcards.run].paired)

    def run_settings(self, wildcards: Any) -> str:
        """Return the settings of a run as JSON."""
        return _json(self.jobs[wildcards.run].settings)

    def label(self, wildcards: Any) -> list[str]:
        """Return the label of a run, then the grids it is a cell of."""
        job = self.jobs[wildcards.run]
        return [job.label, *job.grids]


def _filled(template: str, jobs: Iterable[Any]) -> list[str]:
    return list(dict.fromkeys(template.format(**vars(job)) for job in jobs))


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
