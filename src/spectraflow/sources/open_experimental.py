"""The open experimental set: electron-ionisation spectra of MassBank joined with 13C and 1H spectra of nmrshiftdb2.

Molecules are joined by constitution, the first block of their InChIKeys. Spectra that a program predicted are never
used. MassBank records keep the licence of each: most allow no redistribution for commercial use.
"""

from pathlib import Path
from typing import Any, Literal

import polars as pl

from spectraflow.errors import InputError
from spectraflow.files import write_json
from spectraflow.sources.accounting import count_rejects, require_equal
from spectraflow.tables import (
    MASS_RECORDS,
    MOLECULES,
    OPEN_SOURCES,
    PEAKS,
    REJECTS,
    RejectReason,
    TableWriter,
    read_table,
)

SOURCE = "open_exp"
DISTINCT_PPM = 0.01
"""Shifts equal to this precision are one peak: nmrshiftdb2 lists one entry an atom, which would tell the structure."""

Energy = Literal["any", "70ish", "70"]
_BLOCK = pl.col("inchikey").str.split("-").list.first().alias("block")
_LABELLED = pl.col("smiles").str.contains(r"\[\d").alias("isotope_labelled")
_ENERGIES: dict[str, pl.Expr] = {
    "any": pl.lit(True),
    "70ish": pl.col("energy_ev").is_in([70.0, 75.0]) | pl.col("energy").is_null(),
    "70": pl.col("energy_ev") == 70.0,
}


def join(
    massbank: Path,
    nmrshiftdb2: Path,
    out: Path,
    *,
    ei_energy: Energy = "any",
) -> dict[str, Any]:
    """Write the joined tables into `out`, from the folders of tables of both sources; return and write the counts.

    A molecule has one EI and one 13C spectrum, and a 1H spectrum where there is one. Preferred are EI spectra of
    unlabelled compounds (isotopologues share the constitution), then at 70 eV, then of instrument type EI-B, then
    with most peaks, then by accession; NMR spectra in CDCl3, then with
    most distinct shifts, then the lowest native id and number. `ei_energy` limits the EI spectra: any energy, 70 or
    75 eV or unstated, stated as 70 eV. A constitution of both sources that lacks a spectrum is a reject. Raises
    InputError if the sources share no molecule.
    """
    electron = _electron_spectra(Path(massbank))
    magnetic = _magnetic_spectra(Path(nmrshiftdb2))
    common = _blocks(Path(massbank)).join(_blocks(Path(nmrshiftdb2)), on="block").sort("block")
    if common.is_empty():
        raise InputError(f"{massbank} and {nmrshiftdb2} share no molecule")
    chosen = {
        "MS": _preferred_electron(electron.filter(_ENERGIES[ei_energy])),
        "13C": _preferred_magnetic(magnetic, "13C"),
        "1H": _preferred_magnetic(magnetic, "1H"),
    }
    complete = common.join(chosen["MS"], on="block", how="semi").join(chosen["13C"], on="block", how="semi")
    rejects = _rejects(common.join(complete, on="block", how="anti"), chosen["MS"], electron)
    chosen = {technique: spectra.join(complete, on="block", how="semi") for technique, spectra in chosen.items()}
    return _write(Path(out), chosen, _molecules(Path(nmrshiftdb2), chosen["13C"]), common.height, rejects, ei_energy)


def _read(path: Path, schema: Any) -> pl.DataFrame:
    frame = pl.from_arrow(read_table(path, schema))
    assert isinstance(frame, pl.DataFrame)
    return frame


def _keyed(tables: Path) -> pl.DataFrame:
    """Return the molecules that have an InChIKey, with its first block as `block`."""
    return _read(tables / "molecules.parquet", MOLECULES).filter(pl.col("inchikey").is_not_null()).with_columns(_BLOCK)


def _blocks(tables: Path) -> pl.DataFrame:
    return _keyed(tables).select("block").unique()


def _electron_spectra(massbank: Path) -> pl.DataFrame:
    """Return a row a MassBank spectrum: its block, peaks, and what decides between several."""
    records = _read(massbank / "records.parquet", MASS_RECORDS)
    return (
        _read(massbank / "peaks.parquet", PEAKS)
        .filter((pl.col("technique") == "MS") & (pl.col("origin") != "predicted"))
        .join(records.drop("spectrum_id"), on="molecule_id")
        .join(_keyed(massbank).select("molecule_id", "block", _LABELLED), on="molecule_id")
    )


def _preferred_electron(spectra: pl.DataFrame) -> pl.DataFrame:
    order = [
        pl.col("isotope_labelled"),
        (pl.col("energy_ev") == 70.0).fill_null(False),
        (pl.col("ionisation") == "EI-B").fill_null(False),
        pl.col("position").list.len(),
        pl.col("accession"),
    ]
    ordered = spectra.sort(order, descending=[False, True, True, True, False])
    return ordered.unique("block", keep="first", maintain_order=True).sort("block")


def _magnetic_spectra(nmrshiftdb2: Path) -> pl.DataFrame:
    """Return a row a measured (or simulated, never predicted) nmrshiftdb2 spectrum with distinct shifts only."""
    peaks = _read(nmrshiftdb2 / "peaks.parquet", PEAKS).filter(pl.col("origin") != "predicted")
    distinct = (pl.element() / DISTINCT_PPM).round().unique().sort() * DISTINCT_PPM
    return (
        peaks.with_columns(pl.col("position").list.eval(distinct.round(2)))
        .filter(pl.col("position").list.len() > 0)
        .join(_keyed(nmrshiftdb2).select("molecule_id", "block"), on="molecule_id")
    )


