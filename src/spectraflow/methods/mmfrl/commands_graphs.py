"""The command of MMFRL that featurises molecules."""

from pathlib import Path
from typing import Annotated

import typer

from spectraflow.command_options import report_errors

app = typer.Typer(no_args_is_help=True, help="Graphs of molecules with chemprop's features.")


@app.command("featurise")
@report_errors
def featurise(
    table: Annotated[Path, typer.Option(help="properties or pretraining table, or any with molecule_id and smiles")],
    out: Annotated[Path, typer.Option(help="file of graphs to write (.safetensors)")],
) -> None:
    """Write the molecular graphs of a table, with the features of chemprop 1 and 2, once for all runs."""
    from spectraflow.methods.mmfrl.molecular_graphs import write_graphs

    print(f"{write_graphs(table, out)} graphs")
