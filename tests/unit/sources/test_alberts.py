"""The simulated multimodal data set: from Parquet files in its format to tables."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from spectraflow.config import DemoSettings
from spectraflow.errors import InputError
from spectraflow.methods.symspectra.settings import VectorSettings
from spectraflow.sources import alberts_files
from spectraflow.sources.alberts import ingest, vectors_table
from spectraflow.sources.alberts_files import ARRAYS, MASS_COLUMNS
from spectraflow.sources.demo.alberts import SCHEMA, write_multimodal
from spectraflow.spectra.mass_vectors import mass_vectors
from spectraflow.spectra.vectors import min_max, resample
from spectraflow.tables import MOLECULES, PEAKS, REJECTS, read_table

COLUMNS = ["smiles", "c_nmr_peaks", "h_nmr_peaks", *(column for column, _ in ARRAYS.values()), *MASS_COLUMNS.values()]
READ = pa.schema([SCHEMA.field(name) for name in COLUMNS])
NAMES = ("molecules", "peaks", "vectors", "rejects")
ALL = VectorSettings(resampling=["linear", "max", "area"])


def make_row(smiles="CCO", seed=0, **changes):
    rng = np.random.default_rng(seed)
    carbon = [{"delta (ppm)": 57.5, "integral": 1.0, "intensity": 0.2, "width (ppm)": 0.01}]
    proton = {"centroid": 3.6, "rangeMax": 3.7, "rangeMin": 3.5}
    row = {
        "smiles": smiles,
        "c_nmr_peaks": [{**carbon[0], "delta (ppm)": 18.0, "intensity": 0.1}, *carbon],
        "h_nmr_peaks": [
            {**proton, "delta": 3.6, "category": "q", "nH": 2, "j_values": "7.1_"},
            {**proton, "delta": 2.6, "category": "s", "nH": 1, "j_values": None},
        ],
        **{column: rng.normal(size=length).tolist() for column, length in ARRAYS.values()},
        **{column: [[40.0 + place, 100.0], [29.1, 20.0]] for place, column in enumerate(MASS_COLUMNS.values())},
    }
    return {**row, **changes}


def write(path, rows, schema=READ, **options):
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), path, **options)
    return path


class Result:
    """What an ingestion wrote."""

    def __init__(self, out, counts, settings):
        self.counts = counts
        schemas = (MOLECULES, PEAKS, vectors_table(settings), REJECTS)
        tables = [read_table(out / f"{name}.parquet", schema) for name, schema in zip(NAMES, schemas, strict=True)]
        self.molecules, self.peaks, self.vectors, self.rejects = (table.to_pylist() for table in tables)
        self.tables = tables

    def list_of(self, technique, molecule="alberts:0"):
        (found,) = [row for row in self.peaks if (row["molecule_id"], row["technique"]) == (molecule, technique)]
        return found

    @property
    def reasons(self):
        return [(row["native_id"], row["stage"], row["reason"]) for row in self.rejects]


def run(raw, out, settings=ALL, **options):
    files = [out / f"{name}.parquet" for name in NAMES]
    counts = ingest(raw, *files, out / "counts.json", settings, **options)
    assert json.loads((out / "counts.json").read_text()) == counts
    assert counts["records"] == counts["molecules"] + counts["record_rejects"]
    assert counts["spectra_found"] == counts["spectra"] + counts["spectrum_rejects"] == 11 * counts["molecules"]
    return Result(out, counts, settings)


@pytest.fixture
def ingested(tmp_path):
    """Ingest rows given as mappings."""

    def start(rows, settings=ALL, **options):
        return run(write(tmp_path / "raw.parquet", rows), tmp_path / "out", settings, **options)

    return start


def test_a_row_becomes_a_molecule_eight_peak_lists_and_nine_vectors(ingested):
    result = ingested([make_row("OCC")])
    (molecule,) = result.molecules
    assert (molecule["molecule_id"], molecule["smiles"], molecule["formula"]) == ("alberts:0", "CCO", "C2H6O")
    assert [row["technique"] for row in result.peaks] == ["13C", "1H", *MASS_COLUMNS]
    assert {row["origin"] for row in result.peaks} == {"simulated"}
    carbon, proton = result.list_of("13C"), result.list_of("1H")
    assert (carbon["position"], carbon["intensity"]) == ([18.0, 57.5], [0.1, 0.2])
    assert (proton["position"], proton["hydrogens"]) == ([3.6, 2.6], [2.0, 1.0])
    assert (proton["multiplicity"], proton["couplings"]) == (["q", "s"], ["7.1_", None])
    assert result.list_of("MSMSneg_20")["position"] == [44.0, 29.1]
    assert len({row["spectrum_id"] for row in result.peaks}) == 8
    assert not result.rejects
    assert all(len(values) == 600 for name, values in result.vectors[0].items() if name != "molecule_id")


def test_vectors_follow_their_definitions(ingested):
    row = make_row(seed=3)
    (vectors,) = ingested([row]).vectors
    infrared = np.array([row["ir_spectra"]], np.float32)
    np.testing.assert_allclose(vectors["IR"], resample(infrared)[0], atol=1e-6)
    for modality, column in (("13C", "c_nmr_spectra"), ("1H", "h_nmr_spectra")):
        values = np.array([row[column]])
        np.testing.assert_allclose(vectors[modality], min_max(resample(values))[0], atol=1e-5)
        np.testing.assert_allclose(vectors[f"{modality}_max"], min_max(resample(values, "max"))[0], atol=1e-5)
        np.testing.assert_allclose(vectors[f"{modality}_area"], min_max(resample(values, "area"))[0], atol=1e-5)


@pytest.mark.parametrize("resampling", [["linear"], ["max"], ["area", "linear"]])
def test_only_vectors_of_the_resampling_asked_for_are_made(ingested, resampling):
    rows = [make_row(), make_row(c_nmr_spectra=None)]
    asked, whole = ingested(rows, VectorSettings(resampling=resampling)), ingested(rows)
    carbon = {"linear": "13C", "max": "13C_max", "area": "13C_area"}
    columns = [name for name in asked.vectors[0] if name.startswith("13C")]
    assert columns == [carbon[method] for method in resampling]
    for one, other in zip(asked.vectors, whole.vectors, strict=True):
        assert one == {name: other[name] for name in one}
    assert asked.counts["vectors"] == {name: whole.counts["vectors"][name] for name in asked.counts["vectors"]}
    assert asked.counts["spectra"] == whole.counts["spectra"] == 21


@pytest.mark.parametrize(
    ("settings", "mz", "heights"),
    [
        ({"collision_energies": [40]}, [100.0, 150.0], [0.5, 1.0]),
        ({}, [100.0, 100.0, 150.0, 150.0, 200.0], [1.0, 0.5, 0.25, 1.0, 1.0]),
        ({"merge": "max"}, [100.0, 150.0, 200.0], [1.0, 1.0, 1.0]),
    ],
)
def test_energies_are_scaled_to_one_and_merged(ingested, settings, mz, heights):
    spectra = {10: [[200.0, 7.0]], 20: [[100.0, 100.0], [150.0, 25.0]], 40: [[100.0, 10.0], [150.0, 20.0]]}
    row = make_row(**{f"msms_cfmid_positive_{energy}ev": peaks for energy, peaks in spectra.items()})
    result = ingested([row], VectorSettings(**settings))
    expected, _ = mass_vectors(np.array(mz), np.array(heights), np.array([len(mz)]))
    np.testing.assert_allclose(result.vectors[0]["MSMSpos"], expected[0], atol=1e-6)
    assert result.list_of("MSMSpos_40")["intensity"] == [10.0, 20.0]


def test_peaks_in_one_bin_add_up_within_an_energy_whatever_the_merging(ingested):
    none = {f"msms_cfmid_positive_{energy}ev": [] for energy in (10, 20)}
    row = make_row(**none, msms_cfmid_positive_40ev=[[100.01, 10.0], [100.03, 10.0], [150.0, 20.0]])
    added, highest = (ingested([row], VectorSettings(merge=merge)).vectors[0]["MSMSpos"] for merge in ("sum", "max"))
    np.testing.assert_allclose(highest, added, atol=1e-6)


def test_width_of_mass_peaks_is_a_setting(ingested):
    narrow, wide = (ingested([make_row()], VectorSettings(mass_sigma=sigma)).vectors[0] for sigma in (3.0, 30.0))
    assert np.count_nonzero(np.array(wide["MSMSpos"]) > 1e-3) > np.count_nonzero(np.array(narrow["MSMSpos"]) > 1e-3)


def test_peaks_beyond_600_mz_are_listed_and_counted(ingested):
    row = make_row(msms_cfmid_positive_40ev=[[600.0, 1.0], [812.3, 5.0], [90.0, 2.0]])
    for merge in ("sum", "max"):
        result = ingested([row], VectorSettings(collision_energies=[40], merge=merge))
        assert result.list_of("MSMSpos_40")["position"] == [600.0, 812.3, 90.0]
        expected, _ = mass_vectors(np.array([90.0]), np.array([1.0]), np.array([1]))
        np.testing.assert_allclose(result.vectors[0]["MSMSpos"], expected[0], atol=1e-6)
    assert result.counts["peaks_beyond_600_mz"] == 2


def test_rows_are_numbered_over_all_files_sorted_by_name(tmp_path):
    folder = tmp_path / "raw"
    folder.mkdir()
    for name, rows in (("b", ["N", "O"]), ("a", ["C", "CC"]), ("c", ["S"])):
        write(folder / f"{name}.parquet", [make_row(smiles) for smiles in rows])
    (folder / "notes.txt").write_text("not a table")
    result = run(folder, tmp_path / "out")
    assert [(row["molecule_id"], row["smiles"]) for row in result.molecules] == [
        (f"alberts:{number}", smiles) for number, smiles in enumerate(["C", "CC", "N", "O", "S"])
    ]
    assert [row["molecule_id"] for row in result.vectors] == [row["molecule_id"] for row in result.molecules]
    limited = run(folder, tmp_path / "limited", limit=3)
    assert [row["smiles"] for row in limited.molecules] == ["C", "CC", "N"]


def test_repeated_molecules_are_kept(ingested):
    result = ingested([make_row("CCO"), make_row("OCC"), make_row("CCO")])
    assert len({row["inchikey"] for row in result.molecules}) == 1
    assert result.counts["molecules"] == 3


def ordered(table):
    """Return peaks in one order: theirs is technique by technique within a batch."""
    return table.sort_by("spectrum_id") if "spectrum_id" in table.column_names else table


def test_neither_batches_nor_processes_nor_row_groups_change_the_tables(tmp_path, monkeypatch):
    smiles = ["C", "broken", "CC", "CCC", "CCCC", "CCO", "CCN"]
    rows = [make_row(text, seed=place) for place, text in enumerate(smiles)]
    rows[3]["msms_cfmid_negative_10ev"] = []
    rows[4]["ir_spectra"] = None
    rows[5]["c_nmr_spectra"] = [0.0]
    whole = run(write(tmp_path / "whole.parquet", rows), tmp_path / "whole")
    monkeypatch.setattr(alberts_files, "BATCH_ROWS", 3)
    pieces = run(write(tmp_path / "pieces.parquet", rows, row_group_size=2), tmp_path / "pieces", processes=2)
    for one, other in zip(whole.tables, pieces.tables, strict=True):
        assert ordered(one).equals(ordered(other))
    assert whole.counts == pieces.counts


def test_both_spellings_of_mass_columns_are_read(tmp_path):
    rows = [make_row()]
    short = [name.replace("_cfmid", "") for name in COLUMNS]
    pq.write_table(pa.Table.from_pylist(rows, schema=READ).rename_columns(short), tmp_path / "short.parquet")
    expected = run(write(tmp_path / "long.parquet", rows), tmp_path / "long")
    assert run(tmp_path / "short.parquet", tmp_path / "short").vectors == expected.vectors


PAIR = "msms_cfmid_negative_20ev"
CARBON = {"integral": 1.0, "width (ppm)": 0.01}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"smiles": "C1CC"}, "unreadable_molecule"),
        ({"smiles": None}, "empty_molecule"),
        ({"smiles": ""}, "empty_molecule"),
        ({"ir_spectra": [0.0] * 1799}, "wrong_length"),
        ({"c_nmr_spectra": []}, "wrong_length"),
        ({"h_nmr_spectra": [0.0] * 10_001}, "wrong_length"),
        ({"ir_spectra": [float("nan")] * 1800}, "number_not_finite"),
        ({"h_nmr_spectra": [0.0] * 9_999 + [float("inf")]}, "number_not_finite"),
        ({"c_nmr_spectra": [float("inf"), float("-inf")] * 5_000}, "number_not_finite"),
        ({"c_nmr_spectra": [0.0] * 9_999 + [None]}, "number_not_finite"),
        ({PAIR: [[50.0, 1.0], [-50.0, 1.0]]}, "malformed_peak"),
        ({PAIR: [[50.0, float("nan")]]}, "malformed_peak"),
        ({PAIR: [[float("inf"), 1.0]]}, "malformed_peak"),
        ({PAIR: [[50.0, -1.0]]}, "malformed_peak"),
        ({PAIR: [[50.0, 1.0, 2.0]]}, "malformed_peak"),
        ({PAIR: [[50.0]]}, "malformed_peak"),
        ({PAIR: [None]}, "malformed_peak"),
        ({PAIR: [[50.0, None]]}, "malformed_peak"),
        ({"c_nmr_peaks": [{**CARBON, "delta (ppm)": None, "intensity": 0.1}]}, "malformed_peak"),
        ({"c_nmr_peaks": [{**CARBON, "delta (ppm)": 5.0, "intensity": float("nan")}]}, "malformed_peak"),
        ({"h_nmr_peaks": [None]}, "malformed_peak"),
    ],
)
def test_a_damaged_row_is_rejected_and_its_neighbours_are_not(ingested, changes, reason):
    result = ingested([make_row("C"), make_row(**changes), make_row("CC", seed=2)])
    assert result.reasons == [("1", "record", reason)]
    assert [row["molecule_id"] for row in result.molecules] == ["alberts:0", "alberts:2"]
    assert [row["molecule_id"] for row in result.vectors] == ["alberts:0", "alberts:2"]
    alone = ingested([make_row("C"), make_row("CC", seed=2)])
    for table in ("peaks", "vectors"):
        mine, others = getattr(result, table), getattr(alone, table)
        assert [drop_ids(row) for row in mine] == [drop_ids(row) for row in others]


def drop_ids(row):
    return {name: value for name, value in row.items() if name not in ("molecule_id", "spectrum_id")}


def test_rejects_say_what_was_found(ingested):
    result = ingested([make_row(ir_spectra=[0.0] * 7)])
    assert "ir_spectra has 7 values, not 1800" in result.rejects[0]["message"]
    assert (result.molecules, result.peaks, result.vectors) == ([], [], [])


@pytest.mark.parametrize(("modality", "column"), [(name, column) for name, (column, _) in ARRAYS.items()])
def test_a_null_spectrum_is_a_null_vector_and_a_reject(ingested, modality, column):
    result = ingested([make_row(), make_row(**{column: None})])
    assert result.reasons == [("1", "spectrum", "missing_spectrum")]
    empty = {name for name, values in result.vectors[1].items() if values is None}
    assert empty == set(ALL.simulated[modality])
    assert None not in result.vectors[0].values()
    assert result.counts["vectors"][modality] == 1


@pytest.mark.parametrize(("value", "reason"), [([], "empty_peak_list"), (None, "missing_spectrum")])
def test_without_any_peak_there_is_no_mass_vector(ingested, value, reason):
    some = make_row(msms_cfmid_positive_10ev=value)
    none = make_row(**{f"msms_cfmid_positive_{energy}ev": value for energy in (10, 20, 40)})
    result = ingested([some, none])
    assert result.reasons == [("0", "spectrum", reason), *[("1", "spectrum", reason)] * 3]
    assert result.vectors[0]["MSMSpos"] is not None
    assert result.vectors[1]["MSMSpos"] is None
    assert result.vectors[1]["MSMSneg"] is not None
    assert len(result.peaks) == 16 - 4


def test_constant_and_zero_spectra_are_zeros_or_null(ingested):
    silent = {f"msms_cfmid_positive_{energy}ev": [[50.0, 0.0]] for energy in (10, 20, 40)}
    (vectors,) = ingested([make_row(c_nmr_spectra=[0.5] * 10_000, **silent)]).vectors
    assert not np.any(vectors["13C"])
    assert vectors["MSMSpos"] is None


@pytest.mark.parametrize("column", COLUMNS)
def test_a_missing_column_is_named_with_its_file(tmp_path, column):
    folder = tmp_path / "raw"
    folder.mkdir()
    write(folder / "a.parquet", [make_row()])
    table = pa.Table.from_pylist([make_row()], schema=READ).drop_columns([column])
    pq.write_table(table, folder / "b.parquet")
    with pytest.raises(InputError, match=rf"b\.parquet: lacks the column '{column}'"):
        run(folder, tmp_path / "out")
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize(
    ("column", "kind", "message"),
    [
        ("smiles", pa.int64(), "'smiles' is int64"),
        ("ir_spectra", pa.float64(), "'ir_spectra' is double"),
        ("h_nmr_spectra", pa.list_(pa.string()), "'h_nmr_spectra' is list"),
        ("c_nmr_peaks", pa.list_(pa.float64()), "'c_nmr_peaks' is list"),
        ("c_nmr_peaks", pa.list_(pa.struct([("ppm", pa.float64())])), r"lacks the column 'c_nmr_peaks.delta \(ppm\)'"),
        (PAIR, pa.list_(pa.float64()), f"'{PAIR}' is list<"),
    ],
)
def test_a_column_of_another_type_is_named(tmp_path, column, kind, message):
    table = pa.Table.from_pylist([make_row()], schema=READ)
    table = table.set_column(COLUMNS.index(column), column, pa.nulls(1, kind))
    pq.write_table(table, tmp_path / "raw.parquet")
    with pytest.raises(InputError, match=message):
        run(tmp_path / "raw.parquet", tmp_path / "out")


@pytest.mark.parametrize("damage", ["truncated", "overwritten", "not parquet"])
def test_a_damaged_file_is_named_and_leaves_no_output(tmp_path, damage):
    folder = tmp_path / "raw"
    folder.mkdir()
    write(folder / "a.parquet", [make_row(seed=seed) for seed in range(4)])
    whole = write(folder / "b.parquet", [make_row(seed=seed) for seed in range(4)]).read_bytes()
    half = len(whole) // 2
    zeros = bytes(half)
    text = {"truncated": whole[:half], "overwritten": zeros + whole[half:], "not parquet": b"SMILES\n"}[damage]
    (folder / "b.parquet").write_bytes(text)
    with pytest.raises(InputError, match=r"b\.parquet"):
        run(folder, tmp_path / "out")
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())


def test_nothing_to_read_is_an_error(tmp_path):
    with pytest.raises(InputError, match="no such file or folder"):
        run(tmp_path / "nowhere", tmp_path / "out")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"no \*\.parquet file"):
        run(tmp_path / "empty", tmp_path / "out")
    with pytest.raises(InputError, match="no rows"):
        run(write(tmp_path / "raw.parquet", []), tmp_path / "out")
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())


def test_the_demo_file_is_read_whole(tmp_path):
    write_multimodal(DemoSettings(multimodal_rows=10), tmp_path)
    result = run(tmp_path / "alberts" / "demo_multimodal.parquet", tmp_path / "out")
    assert result.counts["molecules"] == 10
    assert result.counts["vectors"] == dict.fromkeys(vectors_table(ALL).names[1:], 10)
