from pathlib import Path

import pyarrow.parquet as pq
import pytest
from rdkit import Chem

from spectraflow.errors import InputError
from spectraflow.molecules.functional_groups import group_matches, label_molecules, load_definitions
from spectraflow.tables import MOLECULES, TableWriter, labels_schema, read_table

ROOT = Path(__file__).parents[3]
DEFINITIONS = ROOT / "resources" / "functional_groups.csv"
ALBERTS = ROOT.parent / "shared" / "data" / "alberts" / "example_data_1.parquet"
POSITIVES_OF_100 = [
    *(0, 1, 26, 5, 94, 11, 2, 26, 54, 73, 0, 11, 13, 1, 0, 15, 48, 49, 2),
    *(1, 2, 0, 0, 0, 7, 5, 7, 0, 15, 10, 1, 4, 0, 1, 0, 1, 0),
]


def groups_of(smiles: str) -> set[str]:
    patterns = load_definitions(DEFINITIONS)
    found = group_matches(Chem.MolFromSmiles(smiles), patterns.values())
    return {name for name, present in zip(patterns, found, strict=True) if present}


def write_molecules(path, smiles: list[str]) -> None:
    with TableWriter(path, MOLECULES) as writer:
        writer.write_rows([{"molecule_id": f"x:{i}", "smiles": text} for i, text in enumerate(smiles)])


@pytest.mark.parametrize(
    ("smiles", "expected"),
    [
        ("CC(=O)OC(C)=O", {"Acid anhydride", "Alkane", "Ester", "Ether"}),
        ("CC(=O)N", {"Alkane", "Amide"}),
        ("Oc1ccccc1", {"Alcohol", "Arene", "Phenol"}),
        ("C[N+](=O)[O-]", {"Alkane", "Amine"}),
        ("c1ccsc1", {"Sulfide"}),
        ("CC#N", {"Alkane", "Nitrile"}),
        ("OC=O", {"Alcohol", "Aldehyde", "Carboxylic acid"}),
        ("C=O", set()),
        ("CC(C)=NC", {"Alkane", "Imine"}),
        ("Clc1ccccc1", {"Arene", "Haloalkane"}),
        ("[Na+]", set()),
    ],
)
def test_groups_of_known_molecules(smiles, expected):
    assert groups_of(smiles) == expected


def test_shipped_definitions_are_37_groups():
    assert len(load_definitions(DEFINITIONS)) == 37


@pytest.mark.real_data
@pytest.mark.skipif(not ALBERTS.exists(), reason="needs the mirror of real data")
def test_positives_in_a_hundred_published_molecules():
    patterns = load_definitions(DEFINITIONS).values()
    smiles = pq.read_table(ALBERTS, columns=["smiles"])["smiles"].to_pylist()
    rows = [group_matches(Chem.MolFromSmiles(text), patterns) for text in smiles]
    assert [sum(column) for column in zip(*rows, strict=True)] == POSITIVES_OF_100


@pytest.mark.parametrize("processes", [1, 2])
def test_labels_are_true_false_or_unknown(tmp_path, processes):
    write_molecules(tmp_path / "m.parquet", ["CCO", "c1ccccc1", "broken"])
    counts = label_molecules(tmp_path / "m.parquet", DEFINITIONS, tmp_path / "l.parquet", processes=processes)
    assert counts == {"molecules": 3, "labelled": 2, "unreadable": 1}
    table = read_table(tmp_path / "l.parquet", labels_schema(list(load_definitions(DEFINITIONS))))
    assert table["molecule_id"].to_pylist() == ["x:0", "x:1", "x:2"]
    assert table["Alcohol"].to_pylist() == [True, False, None]
    assert table["Arene"].to_pylist() == [False, True, None]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,pattern\nAlcohol,CO\n", "lacks the column.*smarts"),
        ("", "lacks the column"),
        ("name,smarts\n", "defines no functional group"),
        ("name,smarts\nAlcohol,[OH\n", r"line 2: '\[OH' \(Alcohol\) is not a SMARTS"),
        ("name,smarts\nAlcohol,\n", "line 2.*not a SMARTS"),
        ("name,smarts\nAlcohol\n", "line 2.*not a SMARTS"),
        ("name,smarts\nA,C\nA,N\n", "line 3: the name 'A' is empty, reserved or repeated"),
        ("name,smarts\nmolecule_id,C\n", "reserved"),
    ],
)
def test_faulty_definitions_are_named(tmp_path, text, message):
    path = tmp_path / "groups.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        load_definitions(path)


def test_missing_definitions_leave_no_labels(tmp_path):
    write_molecules(tmp_path / "m.parquet", ["C"])
    with pytest.raises(InputError, match=r"absent\.csv"):
        label_molecules(tmp_path / "m.parquet", tmp_path / "absent.csv", tmp_path / "l.parquet")
    assert [path.name for path in tmp_path.iterdir()] == ["m.parquet"]
