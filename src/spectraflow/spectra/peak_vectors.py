"""Peak lists of experimental spectra as vectors of 600 numbers: Gaussians on the modality's axis.

The width of one grid step, 0.417 ppm of 13C and 0.025 ppm of 1H, lets a peak midway between two points keep 0.88 of
its height. Continuous spectra are rendered as if every point were a peak, above the median as baseline: interpolating
them at 600 points would lose lines that are narrower than a step.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from spectraflow.errors import InputError
from spectraflow.files import write_json
from spectraflow.parallel import chunked
from spectraflow.spectra.mass_vectors import mass_vectors
from spectraflow.spectra.modalities import MODALITIES, VECTOR_POINTS, Modality
from spectraflow.spectra.vectors import min_max
from spectraflow.tables import MOLECULES, PEAKS, PROFILES, TableWriter, read_table, vectors_schema

EXPERIMENTAL = ("MS", "13C", "1H_wide", "1H")
"""Columns of the vectors of an experimental data set."""

MOLECULES_AT_ONCE = 1024
_REACH = 6
"""Grid steps from a peak's centre to where its Gaussian is cut, at 10^-8 of its height."""

FloatArray = NDArray[np.float64]


def relative_heights(intensity: FloatArray, counts: NDArray[np.int64]) -> FloatArray:
    """Return intensities (P,) over the largest of their spectrum; 1 for all peaks of a spectrum that lacks one (NaN).

    Spectra without a positive intensity get 1 as well: nmrshiftdb2 writes 0 for unknown. `counts` (N,) are the peaks
    of each spectrum.
    """
    rows = np.repeat(np.arange(len(counts)), counts)
    largest = np.full(len(counts), -np.inf)
    np.maximum.at(largest, rows, np.where(np.isnan(intensity), np.inf, intensity))
    usable = np.isfinite(largest) & (largest > 0)
    return np.where(usable[rows], intensity / np.where(usable, largest, 1.0)[rows], 1.0)


