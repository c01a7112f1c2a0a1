"""Commands that make the data of MMFRL: tasks, their splits, molecules to pre-train on; heavy imports stay inside."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from spectraflow.command_options import Processes, report_errors

app = typer.Typer()


class Cleaning(StrEnum):
    """What becomes of a molecule that a file has several times."""

    PAPER = "paper"
    STRICT = "strict"


class Protocol(StrEnum):
    """A scaffold split."""

    SCAFFOLD_BALANCED = "scaffold_balanced"
    SCAFFOLD_DETERMINISTIC = "scaffold_deterministic"


class Dedupe(StrEnum):
    """Which molecules of tasks are kept from pre-training."""

    UNION = "union"
    NONE = "none"


@app.command("load-task")
@report_errors
def load_task(
    task: Annotated[str, typer.Option(help="bbbp, bace, sider, clintox, hiv, muv, tox21, toxcast, esol, ...")],
    raw: Annotated[Path, typer.Option(help="the task's CSV file, plain or gzipped")],
    molecules: Annotated[Path, typer.Option(help="properties table to write")],
    rejects: Annotated[Path, typer.Option(help="rejects table to write")],
    counts: Annotated[Path, typer.Option(help="JSON with the accounting, targets and errata")],
    cleaning: Annotated[Cleaning, typer.Option(help="every row kept, or equal molecules merged")] = Cleaning.PAPER,
    processes: Processes = 1,
) -> None:
    """Turn the file of a MoleculeNet task into molecules with targets, and rejects."""
    from spectraflow.sources.moleculenet import ingest

    found = ingest(task, raw, cleaning.value, molecules, rejects, counts, processes=processes)
    print(f"{task}: {found['molecules']} of {found['records']} records are molecules, {found['rejects']} are rejected")
    if found.get("one_class"):
        print(f"{task}: without two classes, and so without a ROC-AUC: {', '.join(found['one_class'])}")


@app.command("split-task")
@report_errors
def split_task(
    properties: Annotated[Path, typer.Option(help="properties table of a task")],
    out: Annotated[Path, typer.Option(help="splits table to write")],
    audit: Annotated[Path, typer.Option(help="JSON with sizes, labels and overlaps")],
    protocol: Annotated[Protocol, typer.Option(help="the split")] = Protocol.SCAFFOLD_BALANCED,
    seed: Annotated[int, typer.Option(help="seed of scaffold_balanced")] = 0,
) -> None:
    """Assign the molecules of a task to train, val and test, and audit the assignment."""
    from spectraflow.splits.property_folds import make_property_split

    make_property_split(properties, out, audit, protocol.value, seed)


@app.command("select-pretraining")
@report_errors
def select_pretraining(
    molecules: Annotated[Path, typer.Option(help="molecules table of nmrshiftdb2")],
    peaks: Annotated[Path, typer.Option(help="peaks table of nmrshiftdb2")],
    properties: Annotated[list[Path], typer.Option("--properties", help="properties table of a task; repeat")],
    out: Annotated[Path, typer.Option(help="pretraining table to write")],
    overlap: Annotated[Path, typer.Option(help="JSON: how many molecules of each task are among them")],
    dedupe: Annotated[Dedupe, typer.Option(help="leave out molecules of any task, or (leaky) none")] = Dedupe.UNION,
) -> None:
    """Select the molecules to pre-train on: every carbon has a 13C shift, and no task has the molecule."""
    from spectraflow.methods.mmfrl.pretraining_molecules import select_pretraining as select

    select(molecules, peaks, properties, out, overlap, dedupe=dedupe.value)
