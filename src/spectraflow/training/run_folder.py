"""The files a training job leaves: the truth that MLflow and the report mirror."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from spectraflow.errors import InputError, UnreadableFileError
from spectraflow.files import read_json, write_json, write_text

SETTINGS = "settings.json"
HISTORY = "metrics.jsonl"
METRICS = "metrics.json"
WEIGHTS = "model.safetensors"
ASSIGNMENTS = "assignments.parquet"
RETRIEVAL = "retrieval.json"
RANKS = "ranks.parquet"
GROUP_PREDICTIONS = "predictions.parquet"
ISOMER_SCORES = "isomer_scores.parquet"
LABEL = "label.txt"


def write_history(folder: Path, records: Sequence[Mapping[str, Any]]) -> None:
    """Write metrics.jsonl, one line an epoch."""
    write_text(folder / HISTORY, "".join(json.dumps(dict(record)) + "\n" for record in records))


def read_history(folder: Path) -> list[dict[str, Any]]:
    """Return the records of metrics.jsonl; an absent file has none."""
    path = folder / HISTORY
    if not path.exists():
        return []
    try:
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]
    except ValueError as error:
        raise UnreadableFileError(path, f"a line is not JSON ({error})") from error


def read_settings(folder: Path) -> dict[str, Any]:
    """Return settings.json of a run folder; raises InputError if it is not one."""
    path = folder / SETTINGS
    if not path.exists():
        raise InputError(f"{folder}: not a run folder (no {SETTINGS})")
    return read_json(path)


def read_label(folder: Path, settings: Mapping[str, Any]) -> str:
    """Return the run's name: label.txt if there is one (a label may change after training), else its settings'."""
    path = folder / LABEL
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return lines[0].strip() if lines else str(settings.get("label", ""))


def read_grids(folder: Path) -> tuple[str, ...]:
    """Return the grids of which the run is a cell: the lines of label.txt after the first."""
    path = folder / LABEL
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return tuple(line.strip() for line in lines[1:] if line.strip())


def write_settings(folder: Path, settings: Mapping[str, Any]) -> None:
    """Write settings.json."""
    write_json(folder / SETTINGS, dict(settings))


def write_metrics(folder: Path, metrics: Mapping[str, Any]) -> None:
    """Write metrics.json."""
    write_json(folder / METRICS, dict(metrics))
