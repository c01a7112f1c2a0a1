import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem

from spectraflow.molecules.identity import first_block, identity_key, mirror_image


def key(smiles):
    return identity_key(Chem.MolFromSmiles(smiles))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O"),
        ("C[C@H](O)[C@H](O)CC", "C[C@@H](O)[C@@H](O)CC"),
        ("C/C=C/[C@H](O)CC", "C/C=C/[C@@H](O)CC"),
    ],
)
def test_enantiomers_share_the_key(one, other):
    assert key(one) == key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("C[C@H](O)[C@H](O)CC", "C[C@H](O)[C@@H](O)CC"),
        ("C/C=C/C", "C/C=C\\C"),
        ("C[C@H](N)C(=O)O", "CC(N)C(=O)O"),
        ("O[C@H]1C[C@@H](O)C1", "O[C@H]1C[C@H](O)C1"),
    ],
)
def test_diastereomers_and_geometric_isomers_do_not(one, other):
    assert key(one) != key(other)


def test_without_stereo_the_key_is_the_smiles():
    assert key("OCC") == "CCO"


NATURAL = [
    "C[C@]12CC[C@H]3[C@@H](CC[C@@H]4CC(=O)CC[C@]34C)[C@@H]1CC[C@@H]2O",
    "CC1(C)[C@@H]2CC[C@@]1(C)C(=O)C2",
    "OC[C@H]1O[C@@H](O)[C@H](O)[C@@H](O)[C@@H]1O",
    "C[C@@H]1C[C@H](C)C[C@@H](C)C1",
]


@settings(max_examples=40, deadline=None)
@given(smiles=st.sampled_from(NATURAL), seed=st.integers(0, 10_000), mirrored=st.booleans())
def test_key_is_invariant_to_atom_order_and_reflection(smiles, seed, mirrored):
    mol = Chem.MolFromSmiles(smiles)
    order = list(range(mol.GetNumAtoms()))
    random.Random(seed).shuffle(order)
    other = Chem.RenumberAtoms(mirror_image(mol) if mirrored else mol, order)
    assert identity_key(Chem.MolFromSmiles(Chem.MolToSmiles(other))) == identity_key(mol)


def test_molecule_without_inchikey_is_its_own_first_block():
    assert first_block("AAAAAAAAAAAAAA-BBBBBBBBBB-N", "lib:a-1") == "AAAAAAAAAAAAAA"
    assert first_block(None, "lib:a-1") != first_block(None, "lib:a-2")
