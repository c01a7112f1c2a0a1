"""The commands of the MLflow store that mirrors training files."""

from pathlib import Path
from typing import Annotated

import typer

from spectraflow.command_options import report_errors

app = typer.Typer(no_args_is_help=True, help="The MLflow store that mirrors training files.")
Uri = Annotated[str, typer.Option(help="MLflow store: sqlite:///FILE or the address of a server")]
Attempt = Annotated[
    int | None,
    typer.Option(
        min=0, help="number to write into the marker, beside the error if the store cannot be used; default: then fail"
    ),
]


@app.command("init")
@report_errors
def init(
    out: Annotated[Path, typer.Option(help="marker to write (JSON)")],
    uri: Annotated[str | None, typer.Option(help="MLflow store; without one the marker says null")] = None,
    attempt: Attempt = None,
) -> None:
    """Create the MLflow store, unless it is there, before jobs use it."""
    from spectraflow.training.tracking import initialise

    initialise(uri, out, attempt)


@app.command("sync")
@report_errors
def sync(
    uri: Uri,
    runs: Annotated[list[Path], typer.Argument(help="run folders, or folders that hold them")],
    out: Annotated[Path | None, typer.Option(help="marker to write afterwards (JSON)")] = None,
    attempt: Attempt = None,
) -> None:
    """Rebuild the MLflow store from run folders; running it twice changes nothing."""
    from spectraflow.training.tracking import sync_runs

    sync_runs(uri, runs, out, attempt)


@app.command("serve")
@report_errors
def serve(
    folder: Annotated[Path, typer.Option(help="data of PostgreSQL, artifacts and logs")] = Path(
        "results/tracking_server"
    ),
    host: Annotated[str, typer.Option(help="address to listen on; 0.0.0.0 opens it to the network")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="port to listen on")] = 5000,
    workers: Annotated[int, typer.Option(min=1, help="processes of the MLflow server")] = 4,
    allowed_hosts: Annotated[
        str | None,
        typer.Option(help="names clients may use, separated by commas; default: this machine's and private addresses"),
    ] = None,
) -> None:
    """Run an MLflow server on a PostgreSQL of its own until Ctrl-C."""
    from spectraflow.training.tracking_server import serve as run_server

    run_server(folder, host, port, workers, allowed_hosts)
