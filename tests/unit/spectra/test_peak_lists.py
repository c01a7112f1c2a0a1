import json

import pytest

from spectraflow.errors import InputError
from spectraflow.spectra.peak_lists import read_peak_lists

CSV = """query_id,shifts,formula,mass
good,"18.2, 57.9",C2H6O,
spaces,18.2 57.9,,46.1
empty,,,
far,18.2;999,,
low,-51,,
word,18.2;abc,,
nan,nan,,
good,20,,
,20,,
odd,20,C2H6Q!,
heavy,20,,-3
"""


def test_every_bad_record_becomes_a_reject(tmp_path):
    path = tmp_path / "peaks.csv"
    path.write_text(CSV)
    good, rejects = read_peak_lists(path)
    assert [peak.query_id for peak in good] == ["good", "spaces"]
    assert good[0].shifts_ppm == good[1].shifts_ppm == [18.2, 57.9]
    assert (good[0].formula, good[0].mol_weight) == ("C2H6O", pytest.approx(46.07, abs=0.01))
    assert (good[1].formula, good[1].mol_weight) == (None, 46.1)
    assert {row["native_id"]: row["reason"] for row in rejects} == {
        "empty": "empty_peak_list",
        "far": "shift_out_of_range",
        "low": "shift_out_of_range",
        "word": "malformed_peak",
        "nan": "shift_not_finite",
        "good": "duplicate_id",
        "line 10": "missing_id",
        "odd": "unreadable_formula",
        "heavy": "other",
    }
    assert all(row["message"].startswith("line ") for row in rejects)
    assert len(good) + len(rejects) == len(CSV.splitlines()) - 1


def test_commas_without_quotes_are_named(tmp_path):
    path = tmp_path / "peaks.csv"
    path.write_text("query_id,shifts\na,18.2,57.9\n")
    good, rejects = read_peak_lists(path)
    assert not good
    assert "quotes" in rejects[0]["message"]


def test_json_lines_say_the_same(tmp_path):
    path = tmp_path / "peaks.jsonl"
    records = [
        {"query_id": 7, "shifts": [18.2, 57.9], "formula": "C2H6O"},
        {"query_id": "b", "shifts": []},
        {"query_id": "c", "shifts": [True]},
        ["d"],
    ]
    path.write_text("\n".join([*map(json.dumps, records), "{", ""]))
    good, rejects = read_peak_lists(path)
    assert [(peak.query_id, peak.shifts_ppm) for peak in good] == [("7", [18.2, 57.9])]
    assert [row["reason"] for row in rejects] == [
        "empty_peak_list",
        "malformed_peak",
        "malformed_line",
        "malformed_line",
    ]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", "query_id,peaks\n", "lacks the column"),
        ("a.csv", "query_id,shifts\n", "no record"),
        ("a.jsonl", "", "no record"),
    ],
)
def test_unusable_files_are_refused(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=message):
        read_peak_lists(tmp_path / name)
    with pytest.raises(InputError, match="no such file"):
        read_peak_lists(tmp_path / "other.csv")
