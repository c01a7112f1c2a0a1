"""Atoms sorted into the types that a chemist's increment tables speak of."""

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem


class AtomType(IntEnum):
    """What an atom is to a carbon or proton near it."""

    C_SP3 = 0
    C_VINYL = 1
    C_AROMATIC = 2
    C_CARBONYL = 3
    C_CARBOXYL = 4
    C_SP = 5
    O_HYDROXYL = 6
    O_ETHER = 7
    O_ESTER = 8
    O_DOUBLE = 9
    O_AROMATIC = 10
    N_AMINE = 11
    N_AMIDE = 12
    N_NITRO = 13
    N_PYRIDINE = 14
    N_PYRROLE = 15
    N_UNSATURATED = 16
    F = 17
    CL = 18
    BR = 19
    I = 20  # noqa: E741
    S_SULFIDE = 21
    S_OXIDISED = 22
    S_AROMATIC = 23
    OTHER = 24


class CarbonClass(IntEnum):
    """What a carbon is to its own shift; `HETERO` is every atom that is no carbon."""

    SP3 = 0
    ALKENE = 1
    AROMATIC = 2
    CARBONYL = 3
    THIOCARBONYL = 4
    IMINE = 5
    ALKYNE = 6
    NITRILE = 7
    ALLENE = 8
    HETEROCUMULENE = 9
    HETERO = 10


_HALOGENS = {9: AtomType.F, 17: AtomType.CL, 35: AtomType.BR, 53: AtomType.I}
_DOUBLE_PARTNER = {
    6: CarbonClass.ALKENE,
    7: CarbonClass.IMINE,
    8: CarbonClass.CARBONYL,
    16: CarbonClass.THIOCARBONYL,
    34: CarbonClass.THIOCARBONYL,
}
_CARBON_TYPE = {
    CarbonClass.SP3: AtomType.C_SP3,
    CarbonClass.ALKENE: AtomType.C_VINYL,
    CarbonClass.AROMATIC: AtomType.C_AROMATIC,
    CarbonClass.IMINE: AtomType.C_VINYL,
    CarbonClass.ALKYNE: AtomType.C_SP,
    CarbonClass.NITRILE: AtomType.C_SP,
    CarbonClass.ALLENE: AtomType.C_VINYL,
    CarbonClass.HETEROCUMULENE: AtomType.C_SP,
}


def carbon_class(atom: Chem.Atom) -> tuple[CarbonClass, int]:
    """Return the class of an atom and the index of its multiple-bond partner (-1 if it has none)."""
    if atom.GetAtomicNum() != 6:
        return CarbonClass.HETERO, -1
    if atom.GetIsAromatic():
        return CarbonClass.AROMATIC, -1
    doubles: list[Chem.Atom] = []
    for bond in atom.GetBonds():
        kind = bond.GetBondType()
        if kind == Chem.BondType.TRIPLE:
            partner = bond.GetOtherAtom(atom)
            return (CarbonClass.ALKYNE if partner.GetAtomicNum() == 6 else CarbonClass.NITRILE), partner.GetIdx()
        if kind == Chem.BondType.DOUBLE:
            doubles.append(bond.GetOtherAtom(atom))
    if not doubles:
        return CarbonClass.SP3, -1
    if len(doubles) > 1:
        carbons = all(partner.GetAtomicNum() == 6 for partner in doubles)
        return (CarbonClass.ALLENE if carbons else CarbonClass.HETEROCUMULENE), -1
    return _DOUBLE_PARTNER.get(doubles[0].GetAtomicNum(), CarbonClass.ALKENE), doubles[0].GetIdx()


def _carbon_type(atom: Chem.Atom, kind: CarbonClass, partner: int) -> AtomType:
    if kind not in (CarbonClass.CARBONYL, CarbonClass.THIOCARBONYL):
        return _CARBON_TYPE[kind]
    others = (other.GetAtomicNum() for other in atom.GetNeighbors() if other.GetIdx() != partner)
    return AtomType.C_CARBOXYL if any(number != 6 for number in others) else AtomType.C_CARBONYL


def _joins_acyl(atom: Chem.Atom, classes: list[CarbonClass]) -> bool:
    acyl = (CarbonClass.CARBONYL, CarbonClass.THIOCARBONYL)
    return any(classes[other.GetIdx()] in acyl for other in atom.GetNeighbors())


def _oxygen_type(atom: Chem.Atom, classes: list[CarbonClass]) -> AtomType:
    if atom.GetIsAromatic():
        return AtomType.O_AROMATIC
    if any(bond.GetBondType() == Chem.BondType.DOUBLE for bond in atom.GetBonds()):
        return AtomType.O_DOUBLE
    if atom.GetDegree() == 1:
        return AtomType.O_HYDROXYL
    return AtomType.O_ESTER if _joins_acyl(atom, classes) else AtomType.O_ETHER


def _nitrogen_type(atom: Chem.Atom, classes: list[CarbonClass]) -> AtomType:
    if atom.GetIsAromatic():
        return AtomType.N_PYRROLE if atom.GetTotalDegree() == 3 and not atom.GetFormalCharge() else AtomType.N_PYRIDINE
    oxygens = sum(other.GetAtomicNum() == 8 and other.GetDegree() == 1 for other in atom.GetNeighbors())
    if oxygens >= 2:
        return AtomType.N_NITRO
    if any(bond.GetBondType() != Chem.BondType.SINGLE for bond in atom.GetBonds()):
        return AtomType.N_UNSATURATED
    sulfonyl = any(other.GetAtomicNum() == 16 and other.GetDegree() > 2 for other in atom.GetNeighbors())
    return AtomType.N_AMIDE if sulfonyl or _joins_acyl(atom, classes) else AtomType.N_AMINE


def _type(atom: Chem.Atom, classes: list[CarbonClass], partner: int) -> AtomType:
    number = atom.GetAtomicNum()
    if number == 6:
        return _carbon_type(atom, classes[atom.GetIdx()], partner)
    if number == 7:
        return _nitrogen_type(atom, classes)
    if number == 8:
        return _oxygen_type(atom, classes)
    if number in (16, 34):
        if atom.GetIsAromatic():
            return AtomType.S_AROMATIC
        return AtomType.S_SULFIDE if atom.GetTotalDegree() <= 2 else AtomType.S_OXIDISED
    return _HALOGENS.get(number, AtomType.OTHER)


def classify_atoms(mol: Chem.Mol) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return class, multiple-bond partner (-1 = none) and type of each atom, three arrays of length n_atoms."""
    atoms = list(mol.GetAtoms())
    pairs = [carbon_class(atom) for atom in atoms]
    classes = [kind for kind, _ in pairs]
    types = [_type(atom, classes, pair[1]) for atom, pair in zip(atoms, pairs, strict=True)]
    return np.array(classes), np.array([partner for _, partner in pairs]), np.array(types)
