from pathlib import Path

import pyarrow as pa
import pytest

from spectraflow.errors import InputError
from spectraflow.sources import massbank, nmrshiftdb2
from spectraflow.sources.open_experimental import join
from spectraflow.tables import (
    MASS_RECORDS,
    MOLECULES,
    OPEN_SOURCES,
    PEAKS,
    REJECTS,
    TableWriter,
    count_rows,
    read_table,
)

MIRROR = Path(__file__).parents[4] / "shared" / "data"


def molecule(molecule_id: str, block: str, smiles: str = "CCO") -> dict:
    return {"molecule_id": molecule_id, "smiles": smiles, "inchikey": f"{block}-UHFFFAOYSA-N"}


def electron(accession: str, block: str = "AAA", peaks: int = 1, smiles: str = "CCO", **stated) -> tuple[dict, ...]:
    molecule_id = f"massbank:{accession}"
    record = {"accession": accession, "ms_type": "MS", "ionisation": "EI-B", "licence": "CC BY", "peaks": peaks}
    spectrum = {"technique": "MS", "origin": "measured", "intensity": [1.0] * peaks}
    spectrum["position"] = [float(mz) for mz in range(30, 30 + peaks)]
    ids = {"molecule_id": molecule_id, "spectrum_id": f"{molecule_id}/MS/0"}
    energy = stated.pop("energy_ev", None)
    words = {"energy_ev": energy, "energy": f"{energy} eV" if energy else None}
    return molecule(molecule_id, block, smiles), spectrum | ids, record | ids | words | stated


def magnetic(native: int, number: int, technique: str, position: list[float], **stated) -> dict:
    ids = {"molecule_id": f"nmrshiftdb2:{native}", "spectrum_id": f"nmrshiftdb2:{native}/{technique}/{number}"}
    atoms = [[at] for at in range(len(position))]
    values = {"technique": technique, "position": position, "intensity": [0.0] * len(position), "atoms": atoms}
    return {"origin": "measured", **ids, **values, **stated}


def write(path: Path, schema: pa.Schema, rows: list[dict]) -> None:
    with TableWriter(path, schema) as writer:
        writer.write(pa.Table.from_pylist(rows, schema=schema))


def joined(tmp_path: Path, electrons: list, molecules: list, spectra: list, **options) -> tuple[dict, dict[str, list]]:
    mass, shift, out = tmp_path / "massbank", tmp_path / "nmrshiftdb2", tmp_path / "open_exp"
    for at, (name, schema) in enumerate({"molecules": MOLECULES, "peaks": PEAKS, "records": MASS_RECORDS}.items()):
        write(mass / f"{name}.parquet", schema, [parts[at] for parts in electrons])
    write(shift / "molecules.parquet", MOLECULES, molecules)
    write(shift / "peaks.parquet", PEAKS, spectra)
    summary = join(mass, shift, out, **options)
    tables = {"molecules": MOLECULES, "peaks": PEAKS, "sources": OPEN_SOURCES, "rejects": REJECTS}
    return summary, {name: read_table(out / f"{name}.parquet", schema).to_pylist() for name, schema in tables.items()}


def test_a_molecule_has_a_row_and_a_spectrum_of_each_technique(tmp_path):
    spectra = [magnetic(7, 0, "13C", [20.0, 60.0], solvent="CDCl3"), magnetic(7, 1, "1H", [1.2])]
    summary, tables = joined(tmp_path, [electron("M1", energy_ev=70.0)], [molecule("nmrshiftdb2:7", "AAA")], spectra)
    assert [row["molecule_id"] for row in tables["molecules"]] == ["open_exp:AAA"]
    assert [row["spectrum_id"] for row in tables["peaks"]] == [f"open_exp:AAA/{t}/0" for t in ("MS", "13C", "1H")]
    assert tables["sources"] == [
        {
            "molecule_id": "open_exp:AAA", "accession": "M1", "licence": "CC BY", "energy_ev": 70.0,
            "isotope_labelled": False, "carbon_spectrum": "nmrshiftdb2:7/13C/0", "carbon_solvent": "CDCl3",
            "proton_spectrum": "nmrshiftdb2:7/1H/1", "proton_solvent": None,
        }
    ]  # fmt: skip
    assert (summary["with_MS_and_13C"], summary["with_MS_and_13C_and_1H"]) == (1, 1)


