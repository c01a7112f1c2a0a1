"""The `spectraflow matchnet` commands; heavy imports stay inside them."""

from pathlib import Path
from typing import Annotated

import typer

from spectraflow.command_options import SettingsText, report_errors

app = typer.Typer(no_args_is_help=True, help="Does a molecule match two spectra? SpecMol-MatchNet and its baselines.")

Spectra = Annotated[Path, typer.Option(help="table of molecules with two spectra")]
Rendered = Annotated[Path, typer.Option(help="table of rendered spectra")]
Pairs = Annotated[Path, typer.Option(help="pairs table")]
Split = Annotated[Path, typer.Option(help="splits table")]
Counts = Annotated[Path, typer.Option(help="JSON with the accounting")]


@app.command("select")
@report_errors
def select(
    settings: SettingsText,
    molecules: Annotated[Path, typer.Option(help="molecules table")],
    out: Annotated[Path, typer.Option(help="table of molecules with two spectra to write")],
    rejects: Annotated[Path, typer.Option(help="rejects table to write")],
    counts: Counts,
    peaks: Annotated[Path | None, typer.Option(help="peaks table")] = None,
    predictions: Annotated[Path | None, typer.Option(help="predicted shifts, in place of peaks")] = None,
    graphs: Annotated[Path | None, typer.Option(help="graphs table, with predicted shifts")] = None,
    accuracy: Annotated[Path | None, typer.Option(help="metrics.json of the shift model, for the noise")] = None,
) -> None:
    """Collect molecules with a 1H and a 13C line list, one a first block."""
    from spectraflow.methods.matchnet.selection import select_spectra

    select_spectra(settings, molecules, out, rejects, counts, peaks, predictions, graphs, accuracy)


@app.command("render")
@report_errors
def render(
    settings: SettingsText,
    spectra: Spectra,
    out: Annotated[Path, typer.Option(help="table of rendered spectra to write")],
    counts: Counts,
    arrays: Annotated[Path | None, typer.Option(help="raw file of simulated spectra, in place of the lines")] = None,
) -> None:
    """Render line lists, or simulated arrays, as columns of an image."""
    from spectraflow.methods.matchnet.render import render as render_lines
    from spectraflow.methods.matchnet.render_alberts import render_alberts
    from spectraflow.methods.matchnet.settings import RenderingSettings
    from spectraflow.settings import load_settings

    checked = load_settings(RenderingSettings, settings)
    if arrays is None:
        render_lines(checked, spectra, out, counts)
    else:
        render_alberts(checked, arrays, spectra, out, counts)


@app.command("pair")
@report_errors
def pair(
    settings: SettingsText,
    spectra: Spectra,
    rendered: Rendered,
    split: Split,
    out: Annotated[Path, typer.Option(help="pairs table to write")],
    counts: Counts,
    listed: Annotated[Path | None, typer.Option(help="listed pairs: also make test sets of them")] = None,
) -> None:
    """Put right and wrong molecules beside the spectra of every part."""
    from spectraflow.methods.matchnet.pairs import make_pairs
    from spectraflow.methods.matchnet.settings import PairSettings
    from spectraflow.settings import load_settings

    make_pairs(load_settings(PairSettings, settings), spectra, rendered, split, out, counts, listed)


@app.command("cache-features")
@report_errors
def cache_features(
    settings: SettingsText,
    rendered: Rendered,
    split: Split,
    out: Annotated[Path, typer.Option(help="folder to fill")],
) -> None:
    """Let the frozen backbone see every image once and keep its maps; goes on from where it was killed."""
    from spectraflow.methods.matchnet.features import cache_features as run_caching
    from spectraflow.methods.matchnet.settings import FeatureSettings
    from spectraflow.settings import load_settings

    checked = load_settings(FeatureSettings, settings)
    run_caching(checked.rendering, checked.backbone, rendered, split, out)


@app.command("train")
@report_errors
def train(
    settings: SettingsText,
    spectra: Spectra,
    rendered: Rendered,
    pairs: Pairs,
    out: Annotated[Path, typer.Option(help="run folder to fill")],
    checkpoints: Annotated[Path, typer.Option(help="folder for checkpoints, kept if the job is killed")],
    features: Annotated[Path | None, typer.Option(help="folder of cached features, for models of images")] = None,
    scores: Annotated[Path | None, typer.Option(help="scores of another model, for comparisons")] = None,
    transfer: Annotated[
        list[Path] | None, typer.Option(help="spectra, rendered spectra and pairs of another data set to test on")
    ] = None,
    data_version: Annotated[str, typer.Option(help="version of the raw data, for tracking")] = "unknown",
    uri: Annotated[str | None, typer.Option(help="MLflow store; omit to log to files alone")] = None,
) -> None:
    """Train or fit a matching model and write settings, metrics, predictions and weights; resumes a killed fit."""
    from spectraflow.methods.matchnet.inputs import Inputs
    from spectraflow.methods.matchnet.settings import MatchnetRun
    from spectraflow.methods.matchnet.train import train as run_training
    from spectraflow.settings import load_settings
    from spectraflow.training.launched import run_on_devices

    run = load_settings(MatchnetRun, settings)
    if run.kind == "network":
        run_on_devices()
    inputs = Inputs(spectra, rendered, pairs, features, scores, tuple(transfer or ()))
    run_training(run, inputs, out, checkpoints, data_version=data_version, uri=uri)


@app.command("examine")
@report_errors
def examine(
    settings: SettingsText,
    run: Annotated[Path, typer.Option(help="run folder of a trained network")],
    spectra: Spectra,
    rendered: Rendered,
    pairs: Pairs,
    out: Annotated[Path, typer.Option(help="JSON with what was found")],
    positions: Annotated[Path, typer.Option(help="table of positions of test pairs to write: pair_id, label, x, y")],
    features: Annotated[Path | None, typer.Option(help="folder of cached features, for models of images")] = None,
) -> None:
    """Ask a trained network more: other renderings, retrieval among candidates, time of a batch, a map of pairs."""
    from spectraflow.methods.matchnet.examine import examine as run_examination
    from spectraflow.methods.matchnet.inputs import Inputs
    from spectraflow.methods.matchnet.settings import ExaminationSettings
    from spectraflow.settings import load_settings

    inputs = Inputs(spectra, rendered, pairs, features)
    run_examination(load_settings(ExaminationSettings, settings), run, inputs, out, positions)


@app.command("predict")
@report_errors
def predict(
    run: Annotated[Path, typer.Option(help="run folder of a trained network")],
    queries: Annotated[Path, typer.Option(help="CSV: query_id, smiles, proton_ppm, carbon_ppm")],
    out: Annotated[Path, typer.Option(help="CSV to write: query_id, smiles, probability, verdict, problem")],
    features: Annotated[Path | None, typer.Option(help="folder of cached features, for models of images")] = None,
) -> None:
    """Say of every molecule and its shifts (as 7.26x2; 3.41) how probably they belong together."""
    from spectraflow.methods.matchnet.predict import predict_matches

    counts = predict_matches(run, queries, out, features)
    print(f"{counts['answered']} of {counts['queries']} queries could be answered")
