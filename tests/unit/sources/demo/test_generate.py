import csv
import gzip
import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from rdkit import Chem, rdBase

from spectraflow.config import DemoSettings
from spectraflow.sources.demo import generate as demo
from spectraflow.sources.demo.generate import generate
from spectraflow.sources.demo.headers import HEADERS
from spectraflow.sources.matcs_lists import LISTS

SETTINGS = DemoSettings(
    molecules=110, library=440, seed=3, multimodal_rows=12, moleculenet_rows=40, listed_molecules=60
)
MIRROR = Path(__file__).parents[5] / "shared" / "data"
FILES = {
    "nmrshiftdb2/nmrshiftdb2withsignals.sd.gz",
    "nmrshiftdb2/km3aid_ids.txt",
    "pubchem/CID-SMILES.gz",
    "alberts/demo_multimodal.parquet",
    "sdbs/records.jsonl",
    "massbank/massbank_EI_records.tar.gz",
    *(f"moleculenet/{stem}.csv.gz" for stem in HEADERS),
    *(f"matcs/{name}.csv.gz" for name in LISTS),
}
COLUMNS = [
    "smiles", "hsqc_nmr_peaks", "hsqc_nmr_spectrum", "h_nmr_peaks", "h_nmr_spectra", "molecular_formula", "c_nmr_peaks",
    "ir_spectra", "msms_cfmid_positive_10ev", "msms_cfmid_positive_20ev", "msms_cfmid_positive_40ev",
    "msms_cfmid_fragments_positive", "msms_cfmid_negative_10ev", "msms_cfmid_negative_20ev", "msms_cfmid_negative_40ev",
    "msms_cfmid_fragments_negative", "c_nmr_spectra", "msms_iceberg_positive", "msms_iceberg_fragments_positive",
    "msms_scarf_positive", "msms_scarf_fragments_positive", "__index_level_0__",
]  # fmt: skip


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    generate(SETTINGS, folder)
    return folder


def files(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def records(out: Path) -> list[Chem.Mol]:
    with gzip.open(out / "nmrshiftdb2" / "nmrshiftdb2withsignals.sd.gz") as handle:
        return list(Chem.ForwardSDMolSupplier(handle, removeHs=False))


def library(out: Path) -> list[tuple[str, str]]:
    with gzip.open(out / "pubchem" / "CID-SMILES.gz", "rt") as handle:
        return [tuple(line.rstrip("\n").split("\t")) for line in handle]


def rows(path: Path) -> list[list[str]]:
    with gzip.open(path, "rt", newline="") as handle:
        return list(csv.reader(handle))


def test_exactly_the_files_of_the_mirror_are_written(out: Path) -> None:
    assert set(files(out)) == FILES


def test_a_second_call_writes_the_same_bytes_over_the_first(out: Path, tmp_path: Path) -> None:
    (tmp_path / "sdbs").mkdir()
    (tmp_path / "sdbs" / "records.jsonl").write_text("older")
    generate(SETTINGS, tmp_path)
    assert files(tmp_path) == files(out)


def test_another_seed_gives_other_spectra(out: Path, tmp_path: Path) -> None:
    demo.write_sdbs(SETTINGS.model_copy(update={"seed": 4}), tmp_path)
    assert (tmp_path / "sdbs" / "records.jsonl").read_bytes() != (out / "sdbs" / "records.jsonl").read_bytes()


def test_a_failure_midway_leaves_the_folder_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "kept.txt").write_text("mine")

    def fail(settings: DemoSettings, out: Path) -> None:
        (out / "half").write_text("written")
        raise OSError("no space left")

    monkeypatch.setattr(demo, "write_sdbs", fail)
    monkeypatch.setattr(demo, "write_multimodal", lambda settings, out: None)
    with pytest.raises(OSError, match="no space left"):
        generate(SETTINGS, tmp_path)
    assert files(tmp_path) == {"kept.txt": b"mine"}


def test_rdkit_reads_every_record_and_ids_ascend(out: Path) -> None:
    mols = records(out)
    ids = [int(mol.GetProp("nmrshiftdb2 ID")) for mol in mols]
    assert len(mols) == SETTINGS.molecules
    assert None not in mols
    assert ids == sorted(set(ids))


