"""The `spectraflow symspectra` commands; heavy imports stay inside them."""

from pathlib import Path
from typing import Annotated

import typer

from spectraflow.command_options import SettingsText, report_errors

app = typer.Typer(no_args_is_help=True, help="Functional groups from several spectra: SymSpectra and its baselines.")

Vectors = Annotated[Path, typer.Option(help="vectors table of the data set")]
Labels = Annotated[Path, typer.Option(help="labels table of the data set")]
Split = Annotated[Path, typer.Option(help="splits table")]
Peaks = Annotated[Path | None, typer.Option(help="peaks table, for models that read text")]


@app.command("train")
@report_errors
def train(
    settings: SettingsText,
    vectors: Vectors,
    labels: Labels,
    split: Split,
    out: Annotated[Path, typer.Option(help="run folder to fill")],
    checkpoints: Annotated[Path, typer.Option(help="folder for checkpoints, kept if the job is killed")],
    peaks: Peaks = None,
    data_version: Annotated[str, typer.Option(help="version of the raw data, for tracking")] = "unknown",
    uri: Annotated[str | None, typer.Option(help="MLflow store; omit to log to files alone")] = None,
) -> None:
    """Train SymSpectra or a baseline and write settings, metrics, predictions and weights; resumes a killed fit."""
    from spectraflow.methods.symspectra.models import TABULAR
    from spectraflow.methods.symspectra.settings import SymspectraRun
    from spectraflow.methods.symspectra.train import Tables
    from spectraflow.methods.symspectra.train import train as run_training
    from spectraflow.settings import load_settings
    from spectraflow.training.launched import run_on_devices

    run = load_settings(SymspectraRun, settings)
    if run.kind not in TABULAR:
        run_on_devices()
    tables = Tables(vectors, labels, split, peaks)
    run_training(run, tables, out, checkpoints, data_version=data_version, uri=uri)


@app.command("examine")
@report_errors
def examine(
    run: Annotated[Path, typer.Option(help="run folder of a trained SymSpectra")],
    vectors: Vectors,
    labels: Labels,
    split: Split,
    out: Annotated[Path, typer.Option(help="JSON with what was found")],
) -> None:
    """Look into a trained SymSpectra: missing spectra, noise, gates, weights and the shape of its features."""
    from spectraflow.methods.symspectra.examine import examine as run_examination
    from spectraflow.methods.symspectra.train import Tables

    run_examination(run, Tables(vectors, labels, split), out)


@app.command("predict")
@report_errors
def predict(
    run: Annotated[Path, typer.Option(help="run folder of a trained model")],
    vectors: Vectors,
    out: Annotated[Path, typer.Option(help="table of probabilities to write")],
    labels: Annotated[Path | None, typer.Option(help="labels table: also score the predictions")] = None,
    peaks: Peaks = None,
    metrics: Annotated[Path | None, typer.Option(help="JSON with the scores, if labels are given")] = None,
) -> None:
    """Predict the functional groups of every molecule of a vectors table."""
    from spectraflow.methods.symspectra.predict import predict_table

    counts = predict_table(run, vectors, out, labels=labels, peaks=peaks, metrics=metrics)
    print(f"{counts['predicted']} of {counts['molecules']} molecules have the spectra that the model needs")


@app.command("draw-split")
@report_errors
def draw_split(
    molecules: Annotated[Path, typer.Option(help="molecules table of the data set")],
    split: Split,
    out: Annotated[Path, typer.Option(help="table of positions to write: molecule_id, part, x, y")],
) -> None:
    """Place the molecules of a split on a plane by the similarity of their scaffolds (t-SNE)."""
    from spectraflow.methods.symspectra.scaffold_map import map_split

    map_split(molecules, split, out)
