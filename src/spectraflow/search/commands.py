"""The `spectraflow search` commands; heavy imports stay inside them."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from spectraflow.command_options import SettingsText, report_errors

app = typer.Typer(no_args_is_help=True, help="Search of whole libraries by embedding, exact or approximate.")

LibraryTable = Annotated[Path, typer.Option("--library", help="library table, see `search describe`")]
Shards = Annotated[list[Path], typer.Option("--shard", help="shard of the embedded library; repeat for all")]
Indexes = Annotated[list[Path], typer.Option("--index", help="index of a shard; repeat for all")]
QueriesTable = Annotated[Path, typer.Option("--queries", help="queries table")]
Count = Annotated[int, typer.Option("--k", min=1, help="candidates a query")]
CandidatesTable = Annotated[Path, typer.Option("--out", help="candidates table to write")]


class FilterName(StrEnum):
    """What a candidate must agree with the query in."""

    NONE = "none"
    MASS = "mass"
    FORMULA = "formula"


@app.command("describe")
@report_errors
def describe(
    molecules: Annotated[Path, typer.Option(help="molecules table of the library")],
    graphs: Annotated[Path, typer.Option(help="its graphs table: the molecules that are embedded, in this order")],
    out: Annotated[Path, typer.Option(help="library table to write (Arrow)")],
    counts: Annotated[Path, typer.Option(help="JSON: molecules, duplicates, molecules without a graph")],
) -> None:
    """Write what a search must know of a library's molecules: SMILES, formula, weight, duplicates."""
    from spectraflow.search.library import describe_library

    describe_library(molecules, graphs, out, counts)


@app.command("train-index")
@report_errors
def train_index(
    settings: SettingsText,
    library: LibraryTable,
    shards: Shards,
    out: Annotated[Path, typer.Option(help="empty index to write")],
) -> None:
    """Train the approximate index on a sample of the library."""
    from spectraflow.search.index import train_index as train
    from spectraflow.search.settings import IndexSettings
    from spectraflow.settings import load_settings

    train(load_settings(IndexSettings, settings), shards, library, out)


@app.command("index-shard")
@report_errors
def index_shard(
    trained: Annotated[Path, typer.Option(help="empty index, see `search train-index`")],
    library: LibraryTable,
    shard: Annotated[Path, typer.Option(help="shard of the embedded library")],
    out: Annotated[Path, typer.Option(help="index to write")],
) -> None:
    """Put the molecules of one shard into an index."""
    from spectraflow.search.index import index_shard as build

    build(trained, shard, library, out)


@app.command("exact")
@report_errors
def exact(
    queries: QueriesTable,
    library: LibraryTable,
    shards: Shards,
    out: CandidatesTable,
    k: Count = 100,
    restriction: Annotated[FilterName, typer.Option("--filter", help="what candidates must agree in")] = (
        FilterName.NONE
    ),
    mass_tolerance: Annotated[float, typer.Option(min=0, help="Da, of the mass filter")] = 5.0,
) -> None:
    """Write the molecules of the whole library with the highest scores."""
    from spectraflow.search.run import find_exact

    print(find_exact(queries, library, shards, out, k, str(restriction), mass_tolerance))


@app.command("approximate")
@report_errors
def approximate(
    queries: QueriesTable,
    library: LibraryTable,
    shards: Shards,
    indexes: Indexes,
    out: CandidatesTable,
    k: Count = 100,
    probes: Annotated[int, typer.Option(min=1, help="lists visited a query")] = 32,
    rerank: Annotated[int, typer.Option(min=1, help="candidates scored again exactly")] = 40,
) -> None:
    """Write about the best molecules of the library, many times faster: scores are exact, a few may be missing."""
    from spectraflow.search.run import find_approximate

    print(find_approximate(queries, library, shards, indexes, out, k, probes=probes, rerank=rerank))


@app.command("evaluate")
@report_errors
def evaluate(
    settings: SettingsText,
    queries: QueriesTable,
    library: LibraryTable,
    shards: Shards,
    indexes: Indexes,
    candidates: Annotated[Path, typer.Option(help="candidates table to write: exact search without a filter")],
    ranks: Annotated[Path, typer.Option(help="ranks of the truths to write")],
    metrics: Annotated[Path, typer.Option(help="JSON with recall, intervals, times and counts")],
) -> None:
    """Measure recall of the whole library: exact without and with filters, and approximate."""
    from spectraflow.search.evaluate import evaluate_search
    from spectraflow.search.settings import SearchSettings
    from spectraflow.settings import load_settings

    loaded = load_settings(SearchSettings, settings)
    evaluate_search(loaded, queries, shards, indexes, library, candidates, ranks, metrics)
