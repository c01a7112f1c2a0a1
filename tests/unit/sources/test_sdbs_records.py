from pathlib import Path

import pytest

from spectraflow.sources.sdbs_records import check_record, native_id, read_spectrum, stated_spectra
from spectraflow.sources.structures import UnusableRecord

NAN, INF = float("nan"), float("inf")


def fault(values: dict, key: str | None = None, export: Path = Path()) -> tuple[str, str]:
    values = {"record_id": "r1", **values}
    with pytest.raises(UnusableRecord) as caught:
        read_spectrum(check_record(values), key, export) if key else check_record(values)
    return caught.value.reason.value, caught.value.message


@pytest.mark.parametrize(
    ("values", "expected", "named"),
    [
        ({"smilse": "CCO"}, "unknown_field", "smilse"),
        ({"jcamp": {"ir": "x.jdx"}}, "unknown_field", "jcamp.ir"),
        ({"record_id": None}, "missing_id", "record_id"),
        ({"record_id": ""}, "missing_id", "record_id"),
        ({"sdbs_no": "many"}, "wrong_value", "sdbs_no"),
        ({"smiles": 7}, "wrong_value", "smiles"),
        ({"c13_mhz": NAN}, "number_not_finite", "c13_mhz"),
    ],
)
def test_faulty_records_name_the_field(values, expected, named):
    reason, message = fault(values)
    assert reason == expected
    assert named in message


@pytest.mark.parametrize(
    ("key", "peaks", "expected"),
    [
        ("ms", [], "empty_peak_list"),
        ("ms", [[43, 0], [45, 0]], "empty_peak_list"),
        ("ms", [[43, NAN]], "number_not_finite"),
        ("ms", [[43, 1], [INF, 1]], "number_not_finite"),
        ("ms", [[43]], "malformed_peak"),
        ("ms", [[43, 1, 2]], "malformed_peak"),
        ("ms", [[-43, 1]], "malformed_peak"),
        ("ms", [[43, -1]], "malformed_peak"),
        ("ms", "43 1", "malformed_peak"),
        ("c13", [], "empty_peak_list"),
        ("c13", [{"ppm": NAN, "intensity": 1}], "number_not_finite"),
        ("c13", [{"ppm": 20.0, "intensity": NAN}], "number_not_finite"),
        ("c13", [{"intensity": 1}], "malformed_peak"),
        ("c13", [{"ppm": None}], "malformed_peak"),
        ("c13", [{"ppm": 20.0, "shift": 3}], "unknown_field"),
        ("c13", [{"ppm": 20.0, "nH": 3}], "unknown_field"),
        ("h1", [{"ppm": 1.2, "nH": -1}], "malformed_peak"),
        ("h1", {"ppm": 1.2}, "malformed_peak"),
    ],
)
def test_faulty_peak_lists_say_why(key, peaks, expected):
    assert fault({key: peaks}, key)[0] == expected


def test_peaks_keep_what_is_given():
    record = check_record({"record_id": "r", "h1": [{"ppm": 1.2, "nH": 3, "mult": "t"}, {"ppm": 4, "intensity": 2}]})
    spectrum = read_spectrum(record, "h1", Path())
    assert (spectrum.position, spectrum.intensity) == ([1.2, 4.0], [None, 2.0])
    assert (spectrum.hydrogens, spectrum.multiplicity) == ([3.0, None], ["t", None])


def test_a_file_takes_the_place_of_the_list(tmp_path):
    text = "##TITLE=x\n##XUNITS=M/Z\n##NPOINTS=1\n##PEAK TABLE=(XY..XY)\n31,99\n##END=\n"
    (tmp_path / "a.jdx").write_text(text)
    record = check_record({"record_id": "r", "ms": [[43, 1]], "jcamp": {"ms": "a.jdx"}})
    assert read_spectrum(record, "ms", tmp_path).position == [31.0]


@pytest.mark.parametrize("file", ["../outside.jdx", "/etc/hostname"])
def test_files_outside_the_export_are_not_read(file, tmp_path):
    (tmp_path / "outside.jdx").write_text(
        "##TITLE=x\n##XUNITS=M/Z\n##NPOINTS=1\n##PEAK TABLE=(XY..XY)\n31,99\n##END=\n"
    )
    (tmp_path / "export").mkdir()
    reason, message = fault({"jcamp": {"ms": file}}, "ms", tmp_path / "export")
    assert reason == "missing_file"
    assert "outside the export" in message


def test_null_is_not_measured_and_an_empty_list_is_stated():
    assert stated_spectra({"ms": None, "c13": [], "jcamp": {"h1": "x.jdx"}}) == ["c13", "h1"]
    assert stated_spectra("no record") == []


def test_a_record_without_an_id_goes_by_its_place():
    assert native_id({"record_id": "r1"}, "line 3") == "r1"
    assert native_id({"record_id": 5}, "line 3") == native_id([], "line 3") == "line 3"