def test_the_id_list_is_numeric_covers_most_and_names_absent_ids(out: Path) -> None:
    present = {int(mol.GetProp("nmrshiftdb2 ID")) for mol in records(out)}
    listed = [int(line) for line in (out / "nmrshiftdb2" / "km3aid_ids.txt").read_text().splitlines()]
    assert listed == sorted(set(listed))
    assert 2 <= len(set(listed) - present) <= 6
    assert 0.75 * len(present) < len(set(listed) & present) < 0.97 * len(present)


def test_the_library_has_new_molecules_overlap_repeats_and_broken_lines(out: Path) -> None:
    lines = library(out)
    with rdBase.BlockLogs():
        parsed = [Chem.MolFromSmiles(smiles) if smiles else None for _, smiles in lines]
    smiles = [Chem.MolToSmiles(mol) for mol in parsed if mol is not None]
    spectral = {Chem.MolToSmiles(mol) for mol in records(out)}
    cids = [int(cid) for cid, _ in lines]
    assert cids == sorted(set(cids))
    assert len(set(smiles)) == SETTINGS.library
    assert len(smiles) > len(set(smiles)), "repeats under another CID"
    assert 1 <= sum(mol is None for mol in parsed) <= 4
    assert len(spectral & set(smiles)) == SETTINGS.library // 10
    assert any(Chem.CanonSmiles(text) != text for (_, text), mol in zip(lines, parsed, strict=True) if mol)


def test_multimodal_columns_types_and_axes(out: Path) -> None:
    table = pq.read_table(out / "alberts" / "demo_multimodal.parquet")
    assert table.column_names == COLUMNS
    assert table.num_rows == SETTINGS.multimodal_rows
    kinds = {name: str(table.schema.field(name).type) for name in ("h_nmr_spectra", "c_nmr_spectra", "ir_spectra")}
    assert kinds == {
        "h_nmr_spectra": "list<element: float>",
        "c_nmr_spectra": "list<element: double>",
        "ir_spectra": "list<element: float>",
    }
    for row in table.slice(0, 3).to_pylist():
        carbon = np.array(row["c_nmr_spectra"])
        axis = np.linspace(230.0, -20.0, 10_000)
        assert carbon.shape == (10_000,)
        assert len(row["h_nmr_spectra"]) == 10_000
        assert len(row["ir_spectra"]) == 1_800
        assert np.shape(row["hsqc_nmr_spectrum"]) == (512, 512)
        for peak in row["c_nmr_peaks"]:
            assert carbon[np.abs(axis - peak["delta (ppm)"]) < 0.03].max() > 0.8 * peak["intensity"]
        assert all(
            max(height for _, height in row[f"msms_cfmid_positive_{energy}ev"]) == 100 for energy in (10, 20, 40)
        )
        assert row["smiles"] == Chem.CanonSmiles(row["smiles"])


@pytest.mark.real_data
def test_multimodal_schema_equals_the_published_one(out: Path) -> None:
    real = MIRROR / "alberts" / "example_data_1.parquet"
    if not real.is_file():
        pytest.skip("no mirror of real data beside the project")
    written = pq.read_schema(out / "alberts" / "demo_multimodal.parquet")
    assert written.equals(pq.read_schema(real), check_metadata=False)


def test_sdbs_records_follow_the_documented_layout(out: Path) -> None:
    lines = [json.loads(line) for line in (out / "sdbs" / "records.jsonl").read_text().splitlines()]
    assert len(lines) == SETTINGS.multimodal_rows
    assert len({line["record_id"] for line in lines}) == len(lines)
    for line in lines:
        assert {"sdbs_no", "smiles", "inchi", "inchikey", "ms", "ms_ionization_ev", "c13_mhz", "h1_solvent"} <= set(
            line
        )
        assert all(set(peak) == {"ppm", "intensity"} for peak in line["c13"])
        assert all(set(peak) == {"ppm", "intensity", "nH", "mult"} for peak in line["h1"])
        shifts = [peak["ppm"] for peak in line["c13"]]
        assert len(line["ms"][0]) == 2
        assert shifts == sorted(shifts)
    hydrogens = sum(atom.GetTotalNumHs() for atom in Chem.MolFromSmiles(lines[0]["smiles"]).GetAtoms())
    assert sum(peak["nH"] for peak in lines[0]["h1"]) == hydrogens
    assert sum(line["smiles"] is None for line in lines) == 1
    wrong = [
        line
        for line in lines
        if line["smiles"] and Chem.MolToInchiKey(Chem.MolFromSmiles(line["smiles"])) != line["inchikey"]
    ]
    assert len(wrong) == 1


