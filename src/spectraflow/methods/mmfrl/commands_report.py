"""The command that writes the page of MoleculeNet tasks; heavy imports stay inside it."""

from pathlib import Path
from typing import Annotated

import typer

from spectraflow.command_options import OtherPages, report_errors

app = typer.Typer(no_args_is_help=True)


@app.command("report")
@report_errors
def report(
    comparison: Annotated[Path, typer.Option(help="comparison.csv")],
    runs: Annotated[list[Path], typer.Option("--run", help="run folder of a model of a task; repeat")],
    out: Annotated[Path, typer.Option(help="folder for moleculenet.html and its figures")],
    reference: Annotated[
        str | None, typer.Option(help="label of the model that others are compared with; omit for the first D-MPNN")
    ] = None,
    counts: Annotated[
        list[Path] | None, typer.Option("--counts", help="accounting JSON of a task and cleaning; repeat")
    ] = None,
    audits: Annotated[list[Path] | None, typer.Option("--audit", help="audit JSON of a split; repeat")] = None,
    encoders: Annotated[
        list[Path] | None, typer.Option("--encoder", help="run folder of a pre-training; repeat")
    ] = None,
    overlaps: Annotated[
        list[Path] | None, typer.Option("--overlap", help="JSON of pre-training molecules among the tasks'; repeat")
    ] = None,
    explanations: Annotated[
        list[Path] | None, typer.Option("--explanation", help="folder of an examined model, named by run; repeat")
    ] = None,
    data: Annotated[str, typer.Option(help="demo or published")] = "published",
    other_pages: OtherPages = None,
) -> None:
    """Write the self-contained HTML page of MoleculeNet tasks and its figures."""
    from spectraflow.reporting.properties.page import PropertyFiles, write_properties_report

    files = PropertyFiles(counts or [], audits or [], encoders or [], overlaps or [], explanations or [])
    write_properties_report(comparison, runs, files, out, data=data, reference=reference, other_pages=other_pages or [])
