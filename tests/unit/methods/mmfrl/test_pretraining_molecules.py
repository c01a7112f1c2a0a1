import json

import pytest
from rdkit import Chem

from spectraflow.errors import InputError
from spectraflow.files import read_json
from spectraflow.methods.mmfrl.pretraining_molecules import atom_shifts, select_pretraining
from spectraflow.tables import PEAKS, PRETRAINING, PROPERTIES, TableWriter, read_table


def spectrum(molecule, number, shifts, origin="measured", technique="13C"):
    return {
        "molecule_id": molecule,
        "spectrum_id": f"{molecule}/{technique}/{number}",
        "technique": technique,
        "position": [ppm for ppm, _ in shifts],
        "atoms": [atoms for _, atoms in shifts],
        "origin": origin,
    }


def write_peaks(path, *spectra):
    with TableWriter(path, PEAKS) as writer:
        writer.write_rows(spectra)
    return path


def write_task(path, task, *smiles):
    rows = [
        {
            "molecule_id": f"moleculenet_{task}:{row}",
            "row": row,
            "smiles": text,
            "inchikey": Chem.MolToInchiKey(Chem.MolFromSmiles(text)),
            "scaffold": "",
            "targets": [1.0],
        }
        for row, text in enumerate(smiles)
    ]
    with TableWriter(path, PROPERTIES, {"spectraflow.properties": json.dumps({"task": task})}) as writer:
        writer.write_rows(rows)
    return path


@pytest.fixture
def files(tmp_path, molecules_table):
    smiles = {
        "n:1": "CCO",
        "n:2": "OC(C)C",
        "n:3": "CC",
        "n:4": "CCCC",
        "n:5": "C[C@H](N)C(=O)O",
        "n:6": "CN",
        "n:7": "O",
    }
    return {
        "molecules": molecules_table(smiles),
        "peaks": write_peaks(
            tmp_path / "peaks.parquet",
            spectrum("n:1", 0, [(57.5, [1]), (18.25, [0])]),
            spectrum("n:2", 0, [(64.0, [1])]),
            spectrum("n:2", 1, [(64.5, [1]), (25.0, [2, 3])], origin="predicted"),
            spectrum("n:3", 0, [(-0.5, [0, 1])]),
            spectrum("n:4", 0, [(13.0, [0, 3])]),
            spectrum("n:5", 0, [(17.0, [0]), (51.0, [1]), (176.0, [3])]),
            spectrum("n:6", 0, [(28.0, [0])], technique="1H"),
        ),
        "properties": [
            write_task(tmp_path / "a.parquet", "a", "C[C@@H](N)C(=O)O", "c1ccccc1"),
            write_task(tmp_path / "b.parquet", "b", "CC(N)C(O)=O", "CCO", "CCO", "C", "CC"),
        ],
        "out": tmp_path / "out.parquet",
        "overlap": tmp_path / "overlap.json",
    }


def test_whoever_is_in_a_task_is_left_out(files):
    found = select_pretraining(**files)
    assert read_json(files["overlap"]) == found
    assert read_table(files["out"], PRETRAINING).to_pylist() == [
        {
            "molecule_id": "n:2",
            "smiles": "OC(C)C",
            "first_block": "KFZMGEQAYNKOFK",
            "carbon_atom": [1, 2, 3],
            "shift_ppm": [64.5, 25.0, 25.0],
        }
    ]
    assert (found["candidates"], found["usable"], found["overlapping"], found["removed"]) == (5, 3, 2, 2)
    assert found["unusable"] == {"carbons_not_all_assigned": 1, "no_complete_spectrum": 1}
    assert (found["molecules"], found["from_predicted"], found["carbons"]) == (1, 1, 3)
    assert found["tasks"]["a"] == {"molecules": 2, "seen": 1, "share": 0.5, "pretraining_molecules": 1, "left": 0}
    assert found["tasks"]["b"] == {"molecules": 4, "seen": 2, "share": 0.5, "pretraining_molecules": 2, "left": 0}


def test_the_leaky_arm_keeps_them_and_says_so(files):
    found = select_pretraining(**files, dedupe="none")
    assert read_table(files["out"], PRETRAINING)["molecule_id"].to_pylist() == ["n:1", "n:2", "n:5"]
    assert (found["overlapping"], found["removed"], found["tasks"]["b"]["left"]) == (2, 0, 2)


def test_a_measured_spectrum_comes_before_a_predicted_one(files, tmp_path):
    both = [(1.0, [0]), (2.0, [1])], [(3.0, [0]), (4.0, [1])]
    files["peaks"] = write_peaks(
        tmp_path / "two.parquet", spectrum("n:3", 0, both[0], origin="predicted"), spectrum("n:3", 1, both[1])
    )
    files["properties"] = []
    found = select_pretraining(**files)
    assert read_table(files["out"], PRETRAINING)["shift_ppm"].to_pylist() == [[3.0, 4.0]]
    assert found["from_predicted"] == 0


def test_every_index_is_a_carbon_of_the_smiles(files):
    select_pretraining(**files, dedupe="none")
    for row in read_table(files["out"], PRETRAINING).to_pylist():
        atoms = Chem.MolFromSmiles(row["smiles"]).GetAtoms()
        assert [atom.GetIdx() for atom in atoms if atom.GetSymbol() == "C"] == row["carbon_atom"]


@pytest.mark.parametrize(
    ("position", "atoms", "expected"),
    [
        ([0.0, 250.0], [[1], [0]], {1: 0.0, 0: 250.0}),
        ([10.0, 20.0], [[0], None], {0: 10.0}),
        ([10.0, 10.0], [[0], [0]], None),
        ([250.1], [[0]], None),
        ([-0.1], [[0]], None),
        ([float("nan")], [[0]], None),
        ([], [], {}),
    ],
)
def test_shifts_of_atoms(position, atoms, expected):
    assert atom_shifts(position, atoms) == expected


def test_nothing_left_is_an_error(files, tmp_path):
    files["properties"] = [write_task(tmp_path / "c.parquet", "c", "CCO", "CC(C)O", "CC(N)C(O)=O")]
    with pytest.raises(InputError, match="no molecule to pre-train on"):
        select_pretraining(**files)
    assert not files["out"].exists()


def test_one_task_twice_is_an_error(files):
    files["properties"] *= 2
    with pytest.raises(InputError, match="task 'a'"):
        select_pretraining(**files)


def test_peaks_of_unknown_molecules_are_an_error(files, tmp_path):
    files["peaks"] = write_peaks(tmp_path / "more.parquet", spectrum("n:99", 0, [(10.0, [0])]))
    with pytest.raises(InputError, match="n:99"):
        select_pretraining(**files)
