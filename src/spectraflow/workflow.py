"""From a configuration to the plan of jobs: run ids, and the files and parameters that rules ask for.

Snakemake imports this module at every start and in every job, so it imports nothing heavy. The functions that
rules use as input or parameter functions are methods of `Plan` and take Snakemake's wildcards.
"""

import json
import os
import shlex
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from spectraflow.config import Config
from spectraflow.damaged_files import RESULTS
from spectraflow.errors import ConfigError, SpectraflowError
from spectraflow.interruption import STARTED_BY
from spectraflow.methods.km3aid.settings import PlannedRun
from spectraflow.methods.matchnet.plan import MatchnetPlan
from spectraflow.methods.mmfrl.plan import MmfrlPlan
from spectraflow.methods.shifts.plan import ShiftsPlan
from spectraflow.methods.symspectra.plan import SymspectraPlan
from spectraflow.provenance import settings_hash
from spectraflow.run_ids import DEMO_RAW_FILES, MATCS_FILES, RAW_FILES, data_version, encoder_id, run_id, selection_name
from spectraflow.settings import check
from spectraflow.sources.moleculenet_names import STEMS, file_name

DEMO_FILES = (
    "nmrshiftdb2/nmrshiftdb2withsignals.sd.gz",
    "nmrshiftdb2/km3aid_ids.txt",
    "pubchem/CID-SMILES.gz",
    "alberts/demo_multimodal.parquet",
    "sdbs/records.jsonl",
    "massbank/massbank_EI_records.tar.gz",
    *(f"matcs/{file}" for file in MATCS_FILES),
    *(f"moleculenet/{file_name(task)}" for task in STEMS),
)
"""Raw files of the demo, below `raw/`."""

WILDCARDS = {
    **dict.fromkeys(("run", "encoder", "experiment", "rendering", "features", "target"), "[0-9a-f]{12}"),
    **dict.fromkeys(("fold", "shard", "seed"), r"\d+"),
    **dict.fromkeys(("task", "cleaning", "protocol", "dedupe"), "[a-z0-9_]+"),
    "source": "nmrshiftdb2|pubchem|alberts|sdbs|massbank|open_exp|matcs",
    "selection": "(published_ids|all_assigned)(-computed)?",
    "experimental": "sdbs|open_exp",
    "dataset": "alberts|sdbs|open_exp",
    "paired": "nmrshiftdb2|nmrshiftdb2_any|alberts|matcs|pubchem",
}
"""What the wildcards of the rules may be, as regular expressions."""


@dataclass(frozen=True)
class EncoderJob:
    """One training of a spectrum encoder; runs with equal data and encoder settings share it."""

    encoder: str
    selection: str
    split: str
    fold: int
    settings: dict[str, Any]


@dataclass(frozen=True)
class Km3aidJob:
    """One K-M3AID training: `settings` is everything the step uses, without the label.

    grids: the grids it is a cell of; complete: whether it also gets library retrieval and isomers.
    """

    run: str
    label: str
    grids: tuple[str, ...]
    complete: bool
    selection: str
    split: str
    fold: int
    encoder: str
    settings: dict[str, Any]


def option(name: str, value: object) -> str:
    """Return `--name value` quoted for the shell, or nothing if the value is None or empty."""
    if value is None or (isinstance(value, str | Sequence) and not value):
        return ""
    return f"{name} {shlex.quote(str(value))}"


def options(names: Sequence[str], values: Sequence[object]) -> str:
    """Return `--name value` for each pair, quoted for the shell; nothing without values."""
    return " ".join(option(name, value) for name, value in zip(names, values, strict=False))


def repeat(name: str, values: Iterable[object]) -> str:
    """Return `--name value` once for each value, quoted for the shell."""
    return " ".join(option(name, value) for value in values)


def grow(amount: int) -> Callable[[Any, int], int]:
    """Return a resource function: `amount` on the first attempt, twice that on the second, and so on."""
    return lambda wildcards, attempt: amount * attempt


QUIET = 'test -z "${{SPECTRAFLOW_QUIET_JOBS:-}}" || exec >/dev/null; '
"""Below the quiet console (`watching.console`) what jobs print goes to their logs alone."""


IN_CONTAINER = 'test -n "${{APPTAINER_CONTAINER:-}}${{SINGULARITY_CONTAINER:-}}"'

OWN_CODE = 'export PYTHONPATH="$PWD/src${{PYTHONPATH:+:$PYTHONPATH}}"'
"""In a container the image brings the environment and the checkout the code, whose hashes are in the rules' params."""


