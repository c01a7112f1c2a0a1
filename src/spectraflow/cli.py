"""The command line: one sub-command a workflow step, each a thin call of a library function.

Heavy imports stay inside the commands, so that `spectraflow --help` answers at once.
"""

from pathlib import Path
from typing import Annotated

import typer

from spectraflow.command_options import OtherPages, Processes, SettingsText, report_errors
from spectraflow.interruption import end_with_workflow
from spectraflow.methods.km3aid.commands import app as km3aid_app
from spectraflow.methods.matchnet.commands import app as matchnet_app
from spectraflow.methods.mmfrl.commands import app as mmfrl_app
from spectraflow.methods.shifts.commands import app as shifts_app
from spectraflow.methods.symspectra.commands import app as symspectra_app
from spectraflow.search.commands import app as search_app
from spectraflow.sources.commands import app as sources_app
from spectraflow.training.commands import app as tracking_app

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
config_app = typer.Typer(no_args_is_help=True, help="Check the configuration; write its schema and documentation.")
app.add_typer(sources_app)
app.add_typer(km3aid_app, name="km3aid")
app.add_typer(shifts_app, name="shifts")
app.add_typer(symspectra_app, name="symspectra")
app.add_typer(matchnet_app, name="matchnet")
app.add_typer(mmfrl_app, name="mmfrl")
app.add_typer(search_app, name="search")
app.add_typer(tracking_app, name="tracking")
app.add_typer(config_app, name="config")


@app.command()
@report_errors
def generate_demo(settings: SettingsText, out: Annotated[Path, typer.Option(help="folder to fill")]) -> None:
    """Write the embedded demo source: simulated raw files in every source's native format."""
    from spectraflow.config import DemoSettings
    from spectraflow.settings import load_settings
    from spectraflow.sources.demo.generate import generate

    generate(load_settings(DemoSettings, settings), out)


@app.command()
@report_errors
def retrieve(
    source: Annotated[str, typer.Argument(help="a source of the registry")],
    out: Annotated[Path, typer.Option(help="where the raw file goes")],
    registry: Annotated[Path, typer.Option(help="the registry")] = Path("resources/sources.yaml"),
    file: Annotated[str | None, typer.Option(help="file of the source; default: its first")] = None,
    mirror: Annotated[str | None, typer.Option(help="folder or URL tried before the publisher")] = None,
) -> None:
    """Fetch one raw file from a mirror or its publisher and verify its checksum."""
    from spectraflow.sources.registry import load_registry
    from spectraflow.sources.retrieve import retrieve_file

    retrieve_file(load_registry(registry), source, out, file=file, mirror=mirror)


@app.command()
@report_errors
def ingest_nmrshiftdb2(
    raw: Annotated[Path, typer.Option(help="SD file with signals, plain or gzipped")],
    molecules: Annotated[Path, typer.Option(help="molecules table to write")],
    peaks: Annotated[Path, typer.Option(help="peaks table to write")],
    rejects: Annotated[Path, typer.Option(help="rejects table to write")],
    counts: Annotated[Path, typer.Option(help="JSON with the accounting")],
    origin: Annotated[str, typer.Option(help="origin of spectra not marked as predicted")] = "measured",
    limit: Annotated[int | None, typer.Option(help="read only so many records")] = None,
    processes: Processes = 1,
) -> None:
    """Turn the nmrshiftdb2 SD file into molecules, peaks and rejects."""
    from spectraflow.sources.nmrshiftdb2 import ingest

    ingest(raw, molecules, peaks, rejects, counts, origin=origin, limit=limit, processes=processes)


@app.command()
@report_errors
def ingest_smiles(
    source: Annotated[str, typer.Option(help="prefix of the molecule ids")],
    raw: Annotated[Path, typer.Option(help="`id<TAB>SMILES` or one SMILES a line, plain or gzipped")],
    molecules: Annotated[Path, typer.Option(help="molecules table to write")],
    rejects: Annotated[Path, typer.Option(help="rejects table to write")],
    counts: Annotated[Path, typer.Option(help="JSON with the accounting")],
    limit: Annotated[int | None, typer.Option(help="read only so many lines")] = None,
    every: Annotated[int, typer.Option(min=1, help="read every n-th line only")] = 1,
    processes: Processes = 1,
) -> None:
    """Turn a SMILES list of any length (PubChem's CID-SMILES, .smi) into molecules and rejects."""
    from spectraflow.sources.smiles_list import ingest

    ingest(raw, source, molecules, rejects, counts, limit=limit, every=every, processes=processes)


