import json
from pathlib import Path

import pytest

from spectraflow.errors import InputError
from spectraflow.sources.sdbs import ingest
from spectraflow.tables import MOLECULES, PEAKS, PROFILES, REJECTS, read_table

TABLES = {"molecules": MOLECULES, "peaks": PEAKS, "profiles": PROFILES, "rejects": REJECTS}
ETHANOL_KEY = "LFQSCWFLJHTTHZ-UHFFFAOYSA-N"
GOOD = {
    "record_id": "good", "smiles": "CCO", "inchikey": ETHANOL_KEY, "ms": [[31, 100], [45, 50]],
    "c13": [{"ppm": 57.8, "intensity": 900}, {"ppm": 18.1, "intensity": None}], "c13_solvent": "CDCl3", "c13_mhz": 25.0,
    "h1": [{"ppm": 1.2, "nH": 3, "mult": "t"}],
}  # fmt: skip


def run(tmp_path: Path, *records: dict | str, **options) -> tuple[dict, dict[str, list[dict]]]:
    lines = (record if isinstance(record, str) else json.dumps(record) for record in records)
    (tmp_path / "records.jsonl").write_text("\n".join(lines) + "\n")
    return read(tmp_path, **options)


def read(export: Path, **options) -> tuple[dict, dict[str, list[dict]]]:
    out = export / "out"
    summary = ingest(export, *(out / f"{name}.parquet" for name in TABLES), out / "counts.json", **options)
    assert summary == json.loads((out / "counts.json").read_text())
    return summary, {name: read_table(out / f"{name}.parquet", schema).to_pylist() for name, schema in TABLES.items()}


def test_a_record_becomes_a_molecule_and_a_row_a_spectrum(tmp_path):
    summary, tables = run(tmp_path, GOOD)
    assert [row["spectrum_id"] for row in tables["peaks"]] == ["sdbs:good/MS/0", "sdbs:good/13C/0", "sdbs:good/1H/0"]
    mass, carbon, proton = tables["peaks"]
    assert (carbon["position"], carbon["intensity"]) == ([57.8, 18.1], [900.0, None])
    assert (carbon["solvent"], carbon["frequency_mhz"], mass["solvent"]) == ("CDCl3", 25.0, None)
    assert (proton["hydrogens"], proton["multiplicity"]) == ([3.0], ["t"])
    assert tables["molecules"][0]["inchikey"] == ETHANOL_KEY
    assert (summary["molecules"], summary["spectra"], summary["with_all"]) == (1, 3, 1)


def test_every_faulty_record_is_a_reject_with_its_id_and_reason(tmp_path):
    faulty = [
        ("unknown_field", {**GOOD, "record_id": "a", "smell": "sweet"}),
        ("missing_structure", {**GOOD, "record_id": "b", "smiles": None}),
        ("structure_conflict", {**GOOD, "record_id": "c", "smiles": "CCN"}),
        ("unreadable_molecule", {**GOOD, "record_id": "d", "smiles": "C1CC"}),
        ("duplicate_id", GOOD),
        ("missing_spectrum", {"record_id": "e", "smiles": "CCO"}),
        ("missing_id", {**GOOD, "record_id": None}),
        ("malformed_line", "{broken"),
    ]
    summary, tables = run(tmp_path, GOOD, *(record for _, record in faulty))
    assert [row["reason"] for row in tables["rejects"]] == [reason for reason, _ in faulty]
    assert [row["native_id"] for row in tables["rejects"]] == ["a", "b", "c", "d", "good", "e", "line 8", "line 9"]
    assert {row["stage"] for row in tables["rejects"]} == {"record"}
    assert (summary["records"], summary["molecules"], summary["record_rejects"]) == (9, 1, 8)
    assert summary["spectra_of_rejected_records"] == 3 * 6


def test_good_spectra_of_a_record_are_kept_when_one_is_bad(tmp_path):
    text = json.dumps({**GOOD, "ms": [], "c13": [{"ppm": 1.0, "intensity": float("nan")}]})
    summary, tables = run(tmp_path, text)
    assert [row["technique"] for row in tables["peaks"]] == ["1H"]
    assert [(row["native_id"], row["stage"], row["reason"]) for row in tables["rejects"]] == [
        ("good", "spectrum", "empty_peak_list"),
        ("good", "spectrum", "number_not_finite"),
    ]
    assert (summary["spectra_found"], summary["spectra"], summary["spectrum_rejects"]) == (3, 1, 2)
    assert (summary["molecules"], summary["with_1H"], summary["with_all"]) == (1, 1, 0)


def test_a_record_whose_spectra_are_all_bad_is_rejected_too(tmp_path):
    summary, tables = run(tmp_path, GOOD, {"record_id": "e", "smiles": "CCO", "ms": []})
    assert [(row["stage"], row["reason"]) for row in tables["rejects"]] == [
        ("spectrum", "empty_peak_list"),
        ("record", "missing_spectrum"),
    ]
    assert (summary["records"], summary["molecules"]) == (2, 1)


def test_continuous_spectra_go_to_profiles(tmp_path):
    points = "##TITLE=x\n##XUNITS=PPM\n##FIRSTX=10\n##LASTX=8\n##NPOINTS=3\n##XYDATA=(X++(Y..Y))\n10 1 2 3\n##END=\n"
    (tmp_path / "jcamp").mkdir()
    (tmp_path / "jcamp" / "h.jdx").write_text(points)
    summary, tables = run(tmp_path, {**GOOD, "jcamp": {"h1": "jcamp/h.jdx", "c13": "jcamp/none.jdx"}})
    (profile,) = tables["profiles"]
    assert (profile["technique"], profile["position"], profile["intensity"]) == (
        "1H",
        [10.0, 9.0, 8.0],
        [1.0, 2.0, 3.0],
    )
    assert [row["technique"] for row in tables["peaks"]] == ["MS"]
    assert [row["reason"] for row in tables["rejects"]] == ["missing_file"]
    assert (summary["spectra"], summary["continuous_spectra"]) == (2, 1)


def test_csv_export_with_peaks_of_an_unlisted_record(tmp_path):
    (tmp_path / "molecules.csv").write_text("record_id,smiles\na,CCO\n,CCN\n")
    (tmp_path / "ms.csv").write_text("record_id,mz,intensity\na,31,99\nz,12,1\n")
    (tmp_path / "c13.csv").write_text("record_id,ppm,intensity\na,57.8,\na,NaN,1\n")
    summary, tables = read(tmp_path)
    assert tables["peaks"][0]["position"] == [31.0]
    reasons = [(row["native_id"], row["stage"], row["reason"]) for row in tables["rejects"]]
    assert ("a", "spectrum", "number_not_finite") in reasons
    assert ("z", "spectrum", "missing_id") in reasons
    assert ("molecules.csv line 3", "record", "missing_id") in reasons
    assert (summary["records"], summary["molecules"], summary["spectra"]) == (2, 1, 1)


def test_a_folder_that_is_not_there_is_one_clear_error(tmp_path):
    with pytest.raises(InputError, match=r"docs/sdbs\.md"):
        read(tmp_path / "nowhere")
