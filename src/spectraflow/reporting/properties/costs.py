"""What models of MoleculeNet tasks cost: time of training and evaluation by task, and peak memory."""

from collections.abc import Sequence
from typing import Any

from spectraflow.reporting.cost_words import duration
from spectraflow.reporting.labels import plain
from spectraflow.reporting.properties.entries import Entry, labels_of, tasks_of
from spectraflow.reporting.property_labels import task_name


def cost_table(entries: Sequence[Entry]) -> dict[str, Any] | None:
    """Return the mean time of a run by model and task, the largest memory and the devices; None if no run says it."""
    models = [one for one in entries if not one.is_average]
    timed = [one for one in models if one.experiment.measure("cost/hours") is not None]
    if not timed:
        return None
    tasks = tasks_of(timed)
    rows = []
    for label in labels_of(timed):
        own = [one for one in timed if one.label == label]
        by_task = {one.task: one for one in own}
        runs = [run for one in own for run in one.runs]
        memory = [run.measured["cost/gb"].value for run in runs if "cost/gb" in run.measured]
        parameters = {(run.info.get("parameters") or {}).get("trainable") for run in runs} - {None}
        rows.append(
            {
                "name": label,
                "words": own[0].words,
                "parameters": _parameters(parameters),
                "times": [_time(by_task.get(task)) for task in tasks],
                "memory": f"{max(memory):.1f} GB" if memory else "–",
                "device": plain(sorted({str(run.info.get("device")) for run in runs})),
            }
        )
    return {"tasks": [task_name(task) for task in tasks], "rows": rows}


def _time(one: Entry | None) -> str:
    return "–" if one is None else duration(one.experiment.measure("cost/hours"))


def _parameters(counts: set[Any]) -> str:
    """Return the number of weights, which differs between tasks by their targets."""
    if not counts:
        return "–"
    low, high = min(counts) / 1e6, max(counts) / 1e6
    return f"{low:.2f} M" if f"{low:.2f}" == f"{high:.2f}" else f"{low:.2f} to {high:.2f} M"