def test_entries_of_equal_atoms_collapse_and_tell_nothing_more(tmp_path):
    shifts = [60.0, 20.004, 20.0, 20.0, 128.5, 128.496]
    _, tables = joined(tmp_path, [electron("M1")], [molecule("nmrshiftdb2:7", "AAA")], [magnetic(7, 0, "13C", shifts)])
    carbon = next(row for row in tables["peaks"] if row["technique"] == "13C")
    assert carbon["position"] == [20.0, 60.0, 128.5]
    assert carbon["atoms"] is carbon["intensity"] is carbon["multiplicity"] is None


def test_predicted_spectra_are_never_used(tmp_path):
    molecules = [molecule("nmrshiftdb2:7", "AAA"), molecule("nmrshiftdb2:8", "BBB")]
    spectra = [
        magnetic(7, 0, "13C", [1.0, 2.0, 3.0], origin="predicted", solvent="CDCl3"),
        magnetic(7, 1, "13C", [20.0]),
        magnetic(7, 2, "1H", [1.0], origin="predicted"),
        magnetic(8, 0, "13C", [1.0], origin="predicted"),
    ]
    summary, tables = joined(tmp_path, [electron("M1"), electron("M2", "BBB")], molecules, spectra)
    assert tables["sources"][0]["carbon_spectrum"] == "nmrshiftdb2:7/13C/1"
    assert tables["sources"][0]["proton_spectrum"] is None
    assert [(row["native_id"], row["message"]) for row in tables["rejects"]] == [
        ("BBB", "no 13C spectrum that is not predicted")
    ]
    assert (summary["records"], summary["molecules"], summary["record_rejects"]) == (2, 1, 1)


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ({"peaks": 1, "energy_ev": 20.0}, {"peaks": 9, "energy_ev": 70.0, "smiles": "[2H]CCO"}),
        ({"peaks": 1, "energy_ev": 70.0, "ionisation": "GC-EI-TOF"}, {"peaks": 9, "energy_ev": 75.0}),
        ({"peaks": 1, "energy_ev": 70.0, "ionisation": "GC-EI-TOF"}, {"peaks": 9}),
        ({"peaks": 1}, {"peaks": 9, "ionisation": "GC-EI-TOF"}),
        ({"peaks": 9}, {"peaks": 8}),
    ],
)
def test_preferred_electron_spectrum(better, worse, tmp_path):
    carbon = [molecule("nmrshiftdb2:7", "AAA")], [magnetic(7, 0, "13C", [20.0])]
    for at, electrons in enumerate(([electron("M1", **worse), electron("M2", **better)],) * 2):
        _, tables = joined(tmp_path / str(at), electrons[:: 1 if at else -1], *carbon)
        assert tables["sources"][0]["accession"] == "M2"