@app.command()
@report_errors
def ingest_alberts(
    settings: SettingsText,
    raw: Annotated[Path, typer.Option(help="Parquet file, or a folder whose *.parquet files are read by name")],
    molecules: Annotated[Path, typer.Option(help="molecules table to write")],
    peaks: Annotated[Path, typer.Option(help="peaks table to write")],
    vectors: Annotated[Path, typer.Option(help="vectors table to write")],
    rejects: Annotated[Path, typer.Option(help="rejects table to write")],
    counts: Annotated[Path, typer.Option(help="JSON with the accounting")],
    limit: Annotated[int | None, typer.Option(min=1, help="read only so many rows")] = None,
    processes: Processes = 1,
    origin: Annotated[str, typer.Option(help="origin of the spectra")] = "simulated",
) -> None:
    """Turn the simulated multimodal data set of Alberts et al. into molecules, peaks, vectors and rejects."""
    from spectraflow.methods.symspectra.settings import VectorSettings
    from spectraflow.settings import load_settings
    from spectraflow.sources.alberts import ingest

    vector_settings = load_settings(VectorSettings, settings)
    tables = (molecules, peaks, vectors, rejects, counts)
    ingest(raw, *tables, vector_settings, limit=limit, processes=processes, origin=origin)


@app.command()
@report_errors
def build_graphs(
    molecules: Annotated[Path, typer.Option(help="molecules table")],
    graphs: Annotated[Path, typer.Option(help="graphs table to write")],
    rejects: Annotated[Path, typer.Option(help="rejects table to write")],
    processes: Processes = 1,
) -> None:
    """Turn the SMILES of a molecules table into molecular graphs."""
    from spectraflow.molecules.graphs import build_graphs as build

    build(molecules, graphs, rejects, processes=processes)


@app.command()
@report_errors
def label_groups(
    molecules: Annotated[Path, typer.Option(help="molecules table")],
    definitions: Annotated[Path, typer.Option(help="CSV with number, name, smarts")],
    labels: Annotated[Path, typer.Option(help="labels table to write")],
    processes: Processes = 1,
) -> None:
    """Label every molecule with the functional groups its structure contains."""
    from spectraflow.molecules.functional_groups import label_molecules

    label_molecules(molecules, definitions, labels, processes=processes)


@app.command()
@report_errors
def split(
    settings: SettingsText,
    molecules: Annotated[Path, typer.Option(help="molecules table")],
    out: Annotated[Path, typer.Option(help="splits table to write")],
    audit: Annotated[Path, typer.Option(help="JSON with sizes, overlaps and label prevalence")],
    fold: Annotated[int, typer.Option(min=0, help="fold, or seed offset of a scaffold split")] = 0,
    subset: Annotated[Path | None, typer.Option(help="table whose molecule_id column limits the molecules")] = None,
    ids: Annotated[Path | None, typer.Option(help="id list, one a line (published_folds)")] = None,
    labels: Annotated[Path | None, typer.Option(help="labels table for the prevalence in the audit")] = None,
    given: Annotated[
        Path | None, typer.Option(help="splits table whose molecules, and others of their first blocks, stay put")
    ] = None,
) -> None:
    """Assign molecules to train, val and test, and audit the assignment."""
    from spectraflow.config import SplitSettings
    from spectraflow.settings import load_settings
    from spectraflow.splits.assign import make_split

    make_split(
        load_settings(SplitSettings, settings),
        molecules,
        out,
        audit,
        fold=fold,
        subset=subset,
        ids=ids,
        labels=labels,
        given=given,
    )


@app.command("pool-isomers")
@report_errors
def pool_isomers(
    settings: SettingsText,
    published: Annotated[Path, typer.Option(help="published.csv, for the formulas to mark")],
    scores: Annotated[list[Path], typer.Option("--scores", help="isomer_scores.parquet of a fold; repeat")],
    metrics: Annotated[Path, typer.Option(help="JSON with metrics and a row a formula")],
) -> None:
    """Put the isomer scores of all folds of one experiment together."""
    from spectraflow.retrieval.isomers import pool_isomers as pool
    from spectraflow.retrieval.settings import IsomerSettings
    from spectraflow.settings import load_settings

    pool(load_settings(IsomerSettings, settings), published, scores, metrics)


@app.command()
@report_errors
def compare(
    published: Annotated[Path, typer.Option(help="published.csv")],
    runs: Annotated[list[Path], typer.Option("--run", help="run folder of a trained model; repeat")],
    out: Annotated[Path, typer.Option(help="comparison.csv to write")],
    data: Annotated[str, typer.Option(help="what the numbers were measured on: demo or published")] = "published",
    pooled: Annotated[
        list[Path] | None, typer.Option("--pooled", help="pooled isomers of an experiment; repeat")
    ] = None,
    audits: Annotated[
        list[Path] | None, typer.Option("--audit", help="audit JSON of a split, which tells its kind; repeat")
    ] = None,
) -> None:
    """Put every measured number beside the published one."""
    from spectraflow.reporting.comparison import compare_runs

    compare_runs(published, runs, out, data=data, pooled=pooled or [], audits=audits or [])


