import pytest
from rdkit import Chem

from spectraflow.spectra.atom_types import AtomType, CarbonClass, classify_atoms


@pytest.mark.parametrize(
    ("smiles", "atom", "expected"),
    [
        ("CC", 0, CarbonClass.SP3),
        ("C=C", 0, CarbonClass.ALKENE),
        ("c1ccccc1", 0, CarbonClass.AROMATIC),
        ("CC=O", 1, CarbonClass.CARBONYL),
        ("CC(N)=S", 1, CarbonClass.THIOCARBONYL),
        ("CC=NO", 1, CarbonClass.IMINE),
        ("C#C", 0, CarbonClass.ALKYNE),
        ("CC#N", 1, CarbonClass.NITRILE),
        ("C=C=C", 1, CarbonClass.ALLENE),
        ("CN=C=O", 2, CarbonClass.HETEROCUMULENE),
        ("CO", 1, CarbonClass.HETERO),
    ],
)
def test_classes_of_carbon(smiles: str, atom: int, expected: CarbonClass) -> None:
    assert classify_atoms(Chem.MolFromSmiles(smiles))[0][atom] == expected


def test_partner_is_the_other_end_of_the_multiple_bond() -> None:
    assert classify_atoms(Chem.MolFromSmiles("CC=CC=O"))[1].tolist() == [-1, 2, 1, 4, -1]


@pytest.mark.parametrize(
    ("smiles", "atom", "expected"),
    [
        ("CO", 1, AtomType.O_HYDROXYL),
        ("COC", 1, AtomType.O_ETHER),
        ("COC(C)=O", 1, AtomType.O_ESTER),
        ("CC=O", 2, AtomType.O_DOUBLE),
        ("c1ccoc1", 3, AtomType.O_AROMATIC),
        ("CN", 1, AtomType.N_AMINE),
        ("CNC(C)=O", 1, AtomType.N_AMIDE),
        ("CNS(C)(=O)=O", 1, AtomType.N_AMIDE),
        ("C[N+](=O)[O-]", 1, AtomType.N_NITRO),
        ("c1ccncc1", 3, AtomType.N_PYRIDINE),
        ("c1cc[nH]c1", 3, AtomType.N_PYRROLE),
        ("CC#N", 2, AtomType.N_UNSATURATED),
        ("CC(C)=O", 1, AtomType.C_CARBONYL),
        ("CC(=O)O", 1, AtomType.C_CARBOXYL),
        ("CC(N)=S", 1, AtomType.C_CARBOXYL),
        ("CSC", 1, AtomType.S_SULFIDE),
        ("CS(C)=O", 1, AtomType.S_OXIDISED),
        ("c1ccsc1", 3, AtomType.S_AROMATIC),
        ("C[Si](C)(C)C", 1, AtomType.OTHER),
    ],
)
def test_types_of_atoms(smiles: str, atom: int, expected: AtomType) -> None:
    assert classify_atoms(Chem.MolFromSmiles(smiles))[2][atom] == expected