def shell_prefix(results: str, devices: str) -> str:
    """Return shell text that finds this interpreter's `spectraflow` first, or the image's; braces are doubled.

    It tells commands which Snakemake started them, where its results lie, and what trainings may run on (`devices`,
    shell text). Threads that wait do so asleep unless the user says otherwise: on a shared machine, spinning ones cost
    a training most of its speed. A prefix takes the place of Snakemake's own, so that bash's strict mode is set here.
    """
    folder_of_python = shlex.quote(str(Path(sys.executable).parent))
    quoted = shlex.quote(results).replace("{", "{{").replace("}", "}}")
    workflow = f"{STARTED_BY}={os.getpid()} {RESULTS}={quoted} {devices.replace('{', '{{').replace('}', '}}')}"
    found = f"if {IN_CONTAINER}; then {OWN_CODE}; else export PATH={folder_of_python}:$PATH; fi; "
    waiting = "OMP_WAIT_POLICY=${{OMP_WAIT_POLICY:-PASSIVE}}"
    return f"set -euo pipefail; {found}export {waiting} {workflow}; {QUIET}"


def folder(path: str) -> str:
    """Return the folder of a file."""
    return str(Path(path).parent)


def checkpoints(model: str) -> str:
    """Return the checkpoint folder of `<results>/<method>/<kind>/<id>/model.safetensors`.

    It lies beside, not among, the declared outputs, which Snakemake deletes when a job fails.
    """
    run = Path(model).parent
    return str(run.parents[2] / "checkpoints" / run.name)


