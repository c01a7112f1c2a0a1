"""The jobs that the models of MoleculeNet tasks of a configuration ask for; imports nothing heavy."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from spectraflow.config import Config
from spectraflow.errors import ConfigError
from spectraflow.methods.mmfrl.section import TASKS
from spectraflow.methods.mmfrl.settings import EMBEDDED, MODALITIES, WITHOUT_GRAPHS, PretrainingRun, PropertyRun
from spectraflow.provenance import settings_hash
from spectraflow.run_ids import property_version, raw_version
from spectraflow.settings import hashed_settings
from spectraflow.sources.moleculenet_names import file_name

FUSED = ("intermediate", "late")


@dataclass(frozen=True)
class TargetJob:
    """One encoder of a modality and the embeddings it gives: `settings` are those of a pre-training that uses it."""

    target: str
    modality: str
    dedupe: str
    settings: dict[str, Any]


@dataclass(frozen=True)
class EncoderJob:
    """One pre-trained encoder, and the embeddings it learns from by modality."""

    encoder: str
    dedupe: str
    targets: dict[str, str]
    settings: dict[str, Any]


@dataclass(frozen=True)
class PropertyJob:
    """One model on one split of a task, and the encoders it starts from."""

    run: str
    label: str
    task: str
    cleaning: str
    protocol: str
    seed: int
    encoders: tuple[str, ...]
    settings: dict[str, Any]


class MmfrlPlan:
    """Paths and parameters of the rules of MMFRL."""

    def __init__(self, config: Config) -> None:
        self.config, self.section = config, config.mmfrl
        self.pretraining_version = raw_version(config, "nmrshiftdb2")
        self.versions: dict[str, str] = {}
        self.targets: dict[str, TargetJob] = {}
        self.encoders: dict[str, EncoderJob] = {}
        self.jobs: dict[str, PropertyJob] = {}
        for run in self.section.planned():
            self._add(run)

    def _add(self, run: PropertyRun) -> None:
        if run.task not in self.versions:
            self.versions[run.task] = property_version(self.config, run.task)
        name = run_id(run, self.versions[run.task], self.pretraining_version)
        if name in self.jobs:
            raise ConfigError(
                f"mmfrl.runs: '{self.jobs[name].label}' and '{run.label}' are the same model (id {name}); "
                "a label does not make a difference, remove one of them"
            )
        encoders = tuple(self._add_encoder(one) for one in run.pretraining)
        values = run.model_dump(mode="json", exclude={"label"})
        place = (run.task, run.cleaning, run.protocol, run.split_seed)
        self.jobs[name] = PropertyJob(name, run.label, *place, encoders, values)

    def _add_encoder(self, run: PretrainingRun) -> str:
        modalities = [run.modality] if run.modality != "early" else [m for m in MODALITIES if m in run.weights]
        targets: dict[str, str] = {name: self._add_target(run, name) for name in modalities if name in EMBEDDED}
        name = encoder_id(run, self.pretraining_version)
        self.encoders[name] = EncoderJob(name, run.dedupe, targets, run.model_dump(mode="json"))
        return name

    def _add_target(self, run: PretrainingRun, modality: str) -> str:
        name = target_id(run, modality, self.pretraining_version)
        self.targets.setdefault(name, TargetJob(name, modality, run.dedupe, run.model_dump(mode="json")))
        return name

    @property
    def tasks(self) -> list[str]:
        """Return every task and cleaning that a model is trained on, as `<task>-<cleaning>`."""
        return list(dict.fromkeys(f"{job.task}-{job.cleaning}" for job in self.jobs.values()))

    def pretraining_tasks(self, template: str) -> list[str]:
        """Return a path for every task whose molecules are kept from pre-training: all of MoleculeNet."""
        return [template.format(task=task) for task in TASKS]

    def raw(self, wildcards: Any) -> str:
        """Return the raw file of the task that the wildcards name."""
        return f"<results>/raw/moleculenet/{file_name(wildcards.task)}"

    def of_run(self, template: str) -> Callable[[Any], str]:
        """Return an input function that fills `{task}`, `{cleaning}`, ... for the wildcard `run`."""
        return lambda wildcards: template.format(**vars(self.jobs[wildcards.run]))

    def of_encoder(self, template: str) -> Callable[[Any], str]:
        """Return an input function that fills `{dedupe}` for the wildcard `encoder`."""
        return lambda wildcards: template.format(**vars(self.encoders[wildcards.encoder]))

    def of_target(self, template: str) -> Callable[[Any], str]:
        """Return an input function that fills `{dedupe}` for the wildcard `target`."""
        return lambda wildcards: template.format(**vars(self.targets[wildcards.target]))

    def each_run(self, template: str) -> list[str]:
        """Return a path for every run, without repetition, in the order of the configuration."""
        return _filled(template, self.jobs.values())

    def each_encoder(self, template: str) -> list[str]:
        """Return a path for every pre-trained encoder."""
        return _filled(template, self.encoders.values())

    def each_task(self, template: str) -> list[str]:
        """Return a path for every task and cleaning, as `{task}`."""
        return [template.format(task=task) for task in self.tasks]

    def each_dedupe(self, template: str) -> list[str]:
        """Return a path for every selection of molecules to pre-train on."""
        return _filled(template, self.encoders.values())

    def each_explained_run(self, template: str) -> list[str]:
        """Return a path for every model that is looked into: on the first split of its task."""
        explained, chosen = self.section.explained, []
        for task in explained.tasks:
            jobs = [job for job in self.jobs.values() if job.task == task]
            first = [job for job in jobs if (job.cleaning, job.protocol, job.seed) == _place(jobs[0])]
            wanted = explained.arms
            for job in first:
                named = job.settings["kind"] in FUSED if wanted is None else job.label in wanted
                if named and job.encoders:
                    chosen.append(job)
        return _filled(template, chosen)

    def graphs(self, wildcards: Any) -> list[str]:
        """Return the graphs of a run's task, if its model reads graphs."""
        job = self.jobs[wildcards.run]
        reads = job.settings["kind"] not in (*WITHOUT_GRAPHS, "chemprop")
        return [f"<results>/features/moleculenet/{job.task}-{job.cleaning}/graphs.safetensors"] if reads else []

    def encoder_weights(self, wildcards: Any) -> list[str]:
        """Return the weights of the encoders that a run starts from, in its order."""
        return [f"<results>/mmfrl/encoders/{name}/model.safetensors" for name in self.jobs[wildcards.run].encoders]

    def target_files(self, wildcards: Any) -> list[str]:
        """Return the target embeddings that a pre-training learns from."""
        return [f"<results>/mmfrl/targets/{name}.npy" for name in self.encoders[wildcards.encoder].targets.values()]

    def target_options(self, wildcards: Any, files: Iterable[str]) -> list[str]:
        """Return `modality=path` for each of these embeddings."""
        return [f"{name}={path}" for name, path in zip(self.encoders[wildcards.encoder].targets, files, strict=True)]

    def modality(self, wildcards: Any) -> str:
        """Return the modality of target embeddings."""
        return self.targets[wildcards.target].modality

    def target_settings(self, wildcards: Any) -> str:
        """Return the settings of an encoder of a modality as JSON: those that its id has, the rest by default."""
        job = self.targets[wildcards.target]
        return _json({**_target_science(job.settings, job.modality), "modality": job.modality})

    def encoder_settings(self, wildcards: Any) -> str:
        """Return the settings of a pre-training as JSON."""
        return _json(self.encoders[wildcards.encoder].settings)

    def run_settings(self, wildcards: Any) -> str:
        """Return the settings of a run as JSON."""
        return _json(self.jobs[wildcards.run].settings)

    def explanation_settings(self, wildcards: Any) -> str:
        """Return what trained models are asked as JSON."""
        return _json(self.section.explained.settings.model_dump(mode="json"))

    def data_version(self, wildcards: Any) -> str:
        """Return the identity of the raw file of a run's task."""
        return self.versions[self.jobs[wildcards.run].task]

    def label(self, wildcards: Any) -> list[str]:
        """Return the label of a run."""
        return [self.jobs[wildcards.run].label]