def test_equal_electron_spectra_go_by_accession(tmp_path):
    carbon = [molecule("nmrshiftdb2:7", "AAA")], [magnetic(7, 0, "13C", [20.0])]
    _, tables = joined(tmp_path, [electron("M2"), electron("M1")], *carbon)
    assert tables["sources"][0]["accession"] == "M1"


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ((9, 5, "13C", [1.0]), (7, 0, "13C", [1.0, 2.0])),
        ((9, 5, "13C", [1.0, 2.0]), (7, 0, "13C", [1.0, 1.0, 1.0])),
        ((7, 5, "13C", [1.0]), (10, 0, "13C", [2.0])),
        ((7, 5, "13C", [1.0]), (7, 12, "13C", [2.0])),
    ],
)
def test_preferred_magnetic_spectrum(better, worse, tmp_path):
    molecules = [molecule(f"nmrshiftdb2:{native}", "AAA") for native in sorted({better[0], worse[0]})]
    solvent = "Chloroform-D1 (CDCl3)" if len(better[3]) < len(worse[3]) and better[3] == [1.0] else None
    spectra = [magnetic(*worse), magnetic(*better, solvent=solvent)]
    _, tables = joined(tmp_path, [electron("M1")], molecules, spectra)
    assert tables["sources"][0]["carbon_spectrum"] == f"nmrshiftdb2:{better[0]}/13C/{better[1]}"


@pytest.mark.parametrize(("energy", "kept"), [("any", "ABCD"), ("70ish", "ABC"), ("70", "A")])
def test_energies_are_limited(energy, kept, tmp_path):
    energies = {"A": 70.0, "B": 75.0, "C": None, "D": 20.0}
    electrons = [electron(name, name * 3, energy_ev=value) for name, value in energies.items()]
    molecules = [molecule(f"nmrshiftdb2:{at}", name * 3) for at, name in enumerate(energies)]
    spectra = [magnetic(at, 0, "13C", [20.0]) for at in range(4)]
    _, tables = joined(tmp_path, electrons, molecules, spectra, ei_energy=energy)
    assert "".join(row["accession"] for row in tables["sources"]) == kept
    lost = {row["native_id"][0] for row in tables["rejects"]}
    assert lost == set(energies) - set(kept)
    assert all("wanted energy" in row["message"] for row in tables["rejects"])


def test_words_about_an_energy_that_is_no_number_are_not_unstated(tmp_path):
    odd = electron("M1")
    odd[2]["energy"] = "10-20 eV"
    carbon = [molecule("nmrshiftdb2:7", "AAA")], [magnetic(7, 0, "13C", [20.0])]
    assert joined(tmp_path, [odd], *carbon, ei_energy="70ish")[0]["molecules"] == 0


def test_sources_without_a_common_molecule_are_one_clear_error(tmp_path):
    with pytest.raises(InputError, match="share no molecule"):
        joined(tmp_path, [electron("M1")], [molecule("nmrshiftdb2:7", "BBB")], [magnetic(7, 0, "13C", [20.0])])


@pytest.fixture(scope="module")
def real(tmp_path_factory) -> Path:
    archive = MIRROR / "massbank" / "massbank_EI_records.tar.gz"
    signals = MIRROR / "nmrshiftdb2" / "nmrshiftdb2withsignals.sd.gz"
    if not archive.is_file() or not signals.is_file():
        pytest.skip("no mirror of real data beside the project")
    out = tmp_path_factory.mktemp("real")
    names = ("molecules", "peaks", "records", "rejects")
    paths = {name: out / "massbank" / f"{name}.parquet" for name in names}
    massbank.ingest(archive, **paths, counts=out / "massbank" / "counts.json")
    paths = {name: out / "nmrshiftdb2" / f"{name}.parquet" for name in ("molecules", "peaks", "rejects")}
    nmrshiftdb2.ingest(signals, **paths, counts=out / "nmrshiftdb2" / "counts.json")
    return out


@pytest.mark.real_data
@pytest.mark.slow
@pytest.mark.parametrize(("energy", "both", "three"), [("any", 2265, 1139), ("70ish", 2046, 1058), ("70", 1753, 901)])
def test_published_sources_give_the_known_counts(energy, both, three, real, tmp_path):
    summary = join(real / "massbank", real / "nmrshiftdb2", tmp_path, ei_energy=energy)
    assert (summary["with_MS_and_13C"], summary["with_MS_and_13C_and_1H"]) == (both, three)
    assert count_rows(tmp_path / "peaks.parquet") == 2 * both + three
