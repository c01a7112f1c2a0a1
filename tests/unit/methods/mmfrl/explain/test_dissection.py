import numpy as np
import pytest
from rdkit import Chem

from spectraflow.methods.mmfrl.explain.dissection import Dissection, random_part


def dissected(smiles):
    return Dissection(Chem.MolFromSmiles(smiles))


def left(smiles):
    """The SMILES of what one cut leaves of a whole molecule."""
    dissection = dissected(smiles)
    (whole,) = dissection.fragments()
    return {dissection.smiles(atoms) for atoms in dissection.cuts(whole)}


def test_chains_lose_either_side_of_a_bond():
    assert left("CCO") == {"C", "O", "CO", "CC"}


def test_a_ring_is_lost_whole_or_but_for_its_joint():
    assert left("Cc1ccccc1") == {"c1ccccc1", "C", "CC"}


def test_ring_systems_are_not_opened():
    assert left("c1ccc2ccccc2c1") == set()
    assert left("C1CC2CCC1C2") == set()


def test_spiro_rings_are_cut_at_their_common_atom():
    assert left("C1CCC2(C1)CCCCC2") == {"C1CCCC1", "C1CCCCC1"}


def test_a_ring_between_two_groups_is_cut_from_outside_only():
    assert left("Nc1ccc(O)cc1") == {"Nc1ccccc1", "Oc1ccccc1", "N", "O"}


@pytest.mark.parametrize(
    ("smiles", "atoms", "expected"),
    [
        ("Cn1cccc1", range(1, 6), "c1cc[nH]c1"),  # the bare nitrogen takes a hydrogen
        ("C[C@H](N)C(=O)O", (1, 2, 3, 4, 5), "NCC(=O)O"),  # no stereo centre any more
        ("C[C@H](N)C(=O)O", range(6), "C[C@H](N)C(=O)O"),
        ("C[N+](C)(C)C", (0, 1), "C[NH3+]"),
        ("O=c1cc[nH]cc1", range(1, 7), "C1=CNC=CC1"),
        ("F/C=C/F", (0, 1, 2), "C=CF"),
    ],
)
def test_hydrogens_and_stereo_of_parts(smiles, atoms, expected):
    assert dissected(smiles).smiles(frozenset(atoms)) == expected


def test_parts_that_are_no_molecules():
    assert dissected("c1ccc2[nH]ccc2c1").smiles(frozenset({0, 1, 2})) == "C=CC", "Kekulé bonds, filled with hydrogen"
    assert dissected("C").smiles(frozenset()) in (None, "")


def test_the_molecule_is_left_as_it_was():
    mol = Chem.MolFromSmiles("Cc1ccncc1")
    dissection = Dissection(mol)
    for atoms in dissection.cuts(dissection.fragments()[0]):
        dissection.smiles(atoms)
    assert Chem.MolToSmiles(mol) == "Cc1ccncc1"


@pytest.mark.parametrize("smiles", ["CC(=O)Oc1ccccc1C(=O)O", "CN1CCC[C@H]1c1cccnc1", "CC(C)Cc1ccc(cc1)C(C)C(=O)O"])
def test_all_parts_reached_by_cuts_are_connected_and_sound(smiles):
    dissection = dissected(smiles)
    waiting, seen = dissection.fragments(), set()
    while waiting:
        atoms = waiting.pop()
        for part in set(dissection.cuts(atoms)) - seen:
            seen.add(part)
            waiting.append(part)
            assert part < atoms
            text = dissection.smiles(part)
            assert text
            assert "." not in text
            assert Chem.MolFromSmiles(text).GetNumAtoms() == len(part)


def test_fragments_of_a_salt():
    assert [len(atoms) for atoms in dissected("CC(=O)[O-].[Na+]").fragments()] == [4, 1]


def test_random_parts_are_of_the_size_or_the_next_possible():
    dissection = dissected("CCCCc1ccccc1")
    (whole,) = dissection.fragments()
    generator = np.random.default_rng(0)
    sizes = [len(random_part(dissection, whole, 3, generator)) for _ in range(20)]
    assert set(sizes) <= {3, 4, 5, 6}
    assert 3 in sizes
    assert random_part(dissection, whole, 10, generator) == whole
