"""Simple mass spectra: the molecular ion, small neutral losses and the two halves of each bond that can break."""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from rdkit import Chem
from rdkit.Chem import rdMolDescriptors

PROTON_MZ = 1.00727646
_HYDROGEN = 1.00782503
_LOSSES = (
    # SMARTS, mass of what is lost (exact, nominal), strength
    ("[OX2H]", 18.01056, 18, 0.45),
    ("[CX3](=O)[OX2H]", 45.00335, 45, 0.5),
    ("[NX3;H2,H1]", 17.02655, 17, 0.25),
    ("[CX3H1]=O", 27.99491, 28, 0.3),
    ("[#6][CX3](=O)[#6]", 27.99491, 28, 0.2),
    ("[N+](=O)[O-]", 45.99290, 46, 0.5),
    ("[NX1]#[CX2]", 27.01090, 27, 0.3),
    ("[#6]Cl", 34.96885, 35, 0.5),
    ("[#6]Br", 78.91834, 79, 0.6),
    ("[#6]F", 20.00623, 20, 0.2),
)
_PATTERNS = tuple(Chem.MolFromSmarts(smarts) for smarts, *_ in _LOSSES)


class Fragment(NamedTuple):
    """A charged piece: monoisotopic mass of the neutral piece, nominal mass, strength (relative), SMILES."""

    mass: float
    nominal: int
    strength: float
    smiles: str


def _stability(atom: Chem.Atom) -> float:
    """Return how readily a cation forms at `atom` when a bond to it breaks (benzyl, acylium, amine, tertiary)."""
    aromatic = not atom.GetIsAromatic() and any(other.GetIsAromatic() for other in atom.GetNeighbors())
    acyl = any(
        bond.GetBondTypeAsDouble() == 2 and bond.GetOtherAtom(atom).GetAtomicNum() == 8 for bond in atom.GetBonds()
    )
    lone_pair = any(other.GetAtomicNum() in (7, 8, 16) for other in atom.GetNeighbors())
    branching = 0.08 * (atom.GetDegree() - 1)
    halogen = atom.GetAtomicNum() in (9, 17, 35, 53)
    return 0.02 if halogen else 0.15 + 0.6 * aromatic + 0.7 * acyl + 0.45 * lone_pair + branching


def bond_fragments(mol: Chem.Mol) -> list[Fragment]:
    """Return both pieces of every acyclic single bond between heavy atoms that breaks; charge at the broken end."""
    pieces = []
    for bond in mol.GetBonds():
        if bond.IsInRing() or bond.GetBondType() != Chem.BondType.SINGLE:
            continue
        broken = Chem.FragmentOnBonds(mol, [bond.GetIdx()], addDummies=False)
        for end in (bond.GetBeginAtom(), bond.GetEndAtom()):
            atoms = next(part for part in Chem.GetMolFrags(broken) if end.GetIdx() in part)
            inside = [mol.GetAtomWithIdx(at) for at in atoms]
            hydrogens = sum(atom.GetTotalNumHs() for atom in inside)
            table = Chem.GetPeriodicTable()
            mass = sum(table.GetMostCommonIsotopeMass(atom.GetAtomicNum()) for atom in inside)
            nominal = sum(table.GetMostCommonIsotope(atom.GetAtomicNum()) for atom in inside)
            smiles = Chem.MolFragmentToSmiles(mol, atomsToUse=list(atoms))
            pieces.append(Fragment(mass + _HYDROGEN * hydrogens, nominal + hydrogens, _stability(end), smiles))
    return pieces


def neutral_losses(mol: Chem.Mol) -> list[Fragment]:
    """Return what remains of the molecule after the small losses its groups allow."""
    mass = rdMolDescriptors.CalcExactMolWt(mol)
    nominal = round(mass)
    smiles = Chem.MolToSmiles(mol)
    return [
        Fragment(mass - lost, nominal - lost_nominal, strength, smiles)
        for (_, lost, lost_nominal, strength), pattern in zip(_LOSSES, _PATTERNS, strict=True)
        if nominal > lost_nominal + 12 and mol.HasSubstructMatch(pattern)
    ]


