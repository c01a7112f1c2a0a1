import json
from pathlib import Path

import pytest

from spectraflow.errors import InputError
from spectraflow.sources.massbank import ingest
from spectraflow.tables import MASS_RECORDS, MOLECULES, PEAKS, REJECTS, read_table

MIRROR = Path(__file__).parents[4] / "shared" / "data" / "massbank" / "massbank_EI_records.tar.gz"
TABLES = {"molecules": MOLECULES, "peaks": PEAKS, "records": MASS_RECORDS, "rejects": REJECTS}


def record(
    accession: str, smiles: str = "CCO", key: str | None = "LFQSCWFLJHTTHZ-UHFFFAOYSA-N", end: str = "//"
) -> str:
    lines = [f"ACCESSION: {accession}" if accession else "RECORD_TITLE: none", "LICENSE: CC BY-SA"]
    lines += [f"CH$SMILES: {smiles}", "CH$IUPAC: N/A", *([f"CH$LINK: INCHIKEY {key}"] if key else [])]
    lines += ["AC$INSTRUMENT_TYPE: EI-B", "AC$MASS_SPECTROMETRY: MS_TYPE MS"]
    return "\n".join([*lines, "PK$NUM_PEAK: 1", "PK$PEAK: m/z int. rel.int.", "  31 1.5 999", end]) + "\n"


def run(raw: Path, out: Path, **options) -> tuple[dict, dict[str, list[dict]]]:
    summary = ingest(raw, *(out / f"{name}.parquet" for name in TABLES), out / "counts.json", **options)
    return summary, {name: read_table(out / f"{name}.parquet", schema).to_pylist() for name, schema in TABLES.items()}


def test_a_record_becomes_a_row_of_each_table(tmp_path):
    (tmp_path / "x.txt").write_text(record("A1"))
    summary, tables = run(tmp_path / "x.txt", tmp_path / "out", origin="simulated")
    (molecule,), (peaks,), (stated,) = tables["molecules"], tables["peaks"], tables["records"]
    assert molecule["molecule_id"] == peaks["molecule_id"] == stated["molecule_id"] == "massbank:A1"
    assert (peaks["technique"], peaks["position"], peaks["intensity"]) == ("MS", [31.0], [999.0])
    assert peaks["origin"] == "simulated"
    assert (stated["licence"], stated["ionisation"], stated["energy_ev"], stated["peaks"]) == (
        "CC BY-SA",
        "EI-B",
        None,
        1,
    )
    assert summary == json.loads((tmp_path / "out" / "counts.json").read_text())


def test_every_faulty_record_is_a_reject_with_its_reason(tmp_path):
    faulty = {
        "structure_conflict": record("A2", "CCN"),
        "missing_structure": record("A3", "N/A", None),
        "unreadable_molecule": record("A4", "C1CC", None),
        "missing_id": record(""),
        "duplicate_id": record("A1"),
        "truncated_record": record("A5", end=""),
    }
    (tmp_path / "x.txt").write_text(record("A1") + record("A6", key=None) + "".join(faulty.values()))
    summary, tables = run(tmp_path / "x.txt", tmp_path / "out")
    assert [row["reason"] for row in tables["rejects"]] == list(faulty)
    assert all(row["message"].startswith("x.txt: ") for row in tables["rejects"])
    assert (summary["records"], summary["molecules"], summary["record_rejects"]) == (8, 2, 6)
    assert (summary["inchikey_agrees"], summary["inchikey_unstated"]) == (1, 1)


def test_a_damaged_archive_leaves_no_table(tmp_path):
    (tmp_path / "x.tar.gz").write_bytes(b"\x1f\x8b\x08" + bytes(100))
    with pytest.raises(InputError):
        run(tmp_path / "x.tar.gz", tmp_path / "out")
    assert not list((tmp_path / "out").glob("*"))


def test_limit_reads_the_first_records(tmp_path):
    (tmp_path / "x.txt").write_text(record("A1") + record("A2") + record("A3"))
    assert run(tmp_path / "x.txt", tmp_path / "out", limit=2)[0]["records"] == 2


@pytest.mark.real_data
def test_every_published_record_is_accounted_for(tmp_path):
    if not MIRROR.is_file():
        pytest.skip("no mirror of real data beside the project")
    summary, tables = run(MIRROR, tmp_path)
    assert summary["records"] == 13_243
    assert summary["molecules"] == len({row["molecule_id"] for row in tables["molecules"]}) == 12_578
    assert summary["rejects"] == {"record/missing_structure": 608, "record/unsupported_spectrum": 57}
    assert summary["licences"] == {"CC BY": 500, "CC BY-NC-SA": 10_929, "CC BY-SA": 1_149}
    assert summary["inchikey_agrees"] + summary["inchikey_unstated"] == 12_578
