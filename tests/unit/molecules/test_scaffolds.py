import pytest
from rdkit import Chem
from rdkit.Chem.Scaffolds import MurckoScaffold

from spectraflow.molecules.scaffolds import murcko_scaffold

SMILES = ["CC(=O)Oc1ccccc1C(=O)O", "C[C@]12CCCC[C@@H]1CC(=O)C2", "c1ccccc1CCC1CC1", "O=C1CCCCC1=C", "c1cc[nH]c1"]


@pytest.mark.parametrize("smiles", SMILES)
def test_scaffold_is_rdkits_without_stereo(smiles):
    mol = Chem.MolFromSmiles(smiles)
    reference = MurckoScaffold.GetScaffoldForMol(mol)
    Chem.RemoveStereochemistry(reference)
    assert murcko_scaffold(mol) == Chem.MolToSmiles(reference)


def test_scaffold_has_no_stereo_and_ignores_side_chains():
    one, other = (Chem.MolFromSmiles(s) for s in ("C[C@H]1CC[C@@H](O)CC1", "CCC1CCCCC1"))
    assert murcko_scaffold(one) == murcko_scaffold(other) == "C1CCCCC1"


def test_acyclic_is_empty():
    assert murcko_scaffold(Chem.MolFromSmiles("CCCC(=O)O")) == ""
