import json

import pytest

from spectraflow.errors import InputError
from spectraflow.sources.sdbs_export import read_export


def test_lines_that_are_no_records_are_faults_and_blank_ones_nothing(tmp_path):
    lines = [
        json.dumps({"record_id": "a"}),
        "",
        "{broken",
        "[1, 2]",
        '{"record_id": "b", "ms": [[1, NaN]]}',
        "[" * 9_000,
    ]
    (tmp_path / "records.jsonl").write_text("\n".join(lines) + "\n")
    records = list(read_export(tmp_path))
    assert [record.place for record in records] == ["line 1", "line 3", "line 4", "line 5", "line 6"]
    assert [record.fault is None for record in records] == [True, False, False, True, False]


def test_csv_files_give_the_same_values_as_json_lines(tmp_path):
    (tmp_path / "molecules.csv").write_text("record_id,smiles,inchikey\na,CCO,\nb,CCN,K\n")
    (tmp_path / "ms.csv").write_text("record_id,mz,intensity\nb,44,7\na,31,99\na,45,\n")
    (tmp_path / "h1.csv").write_text("record_id,ppm,nH\na,1.2,3\nz,7,1\n")
    (tmp_path / "jcamp").mkdir()
    (tmp_path / "jcamp" / "a_c13.jdx").write_text("x")
    first, second, stray = read_export(tmp_path)
    assert first.values["ms"] == [["31", "99"], ["45", None]]
    assert first.values["h1"] == [{"ppm": "1.2", "nH": "3"}]
    assert first.values["jcamp"] == {"c13": "jcamp/a_c13.jdx"}
    assert first.values["inchikey"] is None
    assert second.values["ms"] == [["44", "7"]]
    assert "h1" not in second.values
    assert (stray.place, stray.spectrum_only) == ("z", "h1")


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "neither"),
        ({"records.jsonl": "{}", "molecules.csv": "record_id\na\n"}, "both"),
        ({"records.jsonl": ""}, "empty"),
        ({"molecules.csv": ""}, "molecules.csv"),
        ({"molecules.csv": "record_id,SMILES\na,CCO\n"}, "unknown column SMILES"),
        ({"molecules.csv": "smiles\nCCO\n"}, "no column record_id"),
        ({"molecules.csv": "record_id,smiles\na,CCO\n", "c13.csv": "record_id,shift\na,1\n"}, "unknown column shift"),
        ({"molecules.csv": "record_id,smiles\na,CCO\n", "ms.csv": "record_id,mz\na,1\n"}, "no column intensity"),
    ],
)
def test_exports_of_another_form_are_one_clear_error(files, said, tmp_path):
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=said):
        list(read_export(tmp_path))