@pytest.mark.parametrize("stem", HEADERS)
def test_moleculenet_files_have_their_header_and_rows(out: Path, stem: str) -> None:
    table = rows(out / "moleculenet" / f"{stem}.csv.gz")
    assert table[0] == list(HEADERS[stem])
    assert len(table) == SETTINGS.moleculenet_rows + 1
    assert {len(row) for row in table} == {len(table[0])}


def test_moleculenet_headers_are_the_native_ones() -> None:
    assert HEADERS["BBBP"] == ("num", "name", "p_np", "smiles")
    assert HEADERS["HIV"] == ("smiles", "activity", "HIV_active")
    assert HEADERS["SAMPL"] == ("iupac", "smiles", "expt", "calc")
    assert HEADERS["clintox"] == ("smiles", "FDA_APPROVED", "CT_TOX")
    assert HEADERS["Lipophilicity"] == ("CMPD_CHEMBLID", "exp", "smiles")
    assert HEADERS["tox21"][-2:] == HEADERS["muv"][-2:] == ("mol_id", "smiles")
    assert "Neoplasms benign, malignant and unspecified (incl cysts and polyps)" in HEADERS["sider"]
    assert HEADERS["delaney-processed"][-2] == "measured log solubility in mols per litre"
    sizes = {stem: len(HEADERS[stem]) for stem in ("bace", "muv", "sider", "tox21", "toxcast_data")}
    assert sizes == {"bace": 595, "muv": 19, "sider": 28, "tox21": 14, "toxcast_data": 618}


@pytest.mark.real_data
@pytest.mark.parametrize("stem", HEADERS)
def test_moleculenet_headers_and_line_ends_equal_the_published_ones(out: Path, stem: str) -> None:
    real = MIRROR / "moleculenet" / f"{stem}.csv.gz"
    if not real.is_file():
        pytest.skip("no mirror of real data beside the project")
    with gzip.open(real) as published, gzip.open(out / "moleculenet" / f"{stem}.csv.gz") as written:
        assert written.readline() == published.readline()


def test_moleculenet_quirks_are_there(out: Path) -> None:
    def column(stem: str, name: str) -> list[str]:
        table = rows(out / "moleculenet" / f"{stem}.csv.gz")
        return [row[table[0].index(name)] for row in table[1:]]

    assert all(smiles.endswith(" ") for smiles in column("delaney-processed", "smiles"))
    with rdBase.BlockLogs():
        assert sum(Chem.MolFromSmiles(smiles) is None for smiles in column("BBBP", "smiles")) == 1
    assert "FAIL" in column("toxcast_data", "smiles")
    assert set(column("toxcast_data", HEADERS["toxcast_data"][1])) <= {"", "0.0", "1.0"}
    table = rows(out / "moleculenet" / "muv.csv.gz")
    labels = np.array([row[:17] for row in table[1:]])
    assert (labels == "").mean() == pytest.approx(0.8, abs=0.08)
    assert (labels != "").any(axis=1).all()
    assert set(column("bace", "Class")) == {"0", "1"}


def test_moleculenet_regressions_depend_on_the_structure(out: Path) -> None:
    from rdkit.Chem import Crippen

    table = rows(out / "moleculenet" / "delaney-processed.csv.gz")[1:]
    measured = [float(row[-2]) for row in table]
    logp = [Crippen.MolLogP(Chem.MolFromSmiles(row[-1].strip())) for row in table]
    assert np.corrcoef(measured, logp)[0, 1] < -0.6
