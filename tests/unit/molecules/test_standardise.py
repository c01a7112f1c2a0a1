import pytest
from rdkit import Chem

from spectraflow.molecules.standardise import UnusableMolecule, atomic_numbers, molecule_row, parse_smiles
from spectraflow.tables import MOLECULES, RejectReason


def test_row_of_lactic_acid():
    row = molecule_row(parse_smiles("OC(=O)[C@@H](O)C"), "x:1")
    assert list(row) == MOLECULES.names
    assert row["molecule_id"] == "x:1"
    assert row["smiles"] == "C[C@H](O)C(=O)O"
    assert row["inchikey"] == "JVTAAEKCZFNVCJ-REOHCLBHSA-N"
    assert (row["formula"], row["heavy_atoms"], row["carbons"], row["scaffold"]) == ("C3H6O3", 6, 3, "")
    assert row["mol_weight"] == pytest.approx(90.078, abs=0.002)
    assert row["identity_key"] == min("C[C@H](O)C(=O)O", "C[C@@H](O)C(=O)O")


def test_row_does_not_depend_on_atom_order():
    rows = [molecule_row(parse_smiles(s), "x:1") for s in ("c1ccccc1CC(=O)N", "NC(=O)Cc1ccccc1")]
    assert rows[0] == rows[1]


def test_atomic_numbers():
    assert atomic_numbers(Chem.MolFromSmiles("CO[Na]")) == [6, 8, 11]


@pytest.mark.parametrize(
    ("smiles", "reason", "message"),
    [
        ("CN(C)(C)(C)C", RejectReason.UNREADABLE_MOLECULE, "valence"),
        ("C1CC", RejectReason.UNREADABLE_MOLECULE, "cannot be parsed"),
        ("C*", RejectReason.UNREADABLE_MOLECULE, "not an element"),
        ("C" * 1001, RejectReason.MOLECULE_TOO_LARGE, "1001 heavy atoms"),
        ("", RejectReason.EMPTY_MOLECULE, "no SMILES"),
    ],
)
def test_unusable_molecules_say_why(smiles, reason, message):
    with pytest.raises(UnusableMolecule) as caught:
        parse_smiles(smiles)
    assert caught.value.reason is reason
    assert message in caught.value.message


@pytest.mark.parametrize(
    "smiles", ["[Na+].[Cl-]", "C", "[13CH3]C", "CCCl", "[Ca+2].[C-]#[C-]", "Cl", "C" * 30 + "[Cu]", "[CH3-]", "[Cd]"]
)
def test_carbons_are_counted(smiles):
    assert molecule_row(parse_smiles(smiles), "x:1")["carbons"] == atomic_numbers(Chem.MolFromSmiles(smiles)).count(6)
