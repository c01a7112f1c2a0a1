import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import rdFingerprintGenerator

from spectraflow.methods.matchnet.molecule_columns import UnsuitableMolecule, molecule_columns, packed_fingerprint
from spectraflow.methods.matchnet.settings import MoleculeSettings
from spectraflow.tables import RejectReason

ATOMS = ("element", "degree", "hydrogens", "implicit_valence", "aromatic")


def atoms_of(smiles):
    """One row an atom, in the order of ATOMS."""
    found = molecule_columns(smiles)
    return list(zip(*(found[name] for name in ATOMS), strict=True))


def test_toluene():
    bare, ring = (0, 3, 0, 0, 1), (0, 2, 1, 1, 1)
    assert atoms_of("Cc1ccccc1") == [(0, 1, 3, 3, 0), bare, *[ring] * 5]
    found = molecule_columns("Cc1ccccc1")
    bonds = {frozenset(bond) for bond in zip(found["bond_source"], found["bond_target"], strict=True)}
    assert bonds == {frozenset(bond) for bond in [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 6), (6, 1)]}


def test_the_hydrogen_of_pyrrole_is_written_so_its_implicit_valence_is_0():
    assert atoms_of("c1cc[nH]c1")[3] == (1, 2, 1, 0, 1)
    assert atoms_of("CNC")[1] == (1, 2, 1, 1, 0)


def test_a_nitro_group_is_charged_within_but_neutral():
    found = molecule_columns("C[N+](=O)[O-]", MoleculeSettings())
    assert found["element"] == [0, 1, 2, 2]
    assert found["degree"] == [1, 3, 1, 1]
    assert found["hydrogens"] == [3, 0, 0, 0]
    assert found["implicit_valence"] == [3, 0, 0, 0]


def test_elements_beyond_the_three_are_one_class():
    assert [atom[0] for atom in atoms_of("CSCCl")] == [0, 3, 0, 3]


@pytest.mark.parametrize("smiles", ["Cc1ccccc1", "C[C@H](O)C(=O)N", "C[C@@H](O)C(=O)N"])
def test_the_fingerprint_has_the_bits_of_rdkit(smiles):
    mol = Chem.MolFromSmiles(smiles)
    bits = np.unpackbits(np.frombuffer(packed_fingerprint(mol), np.uint8))
    expected = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048).GetFingerprint(mol)
    assert np.flatnonzero(bits).tolist() == list(expected.GetOnBits())
    assert len(bits) == 2048
    assert molecule_columns(smiles)["fingerprint"] == packed_fingerprint(mol)


def test_mirror_images_look_alike():
    assert molecule_columns("C[C@H](O)C(=O)N") == molecule_columns("C[C@@H](O)C(=O)N")


@pytest.mark.parametrize(
    ("smiles", "reason", "message"),
    [
        ("C1CC", RejectReason.UNREADABLE_MOLECULE, "'C1CC' cannot be read"),
        ("CC.CO", RejectReason.SEVERAL_FRAGMENTS, "'CC.CO' has several fragments"),
        ("C", RejectReason.NO_BOND, "'C' has no bond"),
        ("C[NH3+]", RejectReason.CHARGED_MOLECULE, r"the charge \+1"),
        ("CC(=O)[O-]", RejectReason.CHARGED_MOLECULE, "the charge -1"),
        ("FCCS", RejectReason.WRONG_ELEMENT, "holds F, S"),
        ("CCCCC", RejectReason.MOLECULE_TOO_LARGE, "5 heavy atoms, more than 4"),
    ],
)
def test_unsuitable_molecules_name_their_reason(smiles, reason, message):
    with pytest.raises(UnsuitableMolecule, match=message) as caught:
        molecule_columns(smiles, MoleculeSettings(heavy_atoms=4))
    assert caught.value.reason == reason


@pytest.mark.parametrize("smiles", ["C[NH3+]", "FCCS", "CCCCC"])
def test_without_settings_charge_elements_and_size_are_free(smiles):
    assert molecule_columns(smiles)["degree"]


@pytest.mark.parametrize("smiles", ["CC.CO", "C", "C1CC"])
def test_without_settings_a_graph_is_still_one_fragment_with_a_bond(smiles):
    with pytest.raises(UnsuitableMolecule):
        molecule_columns(smiles)
