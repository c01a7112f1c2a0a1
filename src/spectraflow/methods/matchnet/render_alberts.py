"""Long simulated spectra of a data set as columns of pictures, multiplets and all."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from spectraflow.errors import InputError
from spectraflow.files import write_json
from spectraflow.methods.matchnet.render import rendered_table
from spectraflow.methods.matchnet.settings import NUCLEI, Nucleus, RenderingSettings
from spectraflow.sources.alberts import SOURCE
from spectraflow.sources.alberts_files import ARRAYS, read_batches
from spectraflow.spectra.modalities import MODALITIES
from spectraflow.spectra.rendering import Columns, UnrenderableSpectrum, columns_of_arrays
from spectraflow.tables import MATCHING_SPECTRA, RENDERED, TableWriter, read_table


def render_alberts(settings: RenderingSettings, raw: Path, spectra: Path, out: Path, counts: Path) -> dict[str, Any]:
    """Write the columns of every molecule of a table of spectra from the long spectra of its row in the raw files.

    The table's molecules must stand in the order of the raw rows, whose numbers are their ids; the rendered table has
    the same order. Lines are not counted: arrays have none. Raises InputError naming the molecule if a row is missing
    or cannot be rendered; then no table appears.
    """
    wanted = _row_numbers(spectra)
    done = 0
    with TableWriter(out, RENDERED) as writer:
        for numbers, batch in _wanted_rows(raw, wanted):
            rendered = {nucleus: _columns(batch, numbers, nucleus, settings, raw) for nucleus in NUCLEI}
            writer.write(rendered_table(pa.array([_named(number) for number in numbers.tolist()]), rendered))
            done += len(numbers)
        if done < len(wanted):
            raise InputError(f"{raw}: ends before {_named(wanted[done])} of {spectra}")
    summary = {"molecules": done, "settings": settings.model_dump(mode="json")}
    write_json(counts, summary)
    return summary


def _named(number: int) -> str:
    return f"{SOURCE}:{number}"


def _row_numbers(spectra: Path) -> NDArray[np.int64]:
    """Return the raw rows of the molecules; raises InputError for an id that names none, or one out of order."""
    ids = read_table(spectra, MATCHING_SPECTRA, ["molecule_id"])["molecule_id"].to_pylist()
    numbers = np.empty(len(ids), np.int64)
    for place, molecule_id in enumerate(ids):
        source, _, number = molecule_id.partition(":")
        if source != SOURCE or not number.isdecimal():
            raise InputError(f"{spectra}: '{molecule_id}' names no row of the simulated data set")
        numbers[place] = int(number)
    if len(late := np.flatnonzero(np.diff(numbers) <= 0)):
        raise InputError(
            f"{spectra}: {ids[late[0] + 1]} stands behind {ids[late[0]]}: not in the order of the raw rows"
        )
    return numbers


def _wanted_rows(raw: Path, wanted: NDArray[np.int64]) -> Iterator[tuple[NDArray[np.int64], pa.RecordBatch]]:
    """Yield the numbers (ascending) and the rows that are wanted of each batch of the raw files."""
    first = 0
    for batch in read_batches(raw):
        numbers = wanted[slice(*np.searchsorted(wanted, [first, first + len(batch)]))]
        if len(numbers):
            yield numbers, batch.take(pa.array(numbers - first))
        first += len(batch)
        if not len(wanted) or wanted[-1] < first:
            return


def _columns(
    batch: pa.RecordBatch, numbers: NDArray[np.int64], nucleus: Nucleus, settings: RenderingSettings, raw: Path
) -> Columns:
    column, length = ARRAYS[nucleus]
    axis = MODALITIES[nucleus]
    lengths = np.asarray(pc.fill_null(pc.list_value_length(batch[column]), 0), np.int64)
    if len(wrong := np.flatnonzero(lengths != length)):
        row = wrong[0]
        raise InputError(f"{raw}: {_named(numbers[row])}: {column} has {lengths[row]} values, not {length}")
    values = batch[column].flatten().to_numpy(zero_copy_only=False).reshape(-1, length)
    try:
        return columns_of_arrays(values, (axis.first, axis.last), nucleus, settings)
    except UnrenderableSpectrum as error:
        raise InputError(f"{raw}: {_named(numbers[error.row])} cannot be rendered: {error}") from error
