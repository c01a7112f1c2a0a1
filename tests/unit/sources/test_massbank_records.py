import gzip
import io
import tarfile
from pathlib import Path

import pytest

from spectraflow.errors import InputError
from spectraflow.sources.massbank_records import accessions, parse_record, read_records
from spectraflow.sources.structures import UnusableRecord

RECORD = """\
ACCESSION: MSBNK-Test-T1
LICENSE: CC BY
CH$NAME: ethanol
CH$SMILES: CCO
CH$IUPAC: InChI=1S/C2H6O/c1-2-3/h3H,2H2,1H3
CH$LINK: CAS 64-17-5
CH$LINK: INCHIKEY LFQSCWFLJHTTHZ-UHFFFAOYSA-N
AC$INSTRUMENT: JEOL JMS-01-SG
AC$INSTRUMENT_TYPE: EI-B
AC$MASS_SPECTROMETRY: MS_TYPE MS
AC$MASS_SPECTROMETRY: ION_MODE POSITIVE
AC$MASS_SPECTROMETRY: IONIZATION_ENERGY 70 eV
PK$ANNOTATION: m/z formula
  31 CH3O+
PK$NUM_PEAK: 2
PK$PEAK: m/z int. rel.int.
  31 99.99 999
  45.5 51.2 512
"""


def packed(path: Path, files: dict[str, str]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
    return path


def reason(text: str) -> str:
    with pytest.raises(UnusableRecord) as caught:
        parse_record(text)
    return caught.value.reason.value


def test_a_record_is_read_without_its_annotation():
    record = parse_record(RECORD)
    assert (record.position, record.intensity) == ([31.0, 45.5], [999.0, 512.0])
    assert (record.smiles, record.licence, record.ionisation) == ("CCO", "CC BY", "EI-B")
    assert record.inchikey == "LFQSCWFLJHTTHZ-UHFFFAOYSA-N"
    assert (record.energy, record.energy_ev) == ("70 eV", 70.0)


@pytest.mark.parametrize(
    ("line", "energy_ev"),
    [("IONIZATION_ENERGY 13.5 eV", 13.5), ("IONIZATION_POTENTIAL 20 eV", 20.0), ("IONIZATION_ENERGY 10-20 eV", None)],
)
def test_energy_is_one_number_or_unstated(line, energy_ev):
    assert parse_record(RECORD.replace("IONIZATION_ENERGY 70 eV", line)).energy_ev == energy_ev


def test_collision_energy_is_no_electron_energy():
    record = parse_record(RECORD.replace("IONIZATION_ENERGY 70 eV", "COLLISION_ENERGY 70 eV"))
    assert record.energy is None
    assert record.energy_ev is None


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("MS_TYPE MS\n", "MS_TYPE MS2\n", "unsupported_spectrum"),
        ("AC$MASS_SPECTROMETRY: MS_TYPE MS\n", "", "unsupported_spectrum"),
        ("TYPE: EI-B", "TYPE: LC-ESI-QTOF", "unsupported_spectrum"),
        ("ION_MODE POSITIVE\n", "ION_MODE POSITIVE\nAC$MASS_SPECTROMETRY: ION_MODE NEGATIVE\n", "repeated_field"),
        ("NUM_PEAK: 2", "NUM_PEAK: 3", "peak_count_mismatch"),
        ("PK$NUM_PEAK: 2\n", "", "peak_count_mismatch"),
        ("  31 99.99 999\n  45.5 51.2 512\n", "", "empty_peak_list"),
        ("999\n  45.5 51.2 512", "0\n  45.5 51.2 0", "empty_peak_list"),
        ("45.5 51.2 512", "45.5 51.2", "malformed_peak"),
        ("45.5 51.2 512", "45.5 51.2 5l2", "malformed_peak"),
        ("45.5 51.2 512", "-45.5 51.2 512", "malformed_peak"),
        ("45.5 51.2 512", "45.5 51.2 -1", "malformed_peak"),
        ("45.5 51.2 512", "nan 51.2 512", "number_not_finite"),
        ("45.5 51.2 512", "45.5 inf 512", "number_not_finite"),
    ],
)
def test_unusable_records_say_why(old, new, expected):
    assert old in RECORD
    assert reason(RECORD.replace(old, new)) == expected


def test_archive_folder_and_file_give_the_same_records(tmp_path):
    whole = RECORD + "//\n"
    second = whole.replace("T1", "T2")
    (tmp_path / "folder" / "deep").mkdir(parents=True)
    (tmp_path / "folder" / "a.txt").write_text(whole)
    (tmp_path / "folder" / "deep" / "b.txt").write_text(second)
    (tmp_path / "one.txt").write_text(whole + second)
    archive = packed(tmp_path / "x.tar.gz", {"a.txt": whole, "deep/b.txt": second, "README.md": "no record"})
    (tmp_path / "x.tar").write_bytes(gzip.decompress(archive.read_bytes()))
    expected = [RECORD, RECORD.replace("T1", "T2")]
    for place in ("folder", "one.txt", "x.tar.gz", "x.tar"):
        assert [record.text for record in read_records(tmp_path / place)] == expected


def test_a_record_without_its_last_line_is_marked(tmp_path):
    (tmp_path / "one.txt").write_text(RECORD + "//\n" + RECORD)
    assert [record.truncated for record in read_records(tmp_path / "one.txt")] == [False, True]


def test_a_missing_separator_shows_as_two_accessions():
    assert len(accessions(RECORD + RECORD.replace("T1", "T2"))) == 2


@pytest.mark.parametrize("damage", ["cut", "flipped", "checksum", "no gzip", "empty", "nothing inside", "missing"])
def test_damaged_archives_are_one_clear_error(damage, tmp_path):
    path = packed(tmp_path / "x.tar.gz", {f"{at}.txt": f"{RECORD}COMMENT: {at * 7919}\n//\n" for at in range(200)})
    good = path.read_bytes()
    middle, last = len(good) // 2, len(good) - 6
    path.write_bytes(
        {
            "cut": good[:middle],
            "flipped": good[:middle] + bytes([good[middle] ^ 0xFF]) + good[middle + 1 :],
            "checksum": good[:last] + bytes([good[last] ^ 0xFF]) + good[last + 1 :],
            "no gzip": bytes(range(256)) * 8,
            "empty": b"",
            "nothing inside": packed(tmp_path / "y.tar.gz", {"README.md": "x"}).read_bytes(),
            "missing": good,
        }[damage]
    )
    if damage == "missing":
        path.unlink()
    with pytest.raises(InputError, match=r"x\.tar\.gz"):
        list(read_records(path))
