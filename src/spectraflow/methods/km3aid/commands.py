"""The `spectraflow km3aid` commands; heavy imports stay inside them."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from spectraflow.command_options import SettingsText, report_errors


class HeldOut(StrEnum):
    """A part that no model was trained on."""

    VAL = "val"
    TEST = "test"


app = typer.Typer(no_args_is_help=True, help="K-M3AID: alignment of 13C spectra with molecular graphs.")


@app.command("select")
@report_errors
def select(
    molecules: Annotated[Path, typer.Option(help="molecules table of nmrshiftdb2")],
    peaks: Annotated[Path, typer.Option(help="peaks table of nmrshiftdb2")],
    graphs: Annotated[Path, typer.Option(help="graphs table of nmrshiftdb2")],
    out: Annotated[Path, typer.Option(help="alignment table to write")],
    counts: Annotated[Path, typer.Option(help="JSON: how many molecules were usable, and why others were not")],
    ids: Annotated[Path | None, typer.Option(help="the published id list; omit to use every assigned molecule")] = None,
    computed_spectra: Annotated[bool, typer.Option(help="keep spectra marked as predicted")] = False,
    external: Annotated[int | None, typer.Option(help="draw so many molecules outside the list instead")] = None,
) -> None:
    """Select the molecules whose carbons all carry exactly one assigned 13C shift."""
    from spectraflow.methods.km3aid.select import select as select_molecules

    select_molecules(
        molecules, peaks, graphs, out, counts, ids=ids, computed_spectra=computed_spectra, external=external
    )


@app.command("pretrain-spectrum")
@report_errors
def pretrain_spectrum(
    settings: SettingsText,
    alignment: Annotated[Path, typer.Option(help="alignment table")],
    graphs: Annotated[Path, typer.Option(help="graphs table")],
    split: Annotated[Path, typer.Option(help="splits table; only its train part is used")],
    out: Annotated[Path, typer.Option(help="run folder to fill")],
    checkpoints: Annotated[Path, typer.Option(help="folder for checkpoints, kept if the job is killed")],
    molecules: Annotated[Path | None, typer.Option(help="molecules table, for the SMILES of mode cress_fold")] = None,
    data_version: Annotated[str, typer.Option(help="version of the raw data, for tracking")] = "unknown",
    uri: Annotated[str | None, typer.Option(help="MLflow store; omit to log to files alone")] = None,
) -> None:
    """Train the spectrum encoder on the training part of a split, or place the weights its mode asks for."""
    from spectraflow.methods.km3aid.settings import SpectrumEncoderSettings
    from spectraflow.methods.km3aid.spectrum_pretraining import UNTRAINED, pretrain
    from spectraflow.settings import load_settings
    from spectraflow.training.launched import run_on_devices

    encoder = load_settings(SpectrumEncoderSettings, settings)
    if encoder.mode not in UNTRAINED:
        run_on_devices()
    pretrain(
        encoder, alignment, graphs, split, out, checkpoints, molecules=molecules, data_version=data_version, uri=uri
    )


@app.command("train")
@report_errors
def train(
    settings: SettingsText,
    alignment: Annotated[Path, typer.Option(help="alignment table")],
    graphs: Annotated[Path, typer.Option(help="graphs table")],
    split: Annotated[Path, typer.Option(help="splits table")],
    spectrum_encoder: Annotated[Path, typer.Option(help="safetensors of the spectrum encoder")],
    out: Annotated[Path, typer.Option(help="run folder to fill")],
    checkpoints: Annotated[Path, typer.Option(help="folder for checkpoints, kept if the job is killed")],
    data_version: Annotated[str, typer.Option(help="version of the raw data, for tracking")] = "unknown",
    uri: Annotated[str | None, typer.Option(help="MLflow store; omit to log to files alone")] = None,
) -> None:
    """Train K-M3AID and write settings, metrics, predictions and weights; resumes from its last checkpoint."""
    from spectraflow.methods.km3aid.settings import Km3aidRun
    from spectraflow.settings import load_settings
    from spectraflow.training.launched import run_on_devices

    run = load_settings(Km3aidRun, settings)
    run_on_devices()
    from spectraflow.methods.km3aid.train import train as run_training

    run_training(
        run,
        alignment,
        graphs,
        split,
        spectrum_encoder,
        out,
        checkpoints,
        data_version=data_version,
        uri=uri,
    )


@app.command("embed-library")
@report_errors
def embed_library(
    run: Annotated[Path, typer.Option(help="run folder of a trained model")],
    graphs: Annotated[Path, typer.Option(help="graphs table of the library")],
    out: Annotated[Path, typer.Option(help="shard of embeddings to write (Arrow)")],
    shard: Annotated[int, typer.Option(min=0, help="which share of the molecules, from 0")] = 0,
    shards: Annotated[int, typer.Option(min=1, help="how many shares there are")] = 1,
) -> None:
    """Embed one shard of a library's molecules with a trained model."""
    from spectraflow.methods.km3aid.library import embed_library as write_embeddings

    write_embeddings(run, graphs, out, shard=shard, shards=shards)


