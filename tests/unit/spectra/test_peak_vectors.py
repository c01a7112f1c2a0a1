import numpy as np
import pyarrow as pa
import pytest

from spectraflow.errors import InputError
from spectraflow.spectra.modalities import MODALITIES
from spectraflow.spectra.peak_vectors import EXPERIMENTAL, relative_heights, render, shift_vectors
from spectraflow.tables import MOLECULES, PEAKS, PROFILES, TableWriter, read_table, vectors_schema

CARBON = MODALITIES["13C"]
NAN = float("nan")


def vectors_of(position, height=None, counts=None, modality=CARBON):
    position = np.array(position, float)
    height = np.ones(len(position)) if height is None else np.array(height, float)
    return shift_vectors(position, height, np.array([len(position)] if counts is None else counts), modality)


def test_a_peak_is_a_gaussian_of_one_step_on_a_descending_axis():
    vectors, _ = vectors_of([CARBON.axis[100]])
    assert vectors.shape == (1, 600)
    assert vectors[0, 100] == 1.0
    assert vectors[0, [99, 101]] == pytest.approx(np.exp(-0.5), abs=1e-4)
    assert vectors[0, [98, 102]] == pytest.approx(np.exp(-2.0), abs=1e-4)
    assert vectors[0, 200] == 0.0


def test_a_peak_between_two_points_keeps_most_of_its_height():
    between = (CARBON.axis[300] + CARBON.axis[301]) / 2
    vectors, _ = vectors_of([CARBON.axis[100], between])
    assert vectors[0].argmax() == 100
    assert vectors[0, 300] == pytest.approx(0.8825, abs=1e-3)


def test_the_sum_of_gaussians_agrees_with_the_definition():
    rng = np.random.default_rng(1)
    position, height = rng.uniform(-25, 235, 40), rng.uniform(0.1, 1, 40)
    step = CARBON.axis[1] - CARBON.axis[0]
    expected = (height * np.exp(-0.5 * ((CARBON.axis[:, None] - position) / step) ** 2)).sum(1)
    expected = (expected - expected.min()) / (expected.max() - expected.min())
    assert vectors_of(position, height)[0][0] == pytest.approx(expected, abs=1e-5)


def test_spectra_do_not_mix_and_outside_peaks_are_counted():
    vectors, outside = vectors_of([50.0, 300.0, -40.0, 50.0], counts=[1, 2, 0, 1])
    assert outside.tolist() == [0, 2, 0, 0]
    assert not vectors[1].any()
    assert not vectors[2].any()
    assert (vectors[0] == vectors[3]).all()


def test_a_peak_just_outside_shows_its_tail():
    vectors, outside = vectors_of([CARBON.first + 0.2, CARBON.axis[300]])
    assert outside.tolist() == [1]
    assert vectors[0, 0] == pytest.approx(np.exp(-0.5 * (0.2 * 599 / 250) ** 2), abs=1e-3)


def test_heights_are_relative_to_the_largest_or_all_one():
    intensity = np.array([2.0, 4.0, 0.0, 0.0, 3.0, NAN, -1.0])
    heights = relative_heights(intensity, np.array([2, 2, 2, 1, 0]))
    assert heights.tolist() == [0.5, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]


def test_both_proton_windows_end_where_they_should():
    wide, outside_wide = vectors_of([12.0, 1.0], modality=MODALITIES["1H_wide"])
    narrow, outside_narrow = vectors_of([12.0, 1.0], modality=MODALITIES["1H"])
    assert (outside_wide.tolist(), outside_narrow.tolist()) == ([0], [1])
    assert wide[0, round((14 - 12) / 15 * 599)] > 0.8
    assert narrow[0].argmax() == round((10 - 1) / 12 * 599)


def write(path, schema, rows):
    with TableWriter(path, schema) as writer:
        writer.write(pa.Table.from_pylist(rows, schema=schema))
    return path


def spectrum(molecule, technique, position, intensity):
    ids = {"molecule_id": molecule, "spectrum_id": f"{molecule}/{technique}", "technique": technique}
    return {**ids, "position": position, "intensity": intensity, "origin": "measured"}


def rendered(tmp_path, spectra, profiles=None):
    molecules = write(tmp_path / "molecules.parquet", MOLECULES, [{"molecule_id": n, "smiles": "C"} for n in "abc"])
    peaks = write(tmp_path / "peaks.parquet", PEAKS, spectra)
    continuous = None if profiles is None else write(tmp_path / "profiles.parquet", PROFILES, profiles)
    out = tmp_path / "vectors.parquet"
    summary = render(molecules, peaks, out, tmp_path / "vectors.json", profiles=continuous)
    return summary, read_table(out, vectors_schema(EXPERIMENTAL)).to_pylist()


def test_every_molecule_has_a_row_and_what_it_lacks_is_null(tmp_path):
    spectra = [
        spectrum("c", "13C", [50.0], None),
        spectrum("a", "MS", [43.0, 700.0], [1.0, 2.0]),
        spectrum("a", "1H", [12.0], [None]),
        spectrum("b", "13C", [], []),
    ]
    summary, rows = rendered(tmp_path, spectra)
    assert [row["molecule_id"] for row in rows] == ["a", "b", "c"]
    present = [{name for name in EXPERIMENTAL if row[name] is not None} for row in rows]
    assert present == [{"MS", "1H_wide", "1H"}, set(), {"13C"}]
    assert np.linalg.norm(rows[0]["MS"]) == pytest.approx(1.0, abs=1e-5)
    assert max(rows[2]["13C"]) == 1.0
    assert summary["modalities"]["MS"] == {"spectra": 1, "peaks": 2, "outside": 1, "empty": 0}
    assert summary["modalities"]["1H"] == {"spectra": 1, "peaks": 1, "outside": 1, "empty": 1}


def test_a_continuous_spectrum_with_a_narrow_line_looks_like_its_peak(tmp_path):
    axis = np.linspace(220, 0, 22_001)
    line = 5.0 + 1000 / (1 + ((axis - 77.16) / 0.005) ** 2)
    profile = spectrum("a", "13C", axis.tolist(), line.tolist())
    _, rows = rendered(tmp_path, [spectrum("b", "13C", [77.16], None)], [profile])
    assert rows[0]["13C"] == pytest.approx(rows[1]["13C"], abs=0.01)


def test_two_spectra_of_a_technique_are_one_clear_error(tmp_path):
    with pytest.raises(InputError, match="two 13C spectra of a"):
        rendered(tmp_path, [spectrum("a", "13C", [50.0], None)], [spectrum("a", "13C", [50.0], [1.0])])
