"""Spectra of a data set as columns of pictures, which image networks and 1-D networks both read."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from spectraflow.errors import InputError
from spectraflow.files import write_json
from spectraflow.methods.matchnet.settings import NUCLEI, Nucleus, RenderingSettings
from spectraflow.spectra.rendering import Columns, UnrenderableSpectrum, columns_of_line_lists
from spectraflow.spectra.rendering_changes import RenderingChange
from spectraflow.tables import MATCHING_SPECTRA, RENDERED, TableWriter, scan_table

BATCH_ROWS = 2048
LISTS: dict[Nucleus, tuple[str, str]] = {
    "1H": ("proton_ppm", "proton_area"),
    "13C": ("carbon_ppm", "carbon_area"),
}
"""Columns of shifts and areas of each nucleus."""
READ = ["molecule_id", *(name for names in LISTS.values() for name in names)]


def render(settings: RenderingSettings, spectra: Path, out: Path, counts: Path) -> dict[str, Any]:
    """Write the columns of every molecule of a table of spectra, in its order, and the accounting, which is returned.

    Raises InputError naming the molecule if one cannot be rendered; then no table appears.
    """
    lines, outside = Counter[str](), Counter[str]()
    with TableWriter(out, RENDERED) as writer:
        for batch in scan_table(spectra, MATCHING_SPECTRA, READ, BATCH_ROWS):
            rendered = {nucleus: _columns(batch, nucleus, settings, spectra) for nucleus in NUCLEI}
            writer.write(rendered_table(batch["molecule_id"], rendered))
            for nucleus, columns in rendered.items():
                lines[nucleus] += len(batch[LISTS[nucleus][0]].flatten())
                outside[nucleus] += int(columns.outside.sum())
    summary = {
        "molecules": writer.rows,
        "lines": {nucleus: lines[nucleus] for nucleus in NUCLEI},
        "lines_outside": {nucleus: outside[nucleus] for nucleus in NUCLEI},
        "settings": settings.model_dump(mode="json"),
    }
    write_json(counts, summary)
    return summary


def render_changed(
    spectra: Path,
    molecule_ids: Sequence[str],
    settings: RenderingSettings,
    change: RenderingChange | None = None,
    seed: int | None = None,
) -> dict[Nucleus, NDArray[np.float32]]:
    """Return the columns of some molecules of a table of spectra under a change of the rendering.

    Returns highest and lowest points (n, 2, W) by nucleus, in the order of `molecule_ids`, which may repeat. Pictures
    are drawn from them with `change.settings(settings)`. `seed` replaces the change's own. Raises InputError for a
    molecule that the table lacks or that cannot be rendered.
    """
    table = _rows(spectra, molecule_ids)
    change = change or RenderingChange()
    change = change if seed is None else replace(change, seed=seed)
    rendered = {nucleus: _columns(table, nucleus, settings, spectra, change) for nucleus in NUCLEI}
    return {nucleus: np.stack([columns.high, columns.low], axis=1) for nucleus, columns in rendered.items()}


def rendered_table(molecule_ids: pa.Array, rendered: dict[Nucleus, Columns]) -> pa.Table:
    """Return rows of the table of rendered spectra."""
    parts = [values for nucleus in NUCLEI for values in (rendered[nucleus].high, rendered[nucleus].low)]
    return pa.table([molecule_ids, *(_list_column(values) for values in parts)], schema=RENDERED)


def _list_column(values: NDArray[np.float32]) -> pa.Array:
    offsets = np.arange(len(values) + 1, dtype=np.int32) * values.shape[1]
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(values.ravel()))


def _columns(
    rows: pa.RecordBatch,
    nucleus: Nucleus,
    settings: RenderingSettings,
    path: Path,
    change: RenderingChange | None = None,
) -> Columns:
    """Return the columns of one nucleus; raises InputError naming file and molecule."""
    ids = rows["molecule_id"].to_pylist()
    ppm, area = (rows[name] for name in LISTS[nucleus])
    counts, areas = (_lengths(column) for column in (ppm, area))
    if len(unequal := np.flatnonzero(counts != areas)):
        row = unequal[0]
        raise InputError(f"{path}: {ids[row]}: {counts[row]} {nucleus} shifts, but {areas[row]} areas")
    try:
        return columns_of_line_lists(_values(ppm), _values(area), counts, nucleus, settings, change, ids)
    except UnrenderableSpectrum as error:
        raise InputError(f"{path}: {ids[error.row]} cannot be rendered: {error}") from error


def _lengths(column: pa.Array) -> NDArray[np.int64]:
    return np.asarray(pc.fill_null(pc.list_value_length(column), 0), np.int64)


def _values(column: pa.Array) -> NDArray[np.float64]:
    return np.asarray(column.flatten().to_numpy(zero_copy_only=False), np.float64)


def _rows(spectra: Path, molecule_ids: Sequence[str]) -> pa.RecordBatch:
    """Return the rows of some molecules, in their order."""
    wanted = pa.array(molecule_ids, pa.string())
    batches: Iterator[pa.RecordBatch] = scan_table(spectra, MATCHING_SPECTRA, READ)
    found = pa.Table.from_batches(batch.filter(pc.is_in(batch["molecule_id"], wanted)) for batch in batches)
    places = pc.index_in(wanted, found["molecule_id"])
    if places.null_count:
        absent = molecule_ids[int(pc.index(places.is_null(), True).as_py())]
        raise InputError(f"{spectra}: no molecule '{absent}'")
    taken = found.take(places)
    return pa.RecordBatch.from_arrays([column.combine_chunks() for column in taken.columns], names=taken.column_names)
