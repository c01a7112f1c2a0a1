"""Pre-training as tables: what each encoder reached, its temperatures, and the overlap with the tasks."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from spectraflow.reporting.cost_words import duration
from spectraflow.reporting.labels import percent, plain
from spectraflow.reporting.property_labels import MODALITIES, task_name, task_place
from spectraflow.reporting.published_mmfrl import pretraining_budget
from spectraflow.reporting.runs import Measured, Run, read_object

RELEASED = "released by the authors, not trained here"


def encoder_names(encoders: Sequence[Run]) -> dict[str, str]:
    """Return a name for each pre-training by run id: its modality, with the id where two have the same."""
    words = {run.run_id: MODALITIES.get(_modality(run), _modality(run)) for run in encoders}
    names = list(words.values())
    return {run: name if names.count(name) == 1 else f"{name} ({run[:6]})" for run, name in words.items()}


def _modality(run: Run) -> str:
    return str(run.settings.get("modality"))


def encoder_rows(encoders: Sequence[Run]) -> list[dict[str, Any]]:
    """Return a row for each pre-training."""
    names = encoder_names(encoders)
    return [_row(run, names[run.run_id]) for run in encoders]


def _row(run: Run, name: str) -> dict[str, Any]:
    held_out = (run.metrics.get("parts") or {}).get("held_out") or {}
    figures = {key: (held_out.get(key) or {}).get("value") for key in ("excess", "spearman", "target_neighbours")}
    loss, molecules = run.settings.get("loss") or {}, run.info.get("molecules") or {}
    training = run.settings.get("training") or {}
    flat = {
        "pretraining.molecules": run.settings.get("molecules"),
        "pretraining.training.epochs": training.get("epochs"),
        "pretraining.released": run.settings.get("released"),
    }
    notes = [
        word for word, holds in (("leaky", run.info.get("leaks")), (RELEASED, flat["pretraining.released"])) if holds
    ]
    return {
        "name": name,
        "run_id": run.run_id,
        "notes": "; ".join(notes + pretraining_budget(flat)),
        "molecules": f"{plain(molecules.get('train'))} / {plain(molecules.get('held_out'))}",
        "epoch": f"{plain(run.metrics.get('best_epoch'))} of {plain(run.metrics.get('epochs'))}",
        "student": plain(loss.get("tau_student")),
        "targets": plain(run.info.get("temperatures") or loss.get("tau_target")),
        "self": plain(loss.get("include_self")),
        "neighbours": _text(figures["target_neighbours"], 1),
        "excess": _text(figures["excess"], 4),
        "spearman": _text(figures["spearman"], 3),
        "time": duration(_hours(run)),
    }


def _hours(run: Run) -> Measured | None:
    return run.measured.get("cost/hours")


def _text(value: Any, digits: int) -> str:
    return f"{value:.{digits}f}" if isinstance(value, int | float) else "–"


def overlap_tables(paths: Sequence[Path]) -> list[dict[str, Any]]:
    """Return, for each selection of molecules to pre-train on, what it holds of each task; InputError if unreadable."""
    return [_overlap(read_object(path), path) for path in map(Path, paths)]


def _overlap(found: Mapping[str, Any], path: Path) -> dict[str, Any]:
    tasks = found.get("tasks") or {}
    dedupe = str(found.get("dedupe") or re.sub(r"\.overlap\.json$", "", path.name))
    rows = [
        {
            "name": task_name(task),
            "molecules": plain(one.get("molecules")),
            "seen": plain(one.get("seen")),
            "share": percent(one.get("share")),
            "pretraining": plain(one.get("pretraining_molecules")),
            "left": plain(one.get("left")),
        }
        for task, one in sorted(tasks.items(), key=lambda item: (task_place(item[0]), item[0]))
    ]
    facts = {key: found.get(key) for key in ("candidates", "usable", "overlapping", "removed", "molecules", "carbons")}
    unusable = {f"unusable: {key.replace('_', ' ')}": count for key, count in (found.get("unusable") or {}).items()}
    return {
        "title": "Leaky: molecules of the tasks stay" if dedupe == "none" else "Molecules of any task removed",
        "facts": [(key, plain(value)) for key, value in {**facts, **unusable}.items() if value is not None],
        "rows": rows,
    }
