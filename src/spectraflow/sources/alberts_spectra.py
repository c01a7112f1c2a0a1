"""Spectra of a batch of rows of the simulated multimodal data set: vectors, peak lists, and which rows are faulty."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from spectraflow.methods.symspectra.settings import VectorSettings
from spectraflow.sources.alberts_files import ARRAYS, MASS_COLUMNS, POLARITIES
from spectraflow.spectra.mass_vectors import BINS, BINS_PER_MZ, mass_vectors
from spectraflow.spectra.modalities import VECTOR_POINTS
from spectraflow.spectra.vectors import min_max, resample
from spectraflow.tables import RejectReason

TECHNIQUES = ("13C", "1H", *MASS_COLUMNS)
"""Techniques of the peaks table, in the order of its rows within a batch."""
Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(slots=True)
class PeakLists:
    """Peak lists of n rows one after the other: `counts` (n,), 0 where there is none, and a column of values each."""

    counts: Integers
    present: NDArray[np.bool_]
    columns: dict[str, pa.Array]


@dataclass(slots=True)
class Spectra:
    """What a batch of n rows holds.

    vectors: a column each of `VectorSettings.simulated`; lists: a technique each; faults: why a row is of no use, by
    row; absent: row, column and reason of what a row lacks; beyond: peaks (n,) of the merged energies at 600 m/z and
    above, which no vector shows.
    """

    vectors: dict[str, pa.Array] = field(default_factory=dict)
    lists: dict[str, PeakLists] = field(default_factory=dict)
    faults: dict[int, tuple[RejectReason, str]] = field(default_factory=dict)
    absent: list[tuple[int, str, RejectReason]] = field(default_factory=list)
    beyond: Integers = field(default_factory=lambda: np.zeros(0, np.int64))

    def reject(self, rows: Integers, reason: RejectReason, message: str) -> None:
        """Note a fault of some rows; the first of a row stays."""
        for row in rows.tolist():
            self.faults.setdefault(row, (reason, message))


def read_spectra(batch: pa.RecordBatch, settings: VectorSettings) -> Spectra:
    """Return the spectra of a batch of `alberts_files.read_batches`; never raises for what a row holds."""
    spectra = Spectra(beyond=np.zeros(len(batch), np.int64))
    for modality, (column, length) in ARRAYS.items():
        rows, values = _read_array(batch, column, length, spectra)
        made = _array_vectors(modality, values, settings)
        for name, vectors in zip(settings.simulated[modality], made, strict=True):
            spectra.vectors[name] = _vector_column(len(batch), rows, vectors)
    spectra.lists["13C"] = _read_structs(batch, "c_nmr_peaks", {"delta (ppm)": "position", "intensity": "intensity"})
    proton = {"delta": "position", "category": "multiplicity", "nH": "hydrogens", "j_values": "couplings"}
    spectra.lists["1H"] = _read_structs(batch, "h_nmr_peaks", proton)
    for technique, column in MASS_COLUMNS.items():
        spectra.lists[technique] = _read_pairs(batch, column)
    for technique, peaks in spectra.lists.items():
        _check_peaks(technique, peaks, spectra)
    for modality in POLARITIES:
        spectra.vectors[modality] = _mass_column(modality, spectra, settings)
    return spectra


def _read_array(batch: pa.RecordBatch, column: str, length: int, spectra: Spectra) -> tuple[Integers, NDArray[Any]]:
    """Return the rows (K,) that hold `length` finite values and these values (K, length)."""
    lengths = _lengths(batch[column])
    absent, usable = np.flatnonzero(lengths < 0), lengths == length
    spectra.absent += [(row, column, RejectReason.MISSING_SPECTRUM) for row in absent.tolist()]
    for row in np.flatnonzero((lengths >= 0) & ~usable).tolist():
        message = f"{column} has {lengths[row]} values, not {length}"
        spectra.reject(np.array([row]), RejectReason.WRONG_LENGTH, message)
    kept = batch[column] if usable.all() else batch[column].filter(pa.array(usable))
    values = kept.flatten().to_numpy(zero_copy_only=False).reshape(-1, length)
    with np.errstate(invalid="ignore"):
        rows, finite = np.flatnonzero(usable), np.isfinite(values.sum(axis=1))
    spectra.reject(rows[~finite], RejectReason.NUMBER_NOT_FINITE, f"{column} holds a value that is not finite")
    return (rows, values) if finite.all() else (rows[finite], values[finite])


def _lengths(column: pa.Array) -> Integers:
    """Return the length of every list, -1 for null."""
    lengths = pc.list_value_length(column)
    return np.asarray(lengths.fill_null(-1) if lengths.null_count else lengths, np.int64)


def _array_vectors(modality: str, values: NDArray[Any], settings: VectorSettings) -> list[NDArray[Any]]:
    if modality == "IR":
        return [resample(values)]
    return [min_max(resample(values, method)) for method in settings.resampling]


def _vector_column(count: int, rows: Integers, vectors: NDArray[Any]) -> pa.Array:
    """Return a column of `count` vectors, null but for `rows`."""
    present = np.zeros(count, np.bool_)
    present[rows] = True
    offsets = np.concatenate([[0], np.cumsum(present)]).astype(np.int32) * VECTOR_POINTS
    values = pa.array(vectors.astype(np.float32, copy=False).ravel())
    return pa.ListArray.from_arrays(pa.array(offsets), values, mask=pa.array(~present))


def _read_structs(batch: pa.RecordBatch, column: str, names: dict[str, str]) -> PeakLists:
    lengths, peaks = _lengths(batch[column]), batch[column].flatten()
    columns = {name: pc.struct_field(peaks, [found]) for found, name in names.items()}
    return PeakLists(np.maximum(lengths, 0), lengths >= 0, columns)


def _read_pairs(batch: pa.RecordBatch, column: str) -> PeakLists:
    """Return peaks given as pairs of m/z and intensity; what is no pair becomes a peak without numbers."""
    lengths, pairs = _lengths(batch[column]), batch[column].flatten()
    whole = _lengths(pairs) == 2
    values = np.full((len(pairs), 2), np.nan)
    kept = pairs if whole.all() else pairs.filter(pa.array(whole))
    values[whole] = kept.flatten().to_numpy(zero_copy_only=False).reshape(-1, 2)
    columns = {"position": pa.array(values[:, 0].copy()), "intensity": pa.array(values[:, 1].copy())}
    return PeakLists(np.maximum(lengths, 0), lengths >= 0, columns)


def _floats(values: pa.Array) -> Floats:
    return np.asarray(values.to_numpy(zero_copy_only=False), np.float64)


def _check_peaks(technique: str, peaks: PeakLists, spectra: Spectra) -> None:
    """Note rows with an impossible peak, and rows without a list or with an empty one."""
    numbers = [_floats(peaks.columns[name]) for name in ("position", "intensity") if name in peaks.columns]
    sound = np.all([np.isfinite(values) for values in numbers], axis=0)
    if technique in MASS_COLUMNS:
        sound &= np.all([~(values < 0) for values in numbers], axis=0)
    rows = np.repeat(np.arange(len(peaks.counts)), peaks.counts)
    message = f"{technique} peaks: a position or intensity is missing, not finite or, of a mass spectrum, negative"
    spectra.reject(np.unique(rows[~sound]), RejectReason.MALFORMED_PEAK, message)
    for row in np.flatnonzero(peaks.counts == 0).tolist():
        reason = RejectReason.EMPTY_PEAK_LIST if peaks.present[row] else RejectReason.MISSING_SPECTRUM
        spectra.absent.append((row, f"{technique} peaks", reason))


def _mass_column(modality: str, spectra: Spectra, settings: VectorSettings) -> pa.Array:
    """Return the vectors of one polarity, null for faulty rows and those without a peak below 600 m/z."""
    count = len(spectra.beyond)
    usable = np.ones(count, np.bool_)
    usable[list(spectra.faults)] = False
    energies = [_scaled(spectra.lists[f"{modality}_{energy}"], usable) for energy in settings.collision_energies]
    for rows, mz, _ in energies:
        spectra.beyond += np.bincount(rows[mz * BINS_PER_MZ >= BINS], minlength=count)
    rows, mz, intensity = _merged(energies, settings.merge)
    vectors, _ = mass_vectors(mz, intensity, np.bincount(rows, minlength=count), settings.mass_sigma)
    shown = np.flatnonzero(vectors.any(axis=1))
    return _vector_column(count, shown, vectors[shown])


Peaks = tuple[Integers, Floats, Floats]


def _scaled(peaks: PeakLists, usable: NDArray[np.bool_]) -> Peaks:
    """Return row, m/z and intensity of the peaks of usable rows, the highest peak of each row at 1."""
    rows = np.repeat(np.arange(len(peaks.counts)), peaks.counts)
    kept = usable[rows]
    rows, mz, intensity = (
        rows[kept],
        _floats(peaks.columns["position"])[kept],
        _floats(peaks.columns["intensity"])[kept],
    )
    highest = np.zeros(len(peaks.counts))
    np.maximum.at(highest, rows, intensity)
    return rows, mz, intensity / np.where(highest > 0, highest, 1)[rows]


def _merged(energies: list[Peaks], merge: str) -> Peaks:
    """Return the peaks of several energies sorted by row: all of them (sum), or the highest in each bin (max)."""
    if merge == "max":
        energies = [_binned(*peaks, np.add) for peaks in energies]
    rows, mz, intensity = (np.concatenate(parts) for parts in zip(*energies, strict=True))
    if merge == "max":
        return _binned(rows, mz, intensity, np.maximum)
    order = np.argsort(rows, kind="stable")
    return rows[order], mz[order], intensity[order]


def _binned(rows: Integers, mz: Floats, intensity: Floats, combine: np.ufunc) -> Peaks:
    """Return one peak for each row and bin of 0.1 m/z, in the middle of the bin, in order."""
    bins = np.minimum(np.floor(mz * BINS_PER_MZ), BINS).astype(np.int64)  # all beyond the grid in one
    places, groups = np.unique(rows * (BINS + 1) + bins, return_inverse=True)
    combined = np.zeros(len(places))
    combine.at(combined, groups, intensity)
    return places // (BINS + 1), (places % (BINS + 1) + 0.5) / BINS_PER_MZ, combined
