import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem

from spectraflow.errors import InputError
from spectraflow.molecules import graphs
from spectraflow.molecules.graphs import BOND_DIRECTION, BOND_TYPE, CHIRALITY, HYBRIDISATION, graph_columns
from spectraflow.tables import GRAPHS, MOLECULES, REJECTS, TableWriter, read_table

SMILES = [
    "C",
    "CCO",
    "c1ccccc1",
    "C1=CC=CN1",
    "c1cc[nH]c1",
    "C#CC#N",
    "C=C=C",
    "C[C@H](N)C(=O)O",
    "C[C@@H](N)C(=O)O",
    "F/C=C/F",
    "F/C=C\\F",
    "C(=C/F)\\F",
    "CC/C=C/1CCCC(=O)O1",
    "[NH4+].[Cl-]",
    "[H][H]",
    "[2H]C([2H])Cl",
    "[H]OC([H])([H])[H]",
    "[H]/N=C/C",
    "C.C",
    "[Na+].[O-]C(=O)C",
    "FS(F)(F)(F)(F)F",
    "FP(F)(F)(F)F",
    "CS(=O)(=O)C",
    "N->[Fe]",
    "CN(C)(C)->[Pt](Cl)Cl",
    "*CC*",
    "C[Si](C)(C)C",
    "[BH4-]",
    "[13CH3:7]Br",
    "CC~C",
    "C->[Fe]",
    "CN(=O)=O",
    "Oc1ccn(=O)cc1",
    "CN=N#N",
    "OCl(=O)(=O)=O",
    "O[N+](=O)[O-]",
    "[CH3]$[CH3]",
    "OC[C@](F)(Cl)/C=C/[C@@H]1CC1",
    "Clc1ccc(Br)cc1I",
    "C" * 600,
]


def reference(smiles: str) -> dict[str, list]:
    mol = Chem.MolFromSmiles(smiles)
    atoms, bonds = list(mol.GetAtoms()), list(mol.GetBonds())
    return {
        "atomic_number": [atom.GetAtomicNum() for atom in atoms],
        "chirality": [CHIRALITY.get(atom.GetChiralTag(), 0) for atom in atoms],
        "hybridisation": [HYBRIDISATION.get(atom.GetHybridization(), 0) for atom in atoms],
        "hydrogens": [atom.GetTotalNumHs() for atom in atoms],
        "bonds": sorted(
            (
                *sorted((bond.GetBeginAtomIdx(), bond.GetEndAtomIdx())),
                BOND_TYPE.get(bond.GetBondType(), 5),
                BOND_DIRECTION.get(bond.GetBondDir(), 0),
            )
            for bond in bonds
        ),
    }


def row(columns: dict, index: int) -> dict[str, list]:
    values = {name: column[index].as_py() for name, column in columns.items()}
    names = ("bond_source", "bond_target", "bond_type", "bond_direction")
    bonds = zip(*(values.pop(name) for name in names), strict=True)
    return {**values, "bonds": sorted((min(a, b), max(a, b), kind, way) for a, b, kind, way in bonds)}


def write_molecules(path, smiles: list[str]) -> None:
    with TableWriter(path, MOLECULES) as writer:
        writer.write_rows([{"molecule_id": f"x:{i}", "smiles": text} for i, text in enumerate(smiles)])


def test_columns_agree_with_atom_and_bond_objects():
    smiles = [text for text in SMILES if Chem.MolFromSmiles(text) is not None]
    assert len(smiles) >= len(SMILES) - 2
    columns = graph_columns(smiles)
    for index, text in enumerate(smiles):
        assert row(columns, index) == reference(text), text


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_any_spelling_and_neighbourhood_give_the_graph_of_the_molecule(data):
    chosen = data.draw(st.lists(st.sampled_from(SMILES[:20]), min_size=1, max_size=4))
    seed = data.draw(st.integers(0, 1000))
    spelled = [Chem.MolToRandomSmilesVect(Chem.MolFromSmiles(text), 1, seed)[0] for text in chosen]
    columns = graph_columns(spelled)
    assert [row(columns, i) for i in range(len(spelled))] == [reference(text) for text in spelled]


def test_chunks_join_without_gaps(monkeypatch):
    whole = graph_columns(SMILES[:20])
    monkeypatch.setattr(graphs, "_CHUNK", 3)
    assert {name: column.to_pylist() for name, column in graph_columns(SMILES[:20]).items()} == {
        name: column.to_pylist() for name, column in whole.items()
    }


def test_directions_hold_from_source_to_target():
    columns = graph_columns(["F/C=C/F"])
    bonds = [columns[name][0].as_py() for name in ("bond_source", "bond_target", "bond_direction")]
    assert list(zip(*bonds, strict=True)) == [(0, 1, 1), (1, 2, 0), (2, 3, 1)]


def test_enantiomers_differ_only_in_chirality():
    columns = graph_columns(["C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O"])
    differing = [name for name, column in columns.items() if column[0] != column[1]]
    assert differing == ["chirality"]
    assert sorted(columns["chirality"][i].as_py()[1] for i in range(2)) == [1, 2]


def test_empty_input_gives_empty_columns():
    assert {len(column) for column in graph_columns([]).values()} == {0}


def test_unreadable_smiles_is_named():
    with pytest.raises(InputError, match=r"position 1: .*C1CC"):
        graph_columns(["C", "C1CC"])


@pytest.mark.parametrize("processes", [1, 2])
def test_every_molecule_becomes_a_graph_or_a_reject(tmp_path, processes):
    bad = {"not smiles": "unreadable", "CN(C)(C)(C)C": "unreadable", "": "empty", "c1cccc1": "unreadable"}
    smiles = ["CCO", *bad, "c1ccccc1"]
    write_molecules(tmp_path / "m.parquet", smiles)
    counts = graphs.build_graphs(
        tmp_path / "m.parquet", tmp_path / "g.parquet", tmp_path / "r.parquet", processes=processes
    )
    assert counts == {"molecules": 6, "graphs": 2, "rejects": 4}
    table = read_table(tmp_path / "g.parquet", GRAPHS)
    assert table["molecule_id"].to_pylist() == ["x:0", "x:5"]
    assert table["atomic_number"].to_pylist() == [[6, 6, 8], [6] * 6]
    rejects = read_table(tmp_path / "r.parquet", REJECTS).to_pylist()
    assert [reject["native_id"] for reject in rejects] == ["x:1", "x:2", "x:3", "x:4"]
    assert {reject["stage"] for reject in rejects} == {"graph"}
    assert [reject["reason"].split("_")[0] for reject in rejects] == list(bad.values())
    assert "valence" in rejects[1]["message"].lower()


def test_table_without_molecules_gives_tables_without_rows(tmp_path):
    write_molecules(tmp_path / "m.parquet", [])
    counts = graphs.build_graphs(tmp_path / "m.parquet", tmp_path / "g.parquet", tmp_path / "r.parquet")
    assert counts == {"molecules": 0, "graphs": 0, "rejects": 0}
    assert pq.read_schema(tmp_path / "g.parquet").field("bond_source").type == pa.list_(pa.int16())


def test_nothing_is_left_behind_when_the_molecules_are_missing(tmp_path):
    with pytest.raises(InputError, match="no such molecules table"):
        graphs.build_graphs(tmp_path / "absent.parquet", tmp_path / "g.parquet", tmp_path / "r.parquet")
    assert list(tmp_path.iterdir()) == []
