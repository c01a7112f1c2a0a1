"""The jobs that the shift models of a configuration ask for; imports nothing heavy."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from spectraflow.config import Config
from spectraflow.errors import ConfigError
from spectraflow.methods.shifts.settings import ShiftsRun
from spectraflow.provenance import settings_hash
from spectraflow.settings import hashed_settings


@dataclass(frozen=True)
class ShiftsJob:
    """One shift model: `settings` is everything the step uses, without the label."""

    run: str
    label: str
    selection: str
    split: str
    fold: int
    settings: dict[str, Any]


def run_id(config: Config, run: ShiftsRun, data_version: str) -> str:
    """Return the id of a shift model: method, data version, split, fold, external queries and hyper-parameters."""
    values = hashed_settings(run.model_dump(exclude={"label", "split"}))
    split = config.splits[run.split].model_dump()
    external = config.shifts.external_queries
    return settings_hash(
        {"method": "shifts", "data": data_version, "split": split, "external": external, "settings": values}
    )


class ShiftsPlan:
    """Paths and parameters of the shift models' rules."""

    def __init__(self, config: Config, data_version: str) -> None:
        self.config = config
        self.jobs: dict[str, ShiftsJob] = {}
        for run in config.shifts.runs:
            name = run_id(config, run, data_version)
            if name in self.jobs:
                raise ConfigError(
                    f"shifts.runs: '{self.jobs[name].label}' and '{run.label}' are the same run (id {name}); "
                    "a label does not make a difference, remove one of them"
                )
            selection = run.molecules + ("-computed" if run.computed_spectra else "")
            values = run.model_dump(mode="json", exclude={"label"})
            self.jobs[name] = ShiftsJob(name, run.label, selection, run.split, run.fold, values)

    def of_run(self, template: str) -> Callable[[Any], str]:
        """Return an input function that fills `{selection}`, `{split}`, ... for the wildcard `run`."""
        return lambda wildcards: template.format(**vars(self.jobs[wildcards.run]))

    def each_run(self, template: str) -> list[str]:
        """Return a path for every shift model, without repetition, in the order of the configuration."""
        return list(dict.fromkeys(template.format(**vars(job)) for job in self.jobs.values()))

    def each_external_run(self, template: str) -> list[str]:
        """Return a path for every shift model of the published list: only there are molecules off it external."""
        return [
            template.format(run=name) for name, job in self.jobs.items() if job.settings["molecules"] == "published_ids"
        ]

    def each_selection(self, template: str) -> list[str]:
        """Return a path for every selection of molecules that a shift model is tested on."""
        return list(dict.fromkeys(template.format(selection=job.selection) for job in self.jobs.values()))

    @property
    def counts(self) -> list[str]:
        """Return the accounting of shift labels and external queries, if there is a shift model."""
        return [f"<results>/shifts/{name}/counts.json" for name in ("labels", "external")] if self.jobs else []

    def run_settings(self, wildcards: Any) -> str:
        """Return the settings of a shift model as JSON."""
        return json.dumps(self.jobs[wildcards.run].settings, sort_keys=True, separators=(",", ":"))

    def label(self, wildcards: Any) -> str:
        """Return the label of a shift model."""
        return self.jobs[wildcards.run].label