def _preferred_magnetic(spectra: pl.DataFrame, technique: str) -> pl.DataFrame:
    native = pl.col("spectrum_id").str.extract_groups(r":(?<molecule>.+)/[^/]+/(?<number>\d+)$")
    order = [
        pl.col("solvent").str.contains("CDCl3", literal=True).fill_null(False),
        pl.col("position").list.len(),
        native.struct.field("molecule").cast(pl.Int64, strict=False),
        native.struct.field("number").cast(pl.Int64, strict=False),
    ]
    ordered = spectra.filter(pl.col("technique") == technique).sort(order, descending=[True, True, False, False])
    return ordered.unique("block", keep="first", maintain_order=True).sort("block")


def _molecules(nmrshiftdb2: Path, carbon: pl.DataFrame) -> pl.DataFrame:
    """Return the molecules rows: the structures that the 13C spectra were assigned to."""
    return carbon.select("block", "molecule_id").join(_keyed(nmrshiftdb2).drop("block"), on="molecule_id")


def _rejects(lost: pl.DataFrame, wanted: pl.DataFrame, electron: pl.DataFrame) -> pl.DataFrame:
    """Return a reject for every shared constitution that lacks a spectrum, saying which."""
    without_electron = lost.join(wanted, on="block", how="anti").join(electron, on="block", how="semi")["block"]
    missing = pl.when(pl.col("block").is_in(without_electron.implode()))
    return lost.select(
        pl.col("block").alias("native_id"),
        pl.lit("record").alias("stage"),
        pl.lit(RejectReason.MISSING_SPECTRUM.value).alias("reason"),
        missing.then(pl.lit("no EI spectrum of the wanted energy"))
        .otherwise(pl.lit("no 13C spectrum that is not predicted"))
        .alias("message"),
    )


def _write(
    out: Path,
    chosen: dict[str, pl.DataFrame],
    molecules: pl.DataFrame,
    common: int,
    rejects: pl.DataFrame,
    ei_energy: Energy,
) -> dict[str, Any]:
    identified = pl.format(f"{SOURCE}:{{}}", "block").alias("molecule_id")
    peaks = pl.concat([_peak_rows(spectra, technique, identified) for technique, spectra in chosen.items()])
    tables = (
        ("molecules", MOLECULES, molecules.with_columns(identified)),
        ("peaks", PEAKS, peaks.sort("molecule_id", maintain_order=True)),
        ("sources", OPEN_SOURCES, _sources(chosen, identified)),
        ("rejects", REJECTS, rejects),
    )
    arrow = {name: frame.select(schema.names).to_arrow().cast(schema) for name, schema, frame in tables}
    for name, schema, _ in tables:
        with TableWriter(out / f"{name}.parquet", schema) as writer:
            writer.write(arrow[name])
    require_equal(SOURCE, "constitutions", common, molecules.height, rejects.height)
    protons, energies = chosen["1H"].height, chosen["MS"]["energy_ev"]
    reasons = count_rejects(arrow["rejects"])
    summary = {
        "source": SOURCE,
        "ei_energy": ei_energy,
        "records": common,
        "molecules": molecules.height,
        "record_rejects": rejects.height,
        "with_MS_and_13C": molecules.height,
        "with_MS_and_13C_and_1H": protons,
        "isotope_labelled": int(chosen["MS"]["isotope_labelled"].sum()),
        "stated_70_ev": int((energies == 70.0).sum()),
        "spectra": peaks.height,
        "licences": dict(sorted(chosen["MS"]["licence"].fill_null("unstated").value_counts().iter_rows())),
        "rejects": {f"{stage}/{reason}": count for (stage, reason), count in sorted(reasons.items())},
    }
    write_json(out / "counts.json", summary)
    return summary


def _peak_rows(spectra: pl.DataFrame, technique: str, identified: pl.Expr) -> pl.DataFrame:
    """Return peaks rows; distinct shifts have neither intensity nor atoms, which nmrshiftdb2 gives by atom."""
    rows = spectra.with_columns(
        identified,
        pl.format(f"{SOURCE}:{{}}/{technique}/0", "block").alias("spectrum_id"),
        *(pl.lit(None, rows_type).alias(name) for name, rows_type in _BY_ATOM.items()),
    ).select(PEAKS.names)
    return rows if technique == "MS" else rows.with_columns(pl.lit(None, pl.List(pl.Float64)).alias("intensity"))


_BY_ATOM: dict[str, pl.DataType] = {
    "multiplicity": pl.List(pl.String()),
    "atoms": pl.List(pl.List(pl.Int32())),
    "hydrogens": pl.List(pl.Float64()),
    "couplings": pl.List(pl.String()),
}


def _sources(chosen: dict[str, pl.DataFrame], identified: pl.Expr) -> pl.DataFrame:
    """Return where each molecule's spectra come from, and under which licence."""
    electron = chosen["MS"].select("block", "accession", "licence", "energy_ev", "isotope_labelled")
    carbon = chosen["13C"].select(
        "block", pl.col("spectrum_id").alias("carbon_spectrum"), pl.col("solvent").alias("carbon_solvent")
    )
    proton = chosen["1H"].select(
        "block", pl.col("spectrum_id").alias("proton_spectrum"), pl.col("solvent").alias("proton_solvent")
    )
    joined = electron.join(carbon, on="block").join(proton, on="block", how="left")
    return joined.sort("block").with_columns(identified)
