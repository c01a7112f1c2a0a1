"""The command that looks into trained models of MoleculeNet tasks; heavy imports stay inside it."""

from pathlib import Path
from typing import Annotated

import typer

from spectraflow.command_options import SettingsText, report_errors

app = typer.Typer(no_args_is_help=True)


@app.command("explain")
@report_errors
def explain(
    settings: SettingsText,
    run: Annotated[Path, typer.Option(help="run folder of a trained D-MPNN, fused or not")],
    properties: Annotated[Path, typer.Option(help="properties table of its task")],
    counts: Annotated[Path, typer.Option(help="counts of its task")],
    split: Annotated[Path, typer.Option(help="splits table of its task")],
    graphs: Annotated[Path, typer.Option(help="graphs of its task")],
    out: Annotated[Path, typer.Option(help="JSON with what was found")],
    positions: Annotated[Path, typer.Option(help="table to write: embeddings on a plane")],
    late_parts: Annotated[Path, typer.Option(help="table to write: what encoders add to late fusion, or no rows")],
    subgraphs: Annotated[Path, typer.Option(help="table to write: positive subgraphs of a classifier, or no rows")],
    drawings: Annotated[Path | None, typer.Option(help="folder for drawings of subgraphs (SVG)")] = None,
    encoder: Annotated[
        list[Path] | None, typer.Option(help="folder of a pre-trained encoder, in the order of the run; repeat")
    ] = None,
) -> None:
    """Look into a trained model: maps of embeddings, their similarity, late fusion, positive subgraphs."""
    from spectraflow.methods.mmfrl.explain.examine import ExplanationFiles
    from spectraflow.methods.mmfrl.explain.examine import explain as run_explanation
    from spectraflow.methods.mmfrl.property_store import TaskTables
    from spectraflow.methods.mmfrl.settings import ExplanationSettings
    from spectraflow.settings import load_settings

    checked = load_settings(ExplanationSettings, settings)
    tables = TaskTables(properties, counts, split, graphs)
    files = ExplanationFiles(out, positions, late_parts, subgraphs, drawings)
    run_explanation(checked, run, tables, files, encoder or [])
