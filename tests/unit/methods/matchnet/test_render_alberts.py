"""Long simulated spectra to columns: the rows asked for, in order, and rows that cannot be rendered."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from spectraflow.errors import InputError
from spectraflow.methods.matchnet.render_alberts import render_alberts
from spectraflow.methods.matchnet.settings import RenderingSettings
from spectraflow.sources.alberts_files import ARRAYS, read_batches
from spectraflow.sources.demo.alberts import SCHEMA
from spectraflow.spectra.rendering import columns_of_arrays
from spectraflow.tables import MATCHING_SPECTRA, RENDERED, read_table
from tests.unit.conftest import write_rows

REAL = Path(__file__).parents[5] / "shared" / "data" / "alberts" / "example_data_1.parquet"
SETTINGS = RenderingSettings(proton_window=(10.0, -2.0))


def raw_table(first, count):
    """Rows of a raw file that hold the two long spectra and nothing else."""
    rng = np.random.default_rng(first)
    arrays = {column: pa.array(list(rng.uniform(0, 1, (count, length)))) for column, length in ARRAYS.values()}
    absent = {field.name: pa.nulls(count, field.type) for field in SCHEMA}
    return pa.table({name: (absent | arrays)[name] for name in SCHEMA.names}).cast(SCHEMA)


@pytest.fixture
def raw(tmp_path):
    """Two files of six rows each."""
    folder = tmp_path / "raw"
    folder.mkdir()
    for first, name in ((0, "a"), (6, "b")):
        pq.write_table(raw_table(first, 6), folder / f"{name}.parquet")
    return folder


def spectra(tmp_path, ids):
    rows = [{"molecule_id": one, "first_block": one, "smiles": "C", "origin": "simulated"} for one in ids]
    return write_rows(tmp_path / "spectra.parquet", MATCHING_SPECTRA, rows)


def rendered(tmp_path, raw, ids):
    out, counts = tmp_path / "rendered.parquet", tmp_path / "counts.json"
    told = render_alberts(SETTINGS, raw, spectra(tmp_path, ids), out, counts)
    assert told == json.loads(counts.read_text())
    assert told["molecules"] == len(ids)
    return read_table(out, RENDERED)


def test_rows_asked_for_are_rendered_in_order(raw, tmp_path):
    numbers = [0, 2, 5, 6, 11]
    table = rendered(tmp_path, raw, [f"alberts:{number}" for number in numbers])
    assert table["molecule_id"].to_pylist() == [f"alberts:{number}" for number in numbers]
    whole = pa.Table.from_batches(read_batches(raw))
    for prefix, nucleus, ends in (("proton", "1H", (10.0, -2.0)), ("carbon", "13C", (230.0, -20.0))):
        values = np.stack(whole[ARRAYS[nucleus][0]].to_numpy())
        columns = columns_of_arrays(values, ends, nucleus, SETTINGS)
        np.testing.assert_array_equal(np.stack(table[f"{prefix}_high"].to_numpy()), columns.high[numbers])
        np.testing.assert_array_equal(np.stack(table[f"{prefix}_low"].to_numpy()), columns.low[numbers])


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        (["alberts:1", "alberts:12"], "ends before alberts:12"),
        (["alberts:3", "alberts:1"], "alberts:1 stands behind alberts:3"),
        (["alberts:3", "alberts:3"], "alberts:3 stands behind alberts:3"),
        (["nmrshiftdb2:3"], "'nmrshiftdb2:3' names no row"),
        (["alberts:x"], "'alberts:x' names no row"),
    ],
)
def test_ids_that_name_no_row_are_refused(raw, tmp_path, ids, message):
    with pytest.raises(InputError, match=message):
        rendered(tmp_path, raw, ids)
    assert not (tmp_path / "rendered.parquet").exists()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([0.0] * 10_000, "alberts:4 cannot be rendered: nothing of the 1H spectrum"),
        ([1.0] * 9_999, "alberts:4: h_nmr_spectra has 9999 values, not 10000"),
        (None, "alberts:4: h_nmr_spectra has 0 values, not 10000"),
    ],
)
def test_a_row_that_cannot_be_rendered_is_named(raw, tmp_path, values, message):
    table = pq.read_table(raw / "a.parquet")
    lists = table["h_nmr_spectra"].to_pylist()
    lists[4] = values
    column = pa.array(lists, table["h_nmr_spectra"].type)
    table = table.set_column(table.column_names.index("h_nmr_spectra"), "h_nmr_spectra", column)
    pq.write_table(table, tmp_path / "bad.parquet")
    with pytest.raises(InputError, match=message):
        rendered(tmp_path, tmp_path / "bad.parquet", ["alberts:1", "alberts:4"])
    assert rendered(tmp_path, tmp_path / "bad.parquet", ["alberts:1", "alberts:5"]).num_rows == 2


@pytest.mark.real_data
@pytest.mark.skipif(not REAL.exists(), reason="no real data beside the project")
def test_real_spectra_stand_where_their_peak_lists_say(tmp_path):
    table = rendered(tmp_path, REAL, [f"alberts:{number}" for number in range(0, 100, 3)])
    peaks = pq.read_table(REAL, columns=["c_nmr_peaks"])["c_nmr_peaks"].to_pylist()[::3]
    high = np.stack(table["carbon_high"].to_numpy())
    centres = 230 - (np.arange(256) + 0.5) * 232 / 256
    found = []
    for row, one in zip(high, peaks, strict=True):
        ppm = np.array([peak["delta (ppm)"] for peak in one])
        found += [row[np.abs(centres - at) < 0.95].max() > 0.02 for at in ppm[(ppm < 229) & (ppm > -1)]]
    assert np.mean(found) > 0.85