@app.command("embed-held-out")
@report_errors
def embed_held_out(
    run: Annotated[Path, typer.Option(help="run folder of a trained model")],
    alignment: Annotated[Path, typer.Option(help="alignment table")],
    graphs: Annotated[Path, typer.Option(help="graphs table of the aligned molecules")],
    molecules: Annotated[Path, typer.Option(help="molecules table of the aligned molecules")],
    split: Annotated[Path, typer.Option(help="splits table")],
    out: Annotated[Path, typer.Option(help="queries table to write")],
    limit: Annotated[int, typer.Option(min=1, help="queries at most")] = 1000,
    seed: Annotated[int, typer.Option(help="seed of their choice")] = 0,
    part: Annotated[HeldOut, typer.Option(help="part of the split they come from")] = HeldOut.TEST,
) -> None:
    """Embed held-out spectra as queries of a library search, with their molecules as truths."""
    from spectraflow.methods.km3aid.queries import embed_held_out as write_queries

    write_queries(run, alignment, graphs, molecules, split, out, limit=limit, seed=seed, part=str(part))


@app.command("embed-queries")
@report_errors
def embed_queries(
    run: Annotated[Path, typer.Option(help="run folder of a trained model")],
    peaks: Annotated[Path, typer.Option(help="CSV or .jsonl: query_id, shifts in ppm, and perhaps formula, mass")],
    out: Annotated[Path, typer.Option(help="queries table to write")],
    rejects: Annotated[Path, typer.Option(help="rejects table to write: records that cannot be searched with")],
) -> None:
    """Embed your own 13C peak lists as queries of a library search."""
    from spectraflow.methods.km3aid.queries import embed_peak_lists

    counts = embed_peak_lists(run, peaks, out, rejects)
    print(f"{counts['queries']} of {counts['records']} records are queries, {counts['rejects']} are in {rejects}")


@app.command("retrieve")
@report_errors
def retrieve(
    settings: SettingsText,
    run: Annotated[Path, typer.Option(help="run folder of a trained model")],
    alignment: Annotated[Path, typer.Option(help="alignment table")],
    graphs: Annotated[Path, typer.Option(help="graphs table of the queries' molecules")],
    molecules: Annotated[Path, typer.Option(help="molecules table of the queries")],
    split: Annotated[Path, typer.Option(help="splits table; queries come from its test part")],
    library: Annotated[Path, typer.Option(help="molecules table of the library")],
    shards: Annotated[list[Path], typer.Option("--shard", help="shard of the embedded library; repeat")],
    out: Annotated[Path, typer.Option(help="ranks a query (Parquet)")],
    metrics: Annotated[Path, typer.Option(help="JSON with hit rates, intervals and controls")],
    external: Annotated[Path | None, typer.Option(help="alignment table whose molecules are the queries")] = None,
) -> None:
    """Rank the truth of every query among a library's molecules, with the three controls."""
    from spectraflow.methods.km3aid.retrieve import retrieve as run_retrieval
    from spectraflow.retrieval.settings import RetrievalSettings
    from spectraflow.settings import load_settings

    run_retrieval(
        load_settings(RetrievalSettings, settings),
        run,
        alignment,
        graphs,
        molecules,
        split,
        library,
        shards,
        out,
        metrics,
        external=external,
    )


@app.command("isomers")
@report_errors
def isomers(
    settings: SettingsText,
    run: Annotated[Path, typer.Option(help="run folder of a trained model")],
    alignment: Annotated[Path, typer.Option(help="alignment table")],
    graphs: Annotated[Path, typer.Option(help="graphs table")],
    molecules: Annotated[Path, typer.Option(help="molecules table, for formulas and identities")],
    split: Annotated[Path, typer.Option(help="splits table; queries come from its test part")],
    published: Annotated[Path, typer.Option(help="published.csv, for the formulas to mark")],
    scores: Annotated[Path, typer.Option(help="scores of every query with every isomer (Parquet)")],
    metrics: Annotated[Path, typer.Option(help="JSON with metrics and a row a formula")],
) -> None:
    """Tell the isomers of a formula apart by their spectra, in the test part and among all listed molecules."""
    from spectraflow.methods.km3aid.isomers import recognise_isomers
    from spectraflow.retrieval.settings import IsomerSettings
    from spectraflow.settings import load_settings

    recognise_isomers(
        load_settings(IsomerSettings, settings), run, alignment, graphs, molecules, split, published, scores, metrics
    )


@app.command("score-pairs")
@report_errors
def score_pairs(
    run: Annotated[Path, typer.Option(help="run folder of a trained model")],
    spectra: Annotated[Path, typer.Option(help="molecules with their 13C lines (matching spectra)")],
    graphs: Annotated[Path, typer.Option(help="graphs table of the candidates")],
    pairs: Annotated[Path, typer.Option(help="pairs table; its parts val and test are scored")],
    out: Annotated[Path, typer.Option(help="pair scores to write")],
) -> None:
    """Score pairs of spectra and molecules by the dot product of their embeddings."""
    from spectraflow.methods.km3aid.score_pairs import score_pairs as write_scores

    counts = write_scores(run, spectra, graphs, pairs, out)
    print(", ".join(f"{value} {name.replace('_', ' ')}" for name, value in counts.items()))
