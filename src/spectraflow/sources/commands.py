"""The commands that turn raw experimental spectra of several kinds into data sets; heavy imports stay inside them."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from spectraflow.command_options import Processes, report_errors

app = typer.Typer()

Molecules = Annotated[Path, typer.Option(help="molecules table to write")]
Peaks = Annotated[Path, typer.Option(help="peaks table to write")]
Rejects = Annotated[Path, typer.Option(help="rejects table to write")]
Counts = Annotated[Path, typer.Option(help="JSON with the accounting")]
Origin = Annotated[str, typer.Option(help="origin of the spectra: measured or simulated")]
Limit = Annotated[int | None, typer.Option(min=1, help="read only so many records")]


class Energy(StrEnum):
    """Which EI spectra are used."""

    ANY = "any"
    ABOUT_70 = "70ish"
    STATED_70 = "70"


@app.command()
@report_errors
def ingest_massbank(
    raw: Annotated[Path, typer.Option(help="tar archive, folder or file of MassBank text records")],
    molecules: Molecules,
    peaks: Peaks,
    records: Annotated[Path, typer.Option(help="table of licences, energies and instruments to write")],
    rejects: Rejects,
    counts: Counts,
    origin: Origin = "measured",
    limit: Limit = None,
    processes: Processes = 1,
) -> None:
    """Turn MassBank records of EI spectra into molecules, peaks, records and rejects."""
    from spectraflow.sources.massbank import ingest

    ingest(raw, molecules, peaks, records, rejects, counts, origin=origin, limit=limit, processes=processes)


@app.command()
@report_errors
def ingest_sdbs(
    export: Annotated[Path, typer.Option(help="folder of a local SDBS export, see docs/sdbs.md")],
    molecules: Molecules,
    peaks: Peaks,
    profiles: Annotated[Path, typer.Option(help="table of continuous spectra to write")],
    rejects: Rejects,
    counts: Counts,
    origin: Origin = "measured",
    limit: Limit = None,
    processes: Processes = 1,
) -> None:
    """Turn a local SDBS export into molecules, peaks, profiles and rejects."""
    from spectraflow.sources.sdbs import ingest

    ingest(export, molecules, peaks, profiles, rejects, counts, origin=origin, limit=limit, processes=processes)


@app.command()
@report_errors
def ingest_matcs(
    folder: Annotated[Path, typer.Option(help="folder of train, validation, test_rand, test_diff, test_sim (.csv.gz)")],
    molecules: Molecules,
    listed: Annotated[Path, typer.Option(help="table of the pairs of the test lists to write")],
    split: Annotated[Path, typer.Option(help="table of the part that each molecule is listed in, to write")],
    rejects: Rejects,
    counts: Counts,
    limit: Annotated[int | None, typer.Option(min=1, help="use only so many positives of each list")] = None,
    processes: Processes = 1,
) -> None:
    """Turn the MatCS pair lists into molecules, listed test pairs, a split and rejects."""
    from spectraflow.sources.matcs import ingest

    ingest(folder, molecules, listed, split, rejects, counts, limit=limit, processes=processes)


@app.command()
@report_errors
def join_open_experimental(
    massbank: Annotated[Path, typer.Option(help="folder of the tables of MassBank")],
    nmrshiftdb2: Annotated[Path, typer.Option(help="folder of the tables of nmrshiftdb2")],
    out: Annotated[Path, typer.Option(help="folder of the joined tables to write")],
    ei_energy: Annotated[Energy, typer.Option(help="EI spectra to use, by electron energy in eV")] = Energy.ANY,
) -> None:
    """Join EI spectra of MassBank with 13C and 1H spectra of nmrshiftdb2."""
    from spectraflow.sources.open_experimental import join

    join(massbank, nmrshiftdb2, out, ei_energy=ei_energy.value)


@app.command()
@report_errors
def render_vectors(
    molecules: Annotated[Path, typer.Option(help="molecules table")],
    peaks: Annotated[Path, typer.Option(help="peaks table")],
    out: Annotated[Path, typer.Option(help="vectors table to write")],
    counts: Annotated[Path, typer.Option(help="JSON with spectra and peaks left out of each modality")],
    profiles: Annotated[Path | None, typer.Option(help="table of continuous spectra")] = None,
    mass_sigma: Annotated[float, typer.Option(min=0.01, help="width of a mass peak, bins of 0.1 m/z")] = 5.0,
) -> None:
    """Turn the peak lists of an experimental data set into vectors of 600 numbers."""
    from spectraflow.spectra.peak_vectors import render

    render(molecules, peaks, out, counts, profiles=profiles, mass_sigma=mass_sigma)