def shift_vectors(
    position: FloatArray, height: FloatArray, counts: NDArray[np.int64], modality: Modality
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return vectors (N, 600) float32 in [0, 1], and how many peaks of each spectrum (N,) lie outside the axis.

    `position` and `height` (P,) hold the peaks of N spectra one after the other, `counts` (N,) of each. Gaussians of
    one grid step add up; then every vector is min-max scaled. A spectrum without a peak on the axis gives zeros.
    """
    step = (modality.last - modality.first) / (VECTOR_POINTS - 1)
    at = (position - modality.first) / step
    rows = np.repeat(np.arange(len(counts)), counts)
    outside = np.bincount(rows[(at < 0) | (at > VECTOR_POINTS - 1)], minlength=len(counts))
    near = (at > -_REACH) & (at < VECTOR_POINTS - 1 + _REACH)
    rows, at, height = rows[near], at[near], height[near]
    points = np.rint(at).astype(np.int64)[:, None] + np.arange(-_REACH, _REACH + 1)
    values = height[:, None] * np.exp(-0.5 * (points - at[:, None]) ** 2)
    on_axis = (points >= 0) & (points < VECTOR_POINTS)
    flat = (rows[:, None] * VECTOR_POINTS + points)[on_axis]
    summed: FloatArray = np.bincount(flat, values[on_axis], len(counts) * VECTOR_POINTS).astype(float)
    return min_max(summed.reshape(len(counts), VECTOR_POINTS)).astype(np.float32), outside


def render(
    molecules: Path,
    peaks: Path,
    out: Path,
    counts: Path,
    *,
    profiles: Path | None = None,
    mass_sigma: float = 5.0,
) -> dict[str, Any]:
    """Write the vectors of all molecules of a data set, and return and write what was rendered and left out.

    `profiles` holds continuous spectra. A molecule has one spectrum of a technique at most: raises InputError naming
    the first that has two.
    """
    spectra = _spectra(peaks, profiles)
    names = read_table(molecules, MOLECULES, ["molecule_id"])["molecule_id"].to_pylist()
    totals = {name: Counter(dict.fromkeys(("spectra", "peaks", "outside", "empty"), 0)) for name in EXPERIMENTAL}
    schema = vectors_schema(EXPERIMENTAL)
    with TableWriter(out, schema) as writer:
        for part in chunked(names, MOLECULES_AT_ONCE):
            columns: dict[str, Any] = {"molecule_id": pa.array(part)}
            for name, column, found in _columns(part, spectra, mass_sigma):
                columns[name] = column
                totals[name].update(found)
            writer.write(pa.table(columns).cast(schema))
    summary = {"molecules": len(names), "modalities": {name: dict(total) for name, total in totals.items()}}
    write_json(counts, summary)
    return summary


def _spectra(peaks: Path, profiles: Path | None) -> pl.DataFrame:
    columns = ["molecule_id", "technique", "position", "intensity"]
    frames = [pl.from_arrow(read_table(peaks, PEAKS, columns))]
    if profiles is not None:
        continuous = pl.DataFrame(pl.from_arrow(read_table(profiles, PROFILES, columns)))
        frames.append(continuous.with_columns(_above_baseline()))
    spectra = pl.concat([frame for frame in frames if isinstance(frame, pl.DataFrame)])
    spectra = spectra.filter(pl.col("position").list.len() > 0)
    repeated = spectra.filter(pl.struct("molecule_id", "technique").is_duplicated())
    if not repeated.is_empty():
        raise InputError(f"{peaks}: two {repeated['technique'][0]} spectra of {repeated['molecule_id'][0]}")
    return spectra


def _above_baseline() -> pl.Expr:
    """Return the intensities of continuous NMR spectra less their median; most points show no line."""
    above = pl.col("intensity").list.eval(pl.element() - pl.element().median())
    return pl.when(pl.col("technique") == "MS").then(pl.col("intensity")).otherwise(above).alias("intensity")


def _columns(
    names: list[str], spectra: pl.DataFrame, mass_sigma: float
) -> Iterator[tuple[str, pa.Array, dict[str, int]]]:
    """Yield name, column and counts of each modality for some molecules."""
    order = pl.DataFrame({"molecule_id": names, "row": np.arange(len(names))})
    present = order.join(spectra, on="molecule_id").sort("row")
    for name in EXPERIMENTAL:
        modality = MODALITIES[name]
        part = present.filter(pl.col("technique") == modality.technique)
        sizes = part["position"].list.len().to_numpy().astype(np.int64)
        position = part["position"].explode(empty_as_null=False).to_numpy().astype(float)
        intensity = _intensity(part)
        if modality.technique == "MS":
            vectors, outside = mass_vectors(position, intensity, sizes, mass_sigma)
        else:
            vectors, outside = shift_vectors(position, relative_heights(intensity, sizes), sizes, modality)
        shown = vectors.any(axis=1)
        found = {"spectra": len(sizes), "peaks": int(sizes.sum())}
        yield (
            name,
            _nullable(vectors, part["row"].to_numpy(), len(names)),
            {**found, "outside": int(outside.sum()), "empty": int((~shown).sum())},
        )


def _intensity(spectra: pl.DataFrame) -> FloatArray:
    """Return the intensities of all peaks, NaN where the source gives none."""
    unknown = pl.lit(None, pl.Float64).repeat_by(pl.col("position").list.len())
    listed = spectra.select(pl.coalesce(pl.col("intensity"), unknown).alias("intensity"))["intensity"]
    return listed.explode(empty_as_null=False).to_numpy().astype(float)


def _nullable(vectors: NDArray[np.float32], rows: NDArray[np.int64], length: int) -> pa.Array:
    """Return a column of `length` vectors, null but at `rows`."""
    values = np.zeros((length, VECTOR_POINTS), np.float32)
    values[rows] = vectors
    missing = np.ones(length, bool)
    missing[rows] = False
    return pa.FixedSizeListArray.from_arrays(values.ravel(), VECTOR_POINTS, mask=pa.array(missing))