def _isotopes(mol: Chem.Mol) -> dict[int, float]:
    """Return relative abundances of M+1 and M+2 from carbon, chlorine, bromine and sulphur."""
    count: dict[str, int] = defaultdict(int)
    for atom in mol.GetAtoms():
        count[atom.GetSymbol()] += 1
    return {1: 0.011 * count["C"], 2: 0.32 * count["Cl"] + 0.97 * count["Br"] + 0.045 * count["S"]}


def _merge(peaks: list[tuple[float, float]], top: float, smallest: float) -> list[tuple[float, float]]:
    merged: dict[float, float] = defaultdict(float)
    for position, strength in peaks:
        merged[position] += strength
    highest = max(merged.values())
    scaled = ((position, top * strength / highest) for position, strength in sorted(merged.items()))
    return [(position, strength) for position, strength in scaled if strength >= smallest]


def electron_impact_peaks(mol: Chem.Mol, rng: np.random.Generator) -> list[tuple[int, float]]:
    """Return a 70 eV-like EI spectrum: ``(nominal m/z, intensity)`` ascending, base peak 100, none below 1."""
    nominal = round(rdMolDescriptors.CalcExactMolWt(mol))
    molecular = 0.25 + 0.8 * rdMolDescriptors.CalcNumAromaticRings(mol)
    pieces = [(piece.nominal, piece.strength) for piece in bond_fragments(mol) if piece.nominal >= 12]
    pieces += [(piece.nominal, 0.6 * piece.strength) for piece in neutral_losses(mol)]
    pieces += [(piece - 2, 0.35 * strength) for piece, strength in pieces if piece > 38]
    peaks = [(float(at), strength * float(np.exp(rng.normal(0.0, 0.1)))) for at, strength in pieces]
    peaks += [(float(nominal), molecular)]
    peaks += [(float(nominal + extra), molecular * share) for extra, share in _isotopes(mol).items() if share]
    return [(int(at), round(strength, 2)) for at, strength in _merge(peaks, 100.0, 1.0)]


def collision_fragments(mol: Chem.Mol) -> list[Fragment]:
    """Return all pieces of the molecule that `collision_peaks` chooses from."""
    return [*neutral_losses(mol), *bond_fragments(mol)]


def collision_peaks(
    mol: Chem.Mol, pieces: Sequence[Fragment], polarity: int, energy_ev: int, rng: np.random.Generator
) -> tuple[list[tuple[float, float]], list[tuple[float, str]]]:
    """Return an MS/MS spectrum of [M+H]+ or [M-H]- (`polarity` 1 or -1) and the fragments behind it.

    `pieces` are the molecule's `collision_fragments`, the same for all its spectra.

    Peaks are ``(m/z, intensity)`` ascending, base peak 100, at most 30; fragments are ``(m/z, SMILES)``. The
    higher the collision energy, the less is left of the precursor and the smaller the pieces.
    """
    precursor = rdMolDescriptors.CalcExactMolWt(mol)
    share = {10: 0.25, 20: 0.8, 40: 1.6}[energy_ev]
    shift = polarity * PROTON_MZ
    found = [(round(precursor + shift, 5), 1.0 / (0.2 + share), Chem.MolToSmiles(mol))]
    for piece in pieces:
        if piece.mass > 14.5:
            small = (1.0 - piece.mass / precursor) * energy_ev / 40.0
            strength = share * piece.strength * (0.4 + small) * float(np.exp(rng.normal(0.0, 0.15)))
            found.append((round(piece.mass + shift, 5), strength, piece.smiles))
    peaks = _merge([(at, strength) for at, strength, _ in found], 100.0, 2.0)
    strongest = sorted(sorted(peaks, key=lambda peak: -peak[1])[:30])
    kept = {at for at, _ in strongest}
    fragments = {at: smiles for at, _, smiles in found if at in kept}
    return [(at, round(strength, 2)) for at, strength in strongest], sorted(fragments.items())
