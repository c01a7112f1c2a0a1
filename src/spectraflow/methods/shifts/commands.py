"""The `spectraflow shifts` commands; heavy imports stay inside them."""

from pathlib import Path
from typing import Annotated

import typer

from spectraflow.command_options import SettingsText, report_errors

app = typer.Typer(no_args_is_help=True, help="Chemical shifts from structures: network and environment lookup.")

Alignment = Annotated[Path, typer.Option(help="alignment table")]
Graphs = Annotated[Path, typer.Option(help="graphs table")]
Labels = Annotated[Path, typer.Option(help="shift labels")]
Molecules = Annotated[Path, typer.Option(help="molecules table of nmrshiftdb2")]
Split = Annotated[Path, typer.Option(help="splits table")]
External = Annotated[Path | None, typer.Option(help="alignment table of external molecules")]


@app.command("select")
@report_errors
def select(
    molecules: Molecules,
    peaks: Annotated[Path, typer.Option(help="peaks table of nmrshiftdb2")],
    graphs: Graphs,
    out: Annotated[Path, typer.Option(help="shift labels to write")],
    counts: Annotated[Path, typer.Option(help="JSON: what was used, and why the rest was not")],
) -> None:
    """Collect the measured 13C and 1H shifts of all records as labels of atoms."""
    from spectraflow.methods.shifts.select import select as select_labels

    select_labels(molecules, peaks, graphs, out, counts)


@app.command("train")
@report_errors
def train(
    settings: SettingsText,
    labels: Labels,
    graphs: Graphs,
    alignment: Alignment,
    split: Split,
    out: Annotated[Path, typer.Option(help="run folder to fill")],
    checkpoints: Annotated[Path, typer.Option(help="folder for checkpoints, kept if the job is killed")],
    external: Annotated[
        list[Path] | None, typer.Option(help="alignment tables of molecules whose first blocks are not trained on")
    ] = None,
    data_version: Annotated[str, typer.Option(help="version of the raw data, for tracking")] = "unknown",
    uri: Annotated[str | None, typer.Option(help="MLflow store; omit to log to files alone")] = None,
) -> None:
    """Train a shift model and write settings, history and weights; resumes from its last checkpoint."""
    from spectraflow.methods.shifts.settings import ShiftsRun
    from spectraflow.settings import load_settings
    from spectraflow.training.launched import run_on_devices

    run = load_settings(ShiftsRun, settings)
    if run.model.kind == "network":
        run_on_devices()
    from spectraflow.methods.shifts.train import train as run_training

    run_training(
        run,
        labels,
        graphs,
        alignment,
        split,
        out,
        checkpoints,
        external=external or (),
        data_version=data_version,
        uri=uri,
    )


@app.command("predict")
@report_errors
def predict(
    run: Annotated[Path, typer.Option(help="run folder of a trained model")],
    graphs: Graphs,
    out: Annotated[Path, typer.Option(help="predicted shifts to write")],
) -> None:
    """Predict the shifts of every molecule of a graphs table."""
    from spectraflow.methods.shifts.prediction import predict as write_predictions

    write_predictions(run, graphs, out)


@app.command("evaluate")
@report_errors
def evaluate(
    run: Annotated[Path, typer.Option(help="run folder of a trained model")],
    predictions: Annotated[Path, typer.Option(help="predicted shifts of nmrshiftdb2")],
    labels: Labels,
    alignment: Alignment,
    graphs: Graphs,
    split: Split,
    metrics: Annotated[Path, typer.Option(help="metrics.json to write")],
    assignments: Annotated[Path, typer.Option(help="assignments of the test part to write")],
    external: External = None,
) -> None:
    """Measure errors, assignment and in-batch matching on held-out molecules."""
    from spectraflow.methods.shifts.evaluate import evaluate as run_evaluation

    run_evaluation(
        run,
        predictions,
        labels,
        alignment,
        graphs,
        split,
        metrics,
        assignments,
        external=external,
    )


