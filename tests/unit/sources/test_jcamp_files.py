from pathlib import Path

import pytest

from spectraflow.sources.jcamp_files import read_jcamp
from spectraflow.sources.structures import UnusableRecord

HEAD = "##TITLE=x\n##JCAMP-DX=5.01\n##DATA TYPE=NMR SPECTRUM\n##.OBSERVE FREQUENCY=100\n##.OBSERVE NUCLEUS=^13C\n"
PEAKS = HEAD + "##XUNITS=PPM\n##YUNITS=ARBITRARY\n##NPOINTS=2\n##PEAK TABLE=(XY..XY)\n77.1, 10; 20.5, 5\n##END=\n"
POINTS = (
    HEAD + "##XUNITS=HZ\n##FIRSTX=400\n##LASTX=0\n##NPOINTS=5\n##XFACTOR=1\n##YFACTOR=2\n"
    "##XYDATA=(X++(Y..Y))\n400 1 2 3\n100 4 0\n##END=\n"
)
MASSES = (
    "##TITLE=x\n##DATA TYPE=MASS SPECTRUM\n##XUNITS=M/Z\n##NPOINTS=3\n##PEAK TABLE=(XY..XY)\n"
    "27 12\n31,99\n46,20\n##END=\n"
)


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "x.jdx"
    path.write_text(text)
    return path


def reason(path: Path, technique: str) -> str:
    with pytest.raises(UnusableRecord) as caught:
        read_jcamp(path, technique)
    assert "x.jdx" in caught.value.message
    return caught.value.reason.value


def test_a_peak_table_is_a_list_of_peaks(tmp_path):
    found = read_jcamp(write(tmp_path, PEAKS), "13C")
    assert (found.position, found.intensity, found.continuous) == ([77.1, 20.5], [10.0, 5.0], False)
    assert found.frequency_mhz == 100.0


def test_points_in_hertz_become_ppm(tmp_path):
    found = read_jcamp(write(tmp_path, POINTS), "13C")
    assert found.continuous
    assert found.position == pytest.approx([4.0, 3.0, 2.0, 1.0, 0.0])
    assert found.intensity == pytest.approx([2.0, 4.0, 6.0, 8.0, 0.0])


def test_squeezed_points_are_unpacked(tmp_path):
    squeezed = POINTS.replace("400 1 2 3\n100 4 0\n", "400A00J0J0J0\n").replace("NPOINTS=5", "NPOINTS=4")
    assert read_jcamp(write(tmp_path, squeezed), "13C").intensity == pytest.approx([200.0, 220.0, 240.0, 260.0])


def test_mass_peaks_need_no_nucleus(tmp_path):
    found = read_jcamp(write(tmp_path, MASSES), "MS")
    assert (found.position, found.intensity) == ([27.0, 31.0, 46.0], [12.0, 99.0, 20.0])


@pytest.mark.parametrize(
    ("text", "technique", "expected"),
    [
        (PEAKS, "1H", "wrong_value"),
        (PEAKS.replace("PPM", "SECONDS"), "13C", "wrong_value"),
        (PEAKS.replace("##XUNITS=PPM\n", ""), "13C", "wrong_value"),
        (POINTS.replace("##.OBSERVE FREQUENCY=100\n", ""), "13C", "wrong_value"),
        (PEAKS.replace("NPOINTS=2", "NPOINTS=3"), "13C", "unreadable_file"),
        (PEAKS.replace("##NPOINTS=2\n", ""), "13C", "unreadable_file"),
        (PEAKS.replace("20.5, 5", "20.5, five"), "13C", "unreadable_file"),
        (POINTS.replace("100 4 0\n", ""), "13C", "unreadable_file"),
        (POINTS.replace("100 4 0", "100 4 ?"), "13C", "unreadable_file"),
        (POINTS.replace("NPOINTS=5", "NPOINTS=900000000000"), "13C", "unreadable_file"),
        (PEAKS.replace("(XY..XY)", "(XYA)"), "13C", "unreadable_file"),
        ("##TITLE=x\n##END=\n", "13C", "unreadable_file"),
        ("no JCAMP at all\n", "13C", "unreadable_file"),
        ("", "13C", "unreadable_file"),
        (PEAKS.replace("NPOINTS=2", "NPOINTS=0").replace("77.1, 10; 20.5, 5\n", ""), "13C", "empty_peak_list"),
        (PEAKS.replace("20.5, 5", "20.5, nan"), "13C", "number_not_finite"),
        (MASSES.replace("27 12", "-27 12"), "MS", "malformed_peak"),
        (MASSES.replace("27 12", "27 -12"), "MS", "malformed_peak"),
    ],
)
def test_unusable_files_say_why(text, technique, expected, tmp_path):
    assert reason(write(tmp_path, text), technique) == expected


def test_a_missing_file_is_named(tmp_path):
    assert reason(tmp_path / "x.jdx", "13C") == "missing_file"


def test_several_spectra_in_one_file_are_refused(tmp_path):
    linked = "##TITLE=both\n##DATA TYPE=LINK\n##BLOCKS=2\n" + PEAKS + PEAKS + "##END=\n"
    assert reason(write(tmp_path, linked), "13C") == "unreadable_file"
