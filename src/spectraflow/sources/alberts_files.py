"""The Parquet files of the simulated multimodal data set (Alberts et al., NeurIPS 2024): which columns, in which order.

HSQC, fragments and the spectra of other simulators are never read: the first is large, fragments give the structure
away.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from spectraflow.errors import InputError

BATCH_ROWS = 256
"""Rows decoded at once, some 35 MB."""
BUFFER_BYTES = 1 << 20
ENERGIES = (10, 20, 40)
POLARITIES = {"MSMSpos": "positive", "MSMSneg": "negative"}
MASS_COLUMNS = {
    f"{modality}_{energy}": f"msms_cfmid_{polarity}_{energy}ev"
    for modality, polarity in POLARITIES.items()
    for energy in ENERGIES
}
"""Column of the peak list of each technique, such as `MSMSpos_10`."""
ARRAYS = {"IR": ("ir_spectra", 1_800), "13C": ("c_nmr_spectra", 10_000), "1H": ("h_nmr_spectra", 10_000)}
"""Column and number of values of each long spectrum."""
_PEAK_FIELDS = {"c_nmr_peaks": ("delta (ppm)", "intensity"), "h_nmr_peaks": ("delta", "category", "nH", "j_values")}


def _is_list(kind: pa.DataType) -> bool:
    return pa.types.is_list(kind) or pa.types.is_large_list(kind)


def _is_number(kind: pa.DataType) -> bool:
    return pa.types.is_floating(kind) or pa.types.is_integer(kind)


def raw_files(raw: Path) -> list[Path]:
    """Return the Parquet files of a folder sorted by name, or the one file; raises InputError if there is none."""
    raw = Path(raw)
    if not raw.exists():
        raise InputError(f"{raw}: no such file or folder")
    files = sorted(raw.glob("*.parquet")) if raw.is_dir() else [raw]
    if not files:
        raise InputError(f"{raw}: the folder holds no *.parquet file")
    return files


def read_batches(raw: Path, limit: int | None = None, threads: bool = True) -> Iterator[pa.RecordBatch]:
    """Yield the rows of all files in order, 256 at a time, with the columns this module names.

    Raises InputError naming file and column where a file is damaged, lacks a column or has one of another type; the
    columns of every file are checked before the first row is given.
    """
    files = [(path, _columns(path)) for path in raw_files(raw)]
    left = limit
    for path, columns in files:
        for batch in _read_file(path, columns, threads):
            kept = batch if left is None else batch.slice(0, left)
            if len(kept):
                yield kept
            left = None if left is None else left - len(kept)
            if left == 0:
                return


def _read_file(path: Path, columns: Mapping[str, str], threads: bool) -> Iterator[pa.RecordBatch]:
    try:
        # a buffer: without one, whole columns of a row group are held as they lie in the file
        with pq.ParquetFile(path, buffer_size=BUFFER_BYTES) as file:
            for batch in file.iter_batches(BATCH_ROWS, columns=list(columns.values()), use_threads=threads):
                yield pa.RecordBatch.from_arrays([batch[found] for found in columns.values()], names=list(columns))
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path}: damaged Parquet file ({error})") from error


def _columns(path: Path) -> dict[str, str]:
    """Return the column of a file for each name; raises InputError if one is missing or has the wrong type."""
    try:
        schema = pq.read_schema(path)
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path}: not a readable Parquet file ({error})") from error
    wanted = ["smiles", *(column for column, _ in ARRAYS.values()), *_PEAK_FIELDS, *MASS_COLUMNS.values()]
    found = {name: _spelling(path, schema, name) for name in wanted}
    for name, column in found.items():
        kind = schema.field(column).type
        if not _fits(path, name, kind):
            raise InputError(f"{path}: the column '{column}' is {kind}, which is not what this data set holds")
    return found


def _spelling(path: Path, schema: pa.Schema, name: str) -> str:
    """Return how a file spells a column: scripts of the data set call msms_cfmid_positive_40ev msms_positive_40ev."""
    for spelling in (name, name.replace("msms_cfmid_", "msms_")):
        if spelling in schema.names:
            return spelling
    raise InputError(f"{path}: lacks the column '{name}'")


def _fits(path: Path, name: str, kind: pa.DataType) -> bool:
    if name == "smiles":
        return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))
    if not _is_list(kind):
        return False
    inner = kind.value_type
    if name in _PEAK_FIELDS:
        if not pa.types.is_struct(inner):
            return False
        for field in _PEAK_FIELDS[name]:
            if inner.get_field_index(field) < 0:
                raise InputError(f"{path}: lacks the column '{name}.{field}'")
        return True
    if name in MASS_COLUMNS.values():
        return _is_list(inner) and _is_number(inner.value_type)
    return _is_number(inner)
