"""Run folders as training writes them: settings, history, metrics and, where it was run, retrieval."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from spectraflow.errors import InputError, UnreadableFileError
from spectraflow.files import read_json
from spectraflow.reporting.group_measures import group_measures
from spectraflow.reporting.matching_measures import matching_measures
from spectraflow.training.run_folder import read_grids, read_label


class Measured(NamedTuple):
    """A measured number with the ends of its interval (None: no interval) and the observations behind it."""

    value: float
    low: float | None = None
    high: float | None = None
    n: int | None = None


@dataclass(frozen=True)
class Run:
    """One run folder in memory; what later steps wrote is None, and `history` empty, where files lack.

    grids: the grids of the configuration of which the run is a cell; retrievals: by queries: `retrieval` for the test
    part, `external`, `protons`.
    """

    folder: Path
    info: Mapping[str, Any]
    metrics: Mapping[str, Any]
    history: Sequence[Mapping[str, Any]] = ()
    retrieval: Mapping[str, Any] | None = None
    isomers: Mapping[str, Any] | None = None
    grids: tuple[str, ...] = ()
    search: Mapping[str, Any] | None = None
    reranking: Mapping[str, Any] | None = None
    retrievals: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    examination: Mapping[str, Any] | None = None
    _test: dict[str, Measured] = field(default_factory=dict, repr=False)

    @property
    def run_id(self) -> str:
        """Return the run's identity."""
        return str(self.info.get("run_id") or self.folder.name)

    @property
    def label(self) -> str:
        """Return the name for tables and figures."""
        return str(self.info.get("label") or self.run_id)

    @property
    def only_cell(self) -> bool:
        """Return whether the run was asked for by a grid alone."""
        return self.label in self.grids

    @property
    def method(self) -> str:
        """Return the name of the method."""
        return str(self.info.get("method", ""))

    @property
    def settings(self) -> Mapping[str, Any]:
        """Return the settings the run was trained with."""
        return self.info.get("settings") or {}

    @property
    def measured(self) -> dict[str, Measured]:
        """Return every number measured on the test part by name.

        Retrieval is `retrieval/<library size>/<k>`, `external/...` for external queries, `protons/...` for those with
        measured 1H shifts, and with `_<scoring>` after the first word where it is not the method's main scoring.
        Among the whole library it is `whole_retrieval/<k>`, `whole_external/<k>`, and so on. Isomers are
        `isomers/<which groups>/<figure>`. Models of functional groups add what `group_measures` names, matching models
        what `matching_measures` names.
        """
        return self._test


def retrieval_controls(retrieval: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return hit rates by size and k of every control of a retrieval.json, those of its main scoring first."""
    main = (retrieval.get("scorings") or {}).get(retrieval.get("main_scoring")) or {}
    return {
        **{name: rates for name, rates in main.items() if name not in ("sizes", "percentile", "whole")},
        **(retrieval.get("controls") or {}),
    }


def as_measured(value: Any) -> Measured | None:
    """Return a JSON number, or mapping with value, low, high and n, as Measured; None if there is no finite value."""
    if isinstance(value, Mapping):
        main, low, high = (_number(value.get(name)) for name in ("value", "low", "high"))
        n = value.get("n")
        return None if main is None else Measured(main, low, high, int(n) if isinstance(n, int | float) else None)
    number = _number(value)
    return None if number is None else Measured(number)


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def load_run(folder: Path) -> Run:
    """Return the run in `folder`; raises InputError if settings.json or metrics.json is missing or unusable."""
    folder = Path(folder)
    info, metrics = read_object(folder / "settings.json"), read_object(folder / "metrics.json")
    info = {**info, "label": read_label(folder, info)}
    history_path = folder / "metrics.jsonl"
    history = _lines(history_path) if history_path.is_file() else []
    files = {"retrieval": "retrieval", "external": "retrieval_external", "protons": "retrieval_protons"}
    loaded = {name: _optional(folder / f"{file}.json") for name, file in files.items()}
    retrievals = {name: one for name, one in loaded.items() if one is not None}
    later = ("isomers", "search", "reranking", "examination")
    isomers, search, reranking, examination = (_optional(folder / f"{name}.json") for name in later)
    return Run(
        folder,
        info,
        metrics,
        history,
        retrievals.get("retrieval"),
        isomers,
        read_grids(folder),
        search,
        reranking,
        retrievals,
        examination,
        _measured(info, metrics, retrievals, isomers, examination),
    )


def _optional(path: Path) -> Mapping[str, Any] | None:
    return read_object(path) if path.is_file() else None


def _measured(
    info: Mapping[str, Any],
    metrics: Mapping[str, Any],
    retrievals: Mapping[str, Mapping[str, Any]],
    isomers: Mapping[str, Any] | None,
    examination: Mapping[str, Any] | None,
) -> dict[str, Measured]:
    named = dict((metrics.get("parts") or {}).get("test") or {})
    for queries, found in retrievals.items():
        for scoring, results in (found.get("scorings") or {}).items():
            family = queries if scoring == found.get("main_scoring") else f"{queries}_{scoring}"
            for size, by_k in results["sizes"].items():
                named.update({f"{family}/{size}/{k}": value for k, value in by_k.items()})
            named.update({f"whole_{family}/{k}": value for k, value in (results.get("whole") or {}).items()})
    named.update((isomers or {}).get("metrics") or {})
    named.update(group_measures(metrics, examination))
    if info.get("method") == "matchnet":
        named.update(matching_measures(info, metrics, examination))
    converted = {name: as_measured(value) for name, value in named.items()}
    return {name: value for name, value in converted.items() if value is not None}


def read_object(path: Path) -> Mapping[str, Any]:
    """Return a JSON object; raises InputError if the file is missing or holds something else."""
    try:
        value = read_json(path)
    except FileNotFoundError:
        raise InputError(f"{path}: not found; is {path.parent} the folder of a finished run?") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not readable as JSON ({error})") from error
    if not isinstance(value, Mapping):
        raise InputError(f"{path}: a JSON object was expected, found {type(value).__name__}")
    return value


def _lines(path: Path) -> list[Mapping[str, Any]]:
    rows: list[Mapping[str, Any]] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise UnreadableFileError(path, f"line {number} is not JSON ({error})") from error
        if not isinstance(row, Mapping):
            raise InputError(f"{path}: line {number} is not a JSON object")
        rows.append(row)
    return rows


@dataclass(frozen=True)
class Pooled:
    """Isomer figures of all folds of one experiment together: the ids of its runs, the JSON and its metrics."""

    runs: frozenset[str]
    isomers: Mapping[str, Any]
    measured: Mapping[str, Measured]


def load_pooled(path: Path) -> Pooled:
    """Return a file of pooled isomers; raises InputError if it is not one."""
    found = read_object(Path(path))
    if not isinstance(found.get("runs"), list) or not isinstance(found.get("metrics"), Mapping):
        raise InputError(f"{path}: not a file of pooled isomers (runs and metrics are missing)")
    converted = {name: as_measured(value) for name, value in found["metrics"].items()}
    measured = {name: value for name, value in converted.items() if value is not None}
    return Pooled(frozenset(map(str, found["runs"])), found, measured)
