import pytest
from rdkit.Chem import Descriptors, MolFromSmiles, rdMolDescriptors

from spectraflow.molecules.formula import UnreadableFormula, parse_formula


@pytest.mark.parametrize("smiles", ["CN1C=NC2=C1C(=O)N(C(=O)N2C)C", "ClC(Cl)Br", "[Si](C)(C)(C)C", "O", "OS(=O)(=O)O"])
def test_formulas_are_those_of_the_molecules_table(smiles):
    mol = MolFromSmiles(smiles)
    formula = rdMolDescriptors.CalcMolFormula(mol)
    found, weight = parse_formula(formula)
    assert found == formula
    assert weight == pytest.approx(Descriptors.MolWt(mol), abs=1e-3)


def test_order_and_repetition_do_not_matter():
    assert parse_formula("CH3 CH2 OH") == parse_formula("C2H6O")
    assert parse_formula("O2N4H10C8")[0] == "C8H10N4O2"


@pytest.mark.parametrize("text", ["", "  ", "c6h6", "C6H6+", "Xx2", "(CH3)2", "C6-H6", "C0", "6"])
def test_other_texts_are_refused(text):
    with pytest.raises(UnreadableFormula):
        parse_formula(text)