class Plan:
    """The jobs a configuration asks for."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.data_version = data_version(config)
        self.encoders: dict[str, EncoderJob] = {}
        self.runs: dict[str, Km3aidJob] = {}
        for planned in config.km3aid.planned():
            self._add(planned)
        self.experiments = self._pooled_experiments()
        self.shifts = ShiftsPlan(config, self.data_version)
        self.symspectra = SymspectraPlan(config)
        self.matchnet = MatchnetPlan(config, self.shifts, self.runs, self.raw)
        self.mmfrl = MmfrlPlan(config)

    def _add(self, planned: PlannedRun) -> None:
        run = planned.run
        values = run.model_dump(mode="json", exclude={"label"})
        encoder = EncoderJob(
            encoder_id(self.config, run, self.data_version),
            selection_name(run),
            run.split,
            run.fold,
            values["spectrum_encoder"],
        )
        place = (encoder.selection, encoder.split, encoder.fold, encoder.encoder)
        name = run_id(self.config, run, self.data_version)
        grids = () if planned.grid is None else (planned.grid,)
        earlier = self.runs.get(name)
        if earlier is not None:
            if planned.grid is None:
                raise ConfigError(
                    f"km3aid.runs: '{earlier.label}' and '{run.label}' are the same run (id {name}); "
                    "a label does not make a difference, remove one of them"
                )
            grids = tuple(dict.fromkeys((*earlier.grids, *grids)))
            self.runs[name] = replace(earlier, grids=grids, complete=earlier.complete or planned.complete)
            return
        self.encoders.setdefault(encoder.encoder, encoder)
        self.runs[name] = Km3aidJob(name, run.label, grids, planned.complete, *place, values)

    def _pooled_experiments(self) -> dict[str, list[str]]:
        """Return the complete runs that differ in the fold alone, of splits whose folds share no molecule."""
        found: dict[str, list[str]] = {}
        for job in self.runs.values():
            if job.complete and self.config.splits[job.split].kind in ("random", "published_folds"):
                science = {key: value for key, value in job.settings.items() if key != "fold"}
                found.setdefault(settings_hash(science), []).append(job.run)
        return {experiment: runs for experiment, runs in found.items() if len(runs) > 1}

    @property
    def results(self) -> str:
        """Folder of everything this run of the workflow makes."""
        return f"results/{self.config.name}"

    @property
    def results_folder(self) -> str:
        """Folder of the results, wherever `pathvars` puts it."""
        return self.config.pathvars.get("results", self.results)

    @property
    def tracking_uri(self) -> str | None:
        """MLflow store, or None if tracking is off."""
        tracking = self.config.tracking
        return (tracking.uri or f"sqlite:///{self.results_folder}/mlflow/mlflow.db") if tracking.enabled else None

    @property
    def gpu_request(self) -> dict[str, int]:
        """Resources of a rule that computes on a GPU; none unless asked for, as some executors take 0 for a request."""
        devices = self.config.devices
        return {"gpu": devices.per_training} if devices.request_gpus else {}

    def raw(self, source: str) -> str:
        """Return the raw file of a source, or the user's folder of such files."""
        return self.folder(source) or self.retrieved(source)

    def folder(self, source: str) -> str | None:
        """Return the user's folder of a source's files, if the settings name one; the demo needs none."""
        settings = getattr(self.config.sources, source)
        return None if self.config.data == "demo" else getattr(settings, "folder", None)

    def retrieved(self, source: str) -> str:
        """Return where a raw file of a source is retrieved to; the demo always writes the default names."""
        if self.config.data == "demo":
            return "<results>/raw/" + "/".join(DEMO_RAW_FILES[source])
        directory, file = RAW_FILES[source]
        return f"<results>/raw/{directory}/{Path(getattr(self.config.sources, source).file or file).name}"

    @property
    def origin(self) -> str:
        """What spectra of a raw source are unless it says more: simulated in the demo, measured otherwise."""
        return "simulated" if self.config.data == "demo" else "measured"

    def sdbs_files(self, wildcards: Any) -> list[str]:
        """Return the tables of the user's SDBS export; a rule that needs them cannot be planned without one."""
        from snakemake_interface_common.exceptions import WorkflowError

        if self.config.data == "demo":
            return [self.retrieved("sdbs")]
        export = self.folder("sdbs")
        if export is None:
            raise WorkflowError(
                "SDBS is not supplied: it may not be downloaded in bulk, so sources.sdbs.folder must name the folder "
                "of your own export (docs/sdbs.md describes its format)"
            )
        files = sorted(str(path) for name in ("*.jsonl", "*.csv") for path in Path(export).glob(name))
        if not files:
            raise WorkflowError(f"sources.sdbs.folder: {export} holds neither records.jsonl nor molecules.csv")
        return files

    @property
    def matcs_files(self) -> list[str]:
        """Return where the lists of pairs are retrieved to."""
        return [f"<results>/raw/matcs/{file}" for file in MATCS_FILES]

    def mirror(self, source: str) -> str | None:
        """Return the mirror of a source: its own, or the global one."""
        return getattr(self.config.sources, source).mirror or self.config.mirror

    def retrieval_options(self, source: str) -> str:
        """Return the file and mirror options of a retrieval, quoted for the shell."""
        return " ".join(
            [option("--file", Path(self.retrieved(source)).name), option("--mirror", self.mirror(source))]
        ).strip()

    def limit(self, source: str) -> int | None:
        """Return how many records of a source are read."""
        return getattr(self.config.sources, source).limit

    def of_run(self, template: str) -> Callable[[Any], str]:
        """Return an input function that fills `{selection}`, `{encoder}`, ... for the wildcard `run`."""
        return lambda wildcards: template.format(**vars(self.runs[wildcards.run]))

    def of_encoder(self, template: str) -> Callable[[Any], str]:
        """Return an input function that fills `{selection}`, `{split}`, `{fold}` for the wildcard `encoder`."""
        return lambda wildcards: template.format(**vars(self.encoders[wildcards.encoder]))

    def each_run(self, template: str) -> list[str]:
        """Return a path for every run, without repetition, in the order of the configuration."""
        return list(dict.fromkeys(template.format(**vars(job)) for job in self.runs.values()))

    def each_complete_run(self, template: str) -> list[str]:
        """Return a path for every run that gets library retrieval and isomers, as `each_run` does."""
        return list(dict.fromkeys(template.format(**vars(job)) for job in self.runs.values() if job.complete))

    def each_experiment(self, template: str) -> list[str]:
        """Return a path for every experiment whose folds are put together, `{experiment}` filled in."""
        return [template.format(experiment=experiment) for experiment in self.experiments]

    def each_searched_run(self, template: str) -> list[str]:
        """Return a path for every run that whole libraries are searched with, as `each_run` does."""
        found = self.each_complete_run(template)
        return {"all": found, "first": found[:1], "none": []}[self.config.search.runs]

    def each_external_run(self, template: str) -> list[str]:
        """Return a path for every searched run that was trained on the published list alone, as `each_run` does.

        Only there are molecules off the list external.
        """
        searched = self.each_searched_run("{run}")
        return [template.format(run=run) for run in searched if self.runs[run].settings["molecules"] == "published_ids"]

    def aligner(self, shifts_run: str) -> str | None:
        """Return the first searched K-M3AID run with the selection, split and fold of a shift model, if any."""
        wanted = self.shifts.jobs[shifts_run]
        place = (wanted.selection, wanted.split, wanted.fold)
        jobs = (self.runs[run] for run in self.each_searched_run("{run}"))
        return next((job.run for job in jobs if (job.selection, job.split, job.fold) == place), None)

    def of_aligner(self, template: str) -> Callable[[Any], str]:
        """Return an input function that fills `{run}` with the run whose candidates a shift model re-ranks."""
        return lambda wildcards: template.format(run=self.aligner(wildcards.run))

    def each_reranking(self, template: str) -> list[str]:
        """Return a path for every shift model that re-ranks the candidates of a K-M3AID run."""
        return [template.format(run=run) for run in self.shifts.jobs if self.aligner(run) is not None]

    def of_shards(self, template: str) -> Callable[[Any], list[str]]:
        """Return an input function that fills `{run}` from the wildcards and `{shard}` with each shard's number."""
        shards = range(self.config.search.shards)
        return lambda wildcards: [template.format(run=wildcards.run, shard=shard) for shard in shards]

    def of_experiment(self, template: str) -> Callable[[Any], list[str]]:
        """Return an input function that fills `{run}` with each run of the wildcard `experiment`."""
        return lambda wildcards: [template.format(run=run) for run in self.experiments[wildcards.experiment]]

    def first_run(self, template: str) -> list[str]:
        """Return the path of the first run, the one whose molecules illustrate the report, if there is one."""
        return self.each_run(template)[:1]

    def published_ids(self, wildcards: Any) -> list[str]:
        """Return the published id list if the alignment or the split named by the wildcards needs it."""
        wanted = str(wildcards.selection).startswith("published_ids")
        split = getattr(wildcards, "split", None)
        if split is not None:
            wanted = self.config.splits[split].kind == "published_folds"
        return [self.raw("km3aid_ids")] if wanted else []

    def weights(self, wildcards: Any) -> list[str]:
        """Return the external weights of an encoder, if it has any."""
        weights = self.encoders[wildcards.encoder].settings["weights"]
        return [weights] if weights else []

    def run_settings(self, wildcards: Any) -> str:
        """Return the settings of a run as JSON."""
        return _json(self.runs[wildcards.run].settings)

    def encoder_settings(self, wildcards: Any) -> str:
        """Return the settings of a spectrum encoder as JSON."""
        return _json(self.encoders[wildcards.encoder].settings)

    def split_settings(self, wildcards: Any) -> str:
        """Return the settings of a split as JSON."""
        return _json(self.config.splits[wildcards.split].model_dump(mode="json"))

    def demo_settings(self, wildcards: Any) -> str:
        """Return the settings of the embedded source as JSON."""
        return _json(self.config.demo.model_dump(mode="json"))

    def alberts_settings(self, wildcards: Any) -> str:
        """Return the settings of the vectors of simulated spectra as JSON."""
        return _json(self.config.symspectra.vectors.model_dump(mode="json", exclude={"ei_energy"}))

    def retrieval_settings(self, wildcards: Any) -> str:
        """Return the settings of library retrieval as JSON."""
        return _json(self.config.retrieval.model_dump(mode="json"))

    def search_settings(self, wildcards: Any) -> str:
        """Return the settings of a whole-library search as JSON."""
        return _json(self.config.search.model_dump(mode="json", exclude={"runs", "shards", "queries"}))

    def index_settings(self, wildcards: Any) -> str:
        """Return the settings that an approximate index is trained by as JSON."""
        return _json(self.config.search.index.model_dump(mode="json", exclude={"probes", "rerank"}))

    def isomer_settings(self, wildcards: Any) -> str:
        """Return the settings of isomer recognition as JSON."""
        return _json(self.config.isomers.model_dump(mode="json"))

    def label(self, wildcards: Any) -> list[str]:
        """Return the label of a run, then the grids it is a cell of."""
        job = self.runs[wildcards.run]
        return [job.label, *job.grids]


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def load_plan(config: Mapping[str, Any]) -> Plan:
    """Return the plan of a Snakemake configuration; a wrong one stops the workflow with every fault at once."""
    from snakemake_interface_common.exceptions import WorkflowError

    try:
        return Plan(check(Config, config, "configuration"))
    except SpectraflowError as error:
        raise WorkflowError(str(error)) from None