def target_id(run: PretrainingRun, modality: str, version: str) -> str:
    """Return the id of target embeddings: only what their encoder's training uses."""
    science = _target_science(run.model_dump(mode="json"), modality)
    del science["targets"]["weights"]  # a path; the checksum stays
    return settings_hash({"method": "mmfrl.target", "data": version, "modality": modality, "settings": science})


def _target_science(values: Mapping[str, Any], modality: str) -> dict[str, Any]:
    targets = values["targets"]
    used = {key: targets[key] for key in ("source", "weights", "sha256")} | {modality: targets[modality]}
    seed = values["training"]["seed"]
    return {
        "dedupe": values["dedupe"],
        "molecules": values["molecules"],
        "held_out": values["held_out"],
        "targets": used,
        "training": {"seed": seed},
    }


def encoder_id(run: PretrainingRun, version: str) -> str:
    """Return the id of a pre-trained encoder: data version, modality, targets, and what it uses of loss and fit."""
    values = run.model_dump(mode="json")
    modalities = list(run.weights) if run.modality == "early" else [run.modality]
    del values["targets"], values["released"]
    if run.modality != "early":
        del values["weights"]
    if run.modality != "peak":
        del values["loss"]["peak_kernel"], values["loss"]["peak_scale"]
    targets = {name: target_id(run, name, version) for name in modalities if name in EMBEDDED}
    science = {"method": "mmfrl.pretraining", "data": version, "targets": targets}
    if run.released is not None:
        science["released"] = run.released.sha256
    return settings_hash({**science, "settings": hashed_settings(values)})


def run_id(run: PropertyRun, version: str, pretraining_version: str) -> str:
    """Return the id of a model of a task: data, split, encoders it starts from, and what its kind uses of the rest."""
    values = run.model_dump(mode="json", exclude={"label", "pretraining"})
    if run.kind in WITHOUT_GRAPHS:
        for name in ("encoder", "encoders", "head", "coefficients", "selection"):
            del values[name]
        values["training"] = {"seed": run.training.seed}
    elif run.pretraining:
        del values["encoder"], values["encoders"]
    if run.kind not in (*WITHOUT_GRAPHS, "attentivefp"):
        del values["baseline"]
    encoders = [encoder_id(one, pretraining_version) for one in run.pretraining]
    science = {"method": "mmfrl", "data": version, "encoders": encoders}
    return settings_hash({**science, "settings": hashed_settings(values)})


def _place(job: PropertyJob) -> tuple[str, str, int]:
    return job.cleaning, job.protocol, job.seed


def _filled(template: str, jobs: Iterable[Any]) -> list[str]:
    return list(dict.fromkeys(template.format(**vars(job)) for job in jobs))


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
