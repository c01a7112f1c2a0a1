"""The commands of pre-training; heavy imports stay inside them."""

from pathlib import Path
from typing import Annotated

import typer

from spectraflow.command_options import Processes, SettingsText, report_errors
from spectraflow.errors import ConfigError
from spectraflow.methods.mmfrl.settings import MODALITIES, Modality

app = typer.Typer(no_args_is_help=True, help="Pre-training of encoders of molecular graphs.")

Pretraining = Annotated[Path, typer.Option(help="table of pre-training molecules")]
Checkpoints = Annotated[Path, typer.Option(help="folder for checkpoints, kept if the job is killed")]


def target_paths(texts: list[str]) -> dict[Modality, Path]:
    """Return `modality=path` texts as a mapping; raises ConfigError for anything else, or a repeated modality."""
    found: dict[Modality, Path] = {}
    for text in texts:
        name, _, path = text.partition("=")
        modality = next((one for one in MODALITIES if one == name), None)
        if modality is None or not path or modality in found:
            raise ConfigError(f"--target {text!r}: give each modality once, as nmr=embeddings.npy")
        found[modality] = Path(path)
    return found


@app.command("embed-modality")
@report_errors
def embed_modality(
    settings: SettingsText,
    modality: Annotated[str, typer.Option(help="smiles, image or nmr")],
    pretraining: Pretraining,
    out: Annotated[Path, typer.Option(help=".npy with the embeddings; a .json beside it says how they were made")],
    checkpoints: Checkpoints,
    processes: Processes = 1,
) -> None:
    """Train the encoder of a modality, or read public weights, and embed the pre-training molecules."""
    from spectraflow.methods.mmfrl.embed import embed_modality as run_embedding
    from spectraflow.methods.mmfrl.settings import PretrainingRun
    from spectraflow.settings import load_settings

    run = load_settings(PretrainingRun, settings)
    wanted = next((one for one in MODALITIES if one == modality), None)
    if wanted is None:
        raise ConfigError(f"--modality {modality!r}: not one of {', '.join(MODALITIES)}")
    run_embedding(run, wanted, pretraining, out, checkpoints, processes)


@app.command("pretrain")
@report_errors
def pretrain(
    settings: SettingsText,
    pretraining: Pretraining,
    graphs: Annotated[Path, typer.Option(help="molecular graphs of that table")],
    out: Annotated[Path, typer.Option(help="run folder to fill")],
    checkpoints: Checkpoints,
    target: Annotated[list[str] | None, typer.Option(help="target embeddings as modality=path; repeat")] = None,
    data_version: Annotated[str, typer.Option(help="version of the raw data, for tracking")] = "unknown",
    uri: Annotated[str | None, typer.Option(help="MLflow store; omit to log to files alone")] = None,
) -> None:
    """Train an encoder to reproduce a modality's similarities; resumes a killed fit."""
    from spectraflow.methods.mmfrl.pretrain import pretrain as run_pretraining
    from spectraflow.methods.mmfrl.settings import PretrainingRun
    from spectraflow.settings import load_settings
    from spectraflow.training.launched import run_on_devices

    run = load_settings(PretrainingRun, settings)
    targets = target_paths(target or [])
    if run.released is None:
        run_on_devices()
    run_pretraining(run, pretraining, graphs, targets, out, checkpoints, data_version=data_version, uri=uri)
