"""The `spectraflow mmfrl` commands that train models of MoleculeNet tasks and compare them."""

from pathlib import Path
from typing import Annotated

import typer

from spectraflow.command_options import SettingsText, report_errors

app = typer.Typer(no_args_is_help=True, help="Models of MoleculeNet tasks.")


@app.command("train")
@report_errors
def train(
    settings: SettingsText,
    properties: Annotated[Path, typer.Option(help="properties table of the task")],
    counts: Annotated[Path, typer.Option(help="its counts.json: names and kind of the targets")],
    split: Annotated[Path, typer.Option(help="splits table")],
    out: Annotated[Path, typer.Option(help="run folder to fill")],
    checkpoints: Annotated[Path, typer.Option(help="folder for checkpoints, kept if the job is killed")],
    graphs: Annotated[Path | None, typer.Option(help="graphs of the task, for networks")] = None,
    encoder: Annotated[
        list[Path] | None,
        typer.Option(help="run folder of a pre-trained encoder; repeat, in the order of the settings"),
    ] = None,
    data_version: Annotated[str, typer.Option(help="version of the raw data, for tracking")] = "unknown",
    uri: Annotated[str | None, typer.Option(help="MLflow store; omit to log to files alone")] = None,
) -> None:
    """Train a model of a task and write settings, metrics, predictions and weights; resumes a killed fit."""
    from spectraflow.methods.mmfrl.property_model import NEURAL
    from spectraflow.methods.mmfrl.property_store import TaskTables
    from spectraflow.methods.mmfrl.settings import PropertyRun
    from spectraflow.methods.mmfrl.train import train as run_training
    from spectraflow.settings import load_settings
    from spectraflow.training.launched import run_on_devices

    run = load_settings(PropertyRun, settings)
    if run.kind in NEURAL:
        run_on_devices()
    tables = TaskTables(properties, counts, split, graphs)
    run_training(run, tables, out, checkpoints, encoder or [], data_version=data_version, uri=uri)


@app.command("compare")
@report_errors
def compare(
    one: Annotated[list[Path], typer.Option(help="run folder of one model; repeat")],
    other: Annotated[list[Path], typer.Option(help="run folder of the model it is compared with; repeat")],
    out: Annotated[Path, typer.Option(help="JSON with the comparison of every task")],
) -> None:
    """Compare two models on the tasks and splits that both were tested on; a positive gain is in favour of the one."""
    from spectraflow.files import write_json
    from spectraflow.methods.mmfrl.comparisons import compare_runs, summary

    found, skipped = compare_runs(one, other)
    write_json(out, {"tasks": [task.as_dict() for task in found], "summary": summary(found), "skipped": skipped})
    for line in skipped:
        print(f"not compared: {line}")
