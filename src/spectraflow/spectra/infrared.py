"""Simple infrared spectra: one band a functional group, plus skeletal bands that depend on the structure."""

from functools import cache

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem

IR_AXIS_CM = np.linspace(400.0, 4000.0, 1800)
"""Wavenumbers of a simulated spectrum, 1/cm, ascending, step 2.0011."""

_BANDS = (
    # SMARTS, centre 1/cm, width (half at half height) 1/cm, strength
    ("[CX4;!H0]", 2935.0, 28.0, 0.45),
    ("[CX4H3]", 1378.0, 9.0, 0.25),
    ("[CX4H2]", 1462.0, 11.0, 0.30),
    ("[cH]", 3050.0, 18.0, 0.20),
    ("c:c", 1600.0, 9.0, 0.30),
    ("[cH]:[cH]", 755.0, 10.0, 0.45),
    ("[CX3;!$(C=O);!H0]=[CX3]", 1642.0, 10.0, 0.30),
    ("[CX2]#[CX2]", 2160.0, 9.0, 0.15),
    ("[CX2]#[CX2H]", 3300.0, 20.0, 0.60),
    ("[NX1]#[CX2]", 2235.0, 7.0, 0.45),
    ("[NX2]=C=[O,S]", 2150.0, 30.0, 0.95),
    ("[#6][CX3](=O)[#6]", 1715.0, 10.0, 0.95),
    ("[CX3H1]=O", 1728.0, 10.0, 0.95),
    ("[CX3H1]=O", 2735.0, 14.0, 0.25),
    ("[CX3](=O)[OX2H0]", 1742.0, 10.0, 1.00),
    ("[CX3](=O)[OX2H]", 1705.0, 14.0, 0.95),
    ("[CX3](=O)[OX2H]", 3000.0, 220.0, 0.50),
    ("[CX3](=O)[NX3]", 1660.0, 14.0, 0.90),
    ("[CX3](=O)[F,Cl,Br,I]", 1800.0, 10.0, 1.00),
    ("[CX3](=O)[OX2][CX3]=O", 1822.0, 10.0, 0.90),
    ("[CX4,c][OX2H]", 3360.0, 110.0, 0.70),
    ("[#6][OX2][#6]", 1120.0, 18.0, 0.65),
    ("[NX3H2]", 3420.0, 25.0, 0.35),
    ("[NX3H]", 3330.0, 30.0, 0.35),
    ("[$([NX3](=O)=O),$([NX3+](=O)[O-])]", 1525.0, 11.0, 0.90),
    ("[$([NX3](=O)=O),$([NX3+](=O)[O-])]", 1348.0, 11.0, 0.85),
    ("[#16X4](=O)=O", 1325.0, 12.0, 0.85),
    ("[#16X4](=O)=O", 1145.0, 12.0, 0.80),
    ("[#16X3]=O", 1045.0, 14.0, 0.85),
    ("[SX2H]", 2560.0, 15.0, 0.10),
    ("[#6]F", 1160.0, 22.0, 0.70),
    ("[#6]Cl", 735.0, 14.0, 0.55),
    ("[#6]Br", 620.0, 12.0, 0.50),
    ("[#6]I", 530.0, 12.0, 0.40),
    ("[CX3]=[SX1]", 1200.0, 14.0, 0.60),
    ("[CX3]=[NX2]", 1645.0, 11.0, 0.40),
    ("P=O", 1260.0, 14.0, 0.80),
    ("[NX2]=[NX2]", 1430.0, 10.0, 0.25),
)


@cache
def _patterns() -> tuple[Chem.Mol, ...]:
    return tuple(Chem.MolFromSmarts(smarts) for smarts, *_ in _BANDS)


def infrared_bands(mol: Chem.Mol) -> list[tuple[float, float, float]]:
    """Return ``(centre 1/cm, width 1/cm, strength)`` of the molecule's bands, without noise."""
    bands = []
    for (_, centre, width, strength), pattern in zip(_BANDS, _patterns(), strict=True):
        count = len(mol.GetSubstructMatches(pattern, maxMatches=8))
        if count:
            bands.append((centre, width, strength * (0.7 + 0.3 * float(np.sqrt(count)))))
    for bond in mol.GetBonds():
        first, second = bond.GetBeginAtom(), bond.GetEndAtom()
        reduced_mass = first.GetMass() * second.GetMass() / (first.GetMass() + second.GetMass())
        crowding = first.GetDegree() + second.GetDegree()
        bands.append((700.0 + 900.0 * bond.GetBondTypeAsDouble() / reduced_mass + 35.0 * crowding, 8.0, 0.04))
    return bands


def infrared_spectrum(mol: Chem.Mol, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return a simulated absorption spectrum on `IR_AXIS_CM`, float32 ``[1800]``, largest value 1."""
    values = np.abs(rng.normal(0.0, 0.004, size=IR_AXIS_CM.size))
    for centre, width, strength in infrared_bands(mol):
        offset = (IR_AXIS_CM - centre - rng.normal(0.0, 3.0)) / width
        values += strength / (1.0 + offset**2)
    return (values / values.max()).astype(np.float32)