@app.command()
@report_errors
def report(
    comparison: Annotated[Path, typer.Option(help="comparison.csv")],
    runs: Annotated[list[Path], typer.Option("--run", help="run folder of a trained model; repeat")],
    counts: Annotated[list[Path], typer.Option("--counts", help="accounting JSON of a step; repeat")],
    audits: Annotated[list[Path], typer.Option("--audit", help="audit JSON of a split; repeat")],
    molecules: Annotated[Path, typer.Option(help="molecules table, for drawings")],
    alignment: Annotated[Path, typer.Option(help="alignment table, for the assignment example")],
    out: Annotated[Path, typer.Option(help="folder for index.html and its figures")],
    data: Annotated[str, typer.Option(help="demo or published")] = "published",
    pooled: Annotated[
        list[Path] | None, typer.Option("--pooled", help="pooled isomers of an experiment; repeat")
    ] = None,
    references: Annotated[
        list[Path] | None, typer.Option("--reference", help="figures of second measured spectra; repeat")
    ] = None,
    other_pages: OtherPages = None,
    benchmarks: Annotated[Path | None, typer.Option(help="folder of the benchmarks of the run's jobs")] = None,
) -> None:
    """Write the self-contained HTML report and its figures."""
    from spectraflow.reporting.page import write_report

    write_report(
        comparison,
        runs,
        counts,
        audits,
        molecules,
        alignment,
        out,
        data=data,
        pooled=pooled or [],
        references=references or [],
        other_pages=other_pages or [],
        benchmarks=benchmarks,
    )


@app.command()
@report_errors
def report_groups(
    comparison: Annotated[Path, typer.Option(help="comparison.csv")],
    runs: Annotated[list[Path], typer.Option("--run", help="run folder of a model of functional groups; repeat")],
    out: Annotated[Path, typer.Option(help="folder for functional_groups.html and its figures")],
    counts: Annotated[list[Path] | None, typer.Option("--counts", help="accounting JSON of a data set; repeat")] = None,
    audits: Annotated[list[Path] | None, typer.Option("--audit", help="audit JSON of a split; repeat")] = None,
    maps: Annotated[list[Path] | None, typer.Option("--map", help="scaffold map of a split; repeat")] = None,
    data: Annotated[str, typer.Option(help="demo or published")] = "published",
    other_pages: OtherPages = None,
) -> None:
    """Write the self-contained HTML page of functional groups and its figures."""
    from spectraflow.reporting.groups.page import write_groups_report

    files = (counts or [], audits or [], maps or [])
    write_groups_report(comparison, runs, *files, out, data=data, other_pages=other_pages or [])


@app.command()
@report_errors
def report_matching(
    comparison: Annotated[Path, typer.Option(help="comparison.csv")],
    runs: Annotated[list[Path], typer.Option("--run", help="run folder of a matching model; repeat")],
    out: Annotated[Path, typer.Option(help="folder for matching.html and its figures")],
    counts: Annotated[
        list[Path] | None, typer.Option("--counts", help="accounting JSON of spectra or pairs; repeat")
    ] = None,
    audits: Annotated[list[Path] | None, typer.Option("--audit", help="audit JSON of a split; repeat")] = None,
    renderings: Annotated[Path | None, typer.Option(help="table of rendered spectra, a few of which are drawn")] = None,
    data: Annotated[str, typer.Option(help="demo or published")] = "published",
    other_pages: OtherPages = None,
) -> None:
    """Write the self-contained HTML page of matching and its figures."""
    from spectraflow.reporting.matching.page import write_matching_report

    files = (counts or [], audits or [])
    write_matching_report(
        comparison, runs, *files, out, data=data, renderings=renderings, other_pages=other_pages or []
    )


@app.command()
@report_errors
def preflight(
    configs: Annotated[list[Path], typer.Argument(help="configuration files, later over earlier")],
    show_config: Annotated[bool, typer.Option(help="print the resolved configuration")] = True,
) -> None:
    """Print the resolved configuration, job counts, missing sources and disk needed; compute nothing."""
    from spectraflow.preflight import run_preflight

    raise typer.Exit(run_preflight(configs, show_config=show_config))


@app.command()
@report_errors
def status(
    run: Annotated[Path | None, typer.Argument(help="run folder; default: the latest in results/")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON for machines")] = False,
    all_jobs: Annotated[bool, typer.Option("--jobs", help="name the jobs that are done, too")] = False,
) -> None:
    """Tell which jobs of a run are done, running, failed or waiting; exit with 1 if one has failed."""
    from spectraflow.watching.status import latest_run, print_status

    raise typer.Exit(print_status(run or latest_run(Path("results")), as_json=as_json, all_jobs=all_jobs))


@config_app.command("check")
@report_errors
def config_check(configs: Annotated[list[Path], typer.Argument(help="configuration files")]) -> None:
    """Check configuration files and print every fault at once."""
    from spectraflow.config import load_config

    load_config(*configs)
    print("the configuration is valid")


@config_app.command("document")
@report_errors
def config_document(
    root: Annotated[Path, typer.Option(help="checkout to write into")] = Path(),
    check: Annotated[bool, typer.Option(help="only say whether the files are current")] = False,
) -> None:
    """Write the JSON schema, the pages made from code, and the image and conda files made from the pins."""
    from spectraflow.config_documents import write_documents

    raise typer.Exit(0 if write_documents(root, check_only=check) else 1)


def main() -> None:
    """Entry point of the `spectraflow` command."""
    end_with_workflow()
    app()