@app.command("isomers")
@report_errors
def isomers(
    settings: SettingsText,
    predictions: Annotated[Path, typer.Option(help="predicted shifts of nmrshiftdb2")],
    alignment: Alignment,
    graphs: Graphs,
    molecules: Molecules,
    split: Split,
    published: Annotated[Path, typer.Option(help="published.csv, for the formulas to mark")],
    scores: Annotated[Path, typer.Option(help="scores of every query with every isomer (Parquet)")],
    metrics: Annotated[Path, typer.Option(help="JSON with metrics and a row a formula")],
) -> None:
    """Tell the isomers of a formula apart by predicted shifts, in the test part and among all listed molecules."""
    from spectraflow.methods.shifts.isomers import recognise_isomers
    from spectraflow.retrieval.settings import IsomerSettings
    from spectraflow.settings import load_settings

    recognise_isomers(
        load_settings(IsomerSettings, settings),
        predictions,
        alignment,
        graphs,
        molecules,
        split,
        published,
        scores,
        metrics,
    )


@app.command("retrieve")
@report_errors
def retrieve(
    settings: SettingsText,
    predictions: Annotated[Path, typer.Option(help="predicted shifts of nmrshiftdb2")],
    library_predictions: Annotated[Path, typer.Option(help="predicted shifts of the library")],
    alignment: Alignment,
    graphs: Graphs,
    molecules: Molecules,
    split: Split,
    library: Annotated[Path, typer.Option(help="molecules table of the library")],
    out: Annotated[Path, typer.Option(help="ranks a query (Parquet)")],
    metrics: Annotated[Path, typer.Option(help="JSON with hit rates, intervals and controls")],
    external: External = None,
    protons: Annotated[
        Path | None, typer.Option(help="shift labels: take the queries with 1H shifts, and score them, too")
    ] = None,
) -> None:
    """Rank the truth of every query among a library's molecules by predicted shifts, with the controls."""
    from spectraflow.methods.shifts.retrieve import retrieve as run_retrieval
    from spectraflow.retrieval.settings import RetrievalSettings
    from spectraflow.settings import load_settings

    run_retrieval(
        load_settings(RetrievalSettings, settings),
        predictions,
        library_predictions,
        alignment,
        graphs,
        molecules,
        split,
        library,
        out,
        metrics,
        external=external,
        protons=protons,
    )


@app.command("rerank")
@report_errors
def rerank(
    settings: SettingsText,
    candidates: Annotated[Path, typer.Option(help="candidates of a search with held-out spectra")],
    fit_candidates: Annotated[
        Path, typer.Option(help="candidates of the validation part: the weights are fitted on them")
    ],
    predictions: Annotated[Path, typer.Option(help="predicted shifts of nmrshiftdb2")],
    library_predictions: Annotated[Path, typer.Option(help="predicted shifts of the library")],
    alignment: Alignment,
    graphs: Graphs,
    out: Annotated[Path, typer.Option(help="candidates in their new order to write, with probabilities")],
    metrics: Annotated[Path, typer.Option(help="JSON with recall and calibration by reading")],
) -> None:
    """Put the candidates of a search into a new order by predicted shifts, with calibrated probabilities."""
    from spectraflow.methods.shifts.rerank import rerank as run_reranking
    from spectraflow.search.settings import SearchSettings
    from spectraflow.settings import load_settings

    run_reranking(
        load_settings(SearchSettings, settings),
        candidates,
        fit_candidates,
        predictions,
        library_predictions,
        alignment,
        graphs,
        out,
        metrics,
    )


@app.command("remeasured")
@report_errors
def remeasured(
    alignment: Alignment,
    graphs: Graphs,
    peaks: Annotated[Path, typer.Option(help="peaks table of nmrshiftdb2")],
    metrics: Annotated[Path, typer.Option(help="JSON with assignment figures to write")],
) -> None:
    """Measure how well a second measured spectrum of a molecule assigns the first: what the labels allow."""
    from spectraflow.methods.shifts.remeasured import assign_by_second_spectra

    summary = assign_by_second_spectra(alignment, graphs, peaks, metrics)
    print(f"{summary['molecules']} molecules with a second measured spectrum")


@app.command("score-pairs")
@report_errors
def score_pairs(
    predictions: Annotated[Path, typer.Option(help="predicted shifts of the candidates")],
    spectra: Annotated[Path, typer.Option(help="molecules with their 13C and 1H lines (matching spectra)")],
    pairs: Annotated[Path, typer.Option(help="pairs table; its parts val and test are scored")],
    out: Annotated[Path, typer.Option(help="pair scores to write")],
) -> None:
    """Score pairs of spectra and molecules by how the molecule's predicted shifts pair with the lines."""
    from spectraflow.methods.shifts.score_pairs import score_pairs as write_scores

    counts = write_scores(predictions, spectra, pairs, out)
    print(", ".join(f"{value} {name.replace('_', ' ')}" for name, value in counts.items()))
