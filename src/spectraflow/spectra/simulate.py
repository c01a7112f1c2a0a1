"""Rule-based NMR shifts: additive increments of the atoms around a carbon or proton, by bonds, stereo-free.

Equivalent atoms get equal shifts, different surroundings mostly different ones, and the relation is smooth enough
to be learnt. These are simulated numbers for trying the pipeline, not predictions of experiments.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem

from spectraflow.spectra import increments
from spectraflow.spectra.atom_types import AtomType, CarbonClass, classify_atoms

CARBON_RANGE_PPM = (-5.0, 220.0)
PROTON_RANGE_PPM = (0.0, 12.0)
_LETTERS = "SDTQ"
_SPLITTINGS = "sdtq"
_BIARYL_PPM, _FUSED_PPM, _SECOND_HETEROATOM_PPM, _FORMYL_PPM, _CROWDING_PPM = 8.4, 4.6, 20.0, -4.5, -1.6
_HETEROATOM_PAIR_PPM, _FLUORINE_PAIR_PPM, _HALOGEN_PAIR_PPM = -12.0, -22.0, -4.0
_PHENOL_PPM, _ACID_PPM, _ANILINE_PPM = 3.2, 9.0, 2.1

# Plain integers: looking up members of an enumeration dominates the loops over atoms otherwise.
_SP3, _AROMATIC, _CARBONYL = int(CarbonClass.SP3), int(CarbonClass.AROMATIC), int(CarbonClass.CARBONYL)
_HETERO, _FLUORINE, _FIRST_HETEROATOM = int(CarbonClass.HETERO), int(AtomType.F), int(AtomType.O_HYDROXYL)
_HEAVY_HALOGENS = (int(AtomType.CL), int(AtomType.BR), int(AtomType.I))


@dataclass(frozen=True)
class Shifts:
    """Shifts of some atoms of one molecule; all fields have one entry an atom.

    `atoms`: indices in the molecule; `ppm`; `multiplicity`: letter; `hydrogens`: number on the atom;
    `symmetry`: equal for topologically equivalent atoms.
    """

    atoms: NDArray[np.int64]
    ppm: NDArray[np.float64]
    multiplicity: tuple[str, ...]
    hydrogens: NDArray[np.int64]
    symmetry: NDArray[np.int64]

    def distinct(self) -> list[tuple[float, str, int, int]]:
        """Return one ``(ppm, multiplicity, atoms, hydrogens in all)`` for each set of equivalent atoms, ascending."""
        first = {int(symmetry): row for row, symmetry in reversed(list(enumerate(self.symmetry)))}
        counts = {key: int((self.symmetry == key).sum()) for key in first}
        return sorted(
            (float(self.ppm[row]), self.multiplicity[row], counts[key], counts[key] * int(self.hydrogens[row]))
            for key, row in first.items()
        )


class Surroundings:
    """What the rules need to know of a molecule with implicit hydrogens, computed once for both nuclei."""

    def __init__(self, mol: Chem.Mol) -> None:
        self.mol = mol
        Chem.GetSymmSSSR(mol)
        self.classes, self.partners, self.types = classify_atoms(mol)
        self.symmetry = np.array(
            list(Chem.CanonicalRankAtoms(mol, breakTies=False, includeChirality=False)), dtype=np.int64
        )
        self.hydrogens = np.array([atom.GetTotalNumHs() for atom in mol.GetAtoms()], dtype=np.int64)

    @cached_property
    def distance(self) -> NDArray[np.int64]:
        """Bonds between atoms ``[n, n]``; pairs beyond the reach of any rule are 0, as is the diagonal."""
        distance = Chem.GetDistanceMatrix(self.mol).astype(np.int64)
        distance[distance > increments.REACH] = 0
        return distance

    @cached_property
    def side(self) -> NDArray[np.int64]:
        """1 where an atom is reached through the multiple-bond partner of the observed one ``[n, n]``."""
        nearer = Chem.GetDistanceMatrix(self.mol)
        return ((self.partners >= 0)[:, None] & (nearer[self.partners] < nearer)).astype(np.int64)

    @cached_property
    def substituent(self) -> NDArray[np.int64]:
        """Atom type, plus the number of types for an atom that an aromatic ring bears as a substituent ``[n]``."""
        borne = np.zeros(len(self.types), dtype=np.int64)
        for bond in self.mol.GetBonds():
            if not bond.GetIsAromatic():
                for atom, other in ((bond.GetBeginAtom(), bond.GetEndAtom()), (bond.GetEndAtom(), bond.GetBeginAtom())):
                    if atom.GetIsAromatic() and not other.GetIsAromatic():
                        borne[other.GetIdx()] = 1
        return self.types + len(AtomType) * borne

    def sum_increments(self, table: NDArray[np.float64], rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the summed increments of all surrounding atoms for the atoms `rows`, ppm."""
        return table[self.classes[rows][:, None], self.side[rows], self.distance[rows], self.substituent[None, :]].sum(
            axis=1
        )

    def level(self, rows: NDArray[np.int64], ppm: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return `ppm` with the value of the first of equivalent atoms for all of them (sums may differ in a bit)."""
        _, first, inverse = np.unique(self.symmetry[rows], return_index=True, return_inverse=True)
        return ppm[first][inverse]


def _saturation(types: NDArray[np.int64]) -> float:
    """Return the correction for several heteroatoms on one sp3 carbon, ppm a pair of them."""
    kinds = types.tolist()
    heavy, fluorines = sum(kind in _HEAVY_HALOGENS for kind in kinds), kinds.count(_FLUORINE)
    others = sum(kind >= _FIRST_HETEROATOM for kind in kinds) - heavy
    effects = ((others, _HETEROATOM_PAIR_PPM), (fluorines, _FLUORINE_PAIR_PPM), (heavy, _HALOGEN_PAIR_PPM))
    return sum(effect * (count * (count - 1) // 2) for count, effect in effects)


def _carbon_correction(around: Surroundings, index: int, rings: Chem.RingInfo) -> float:
    """Return what is not additive for one carbon: rings, fusion, biaryl bonds, crowding, second heteroatom."""
    atom, kind = around.mol.GetAtomWithIdx(index), around.classes[index]
    neighbours = [other.GetIdx() for other in atom.GetNeighbors()]
    value = increments.ring_size_effect(kind, rings.MinAtomRingSize(index))
    if kind == _SP3:
        crowded = sum(max(0, around.mol.GetAtomWithIdx(other).GetDegree() - 2) for other in neighbours)
        value += _CROWDING_PPM * crowded * max(0, len(neighbours) - 1) / 2
        return value + _saturation(around.types[neighbours])
    if kind == _AROMATIC:
        bonds = [(bond.GetIsAromatic(), bond.GetOtherAtom(atom).GetIsAromatic()) for bond in atom.GetBonds()]
        return value + _BIARYL_PPM * bonds.count((False, True)) + _FUSED_PPM * (bonds.count((True, True)) == 3)
    if kind == _CARBONYL:
        heteroatoms = sum(around.classes[other] == _HETERO for other in neighbours)
        value += _SECOND_HETEROATOM_PPM * (heteroatoms == 3) + _FORMYL_PPM * around.hydrogens[index]
    return value


def carbon_shifts(around: Surroundings) -> Shifts:
    """Return noise-free 13C shifts of every carbon, -5 to 220 ppm, with S, D, T, Q for C, CH, CH2, CH3."""
    rows = np.flatnonzero(around.classes != _HETERO)
    rings = around.mol.GetRingInfo()
    base = np.array([increments.CARBON_BASE[CarbonClass(kind)] for kind in around.classes[rows]])
    correction = np.array([_carbon_correction(around, int(index), rings) for index in rows])
    ppm = base + around.sum_increments(increments.carbon_table(), rows) + correction
    hydrogens = around.hydrogens[rows]
    letters = tuple(_LETTERS[min(count, 3)] for count in hydrogens)
    level = around.level(rows, np.clip(ppm, *CARBON_RANGE_PPM))
    return Shifts(rows, level, letters, hydrogens, around.symmetry[rows])


def _proton_base(around: Surroundings, index: int) -> float:
    kind, type_ = CarbonClass(around.classes[index]), around.types[index]
    if kind == _SP3:
        return increments.ALKYL_PROTON_BASE[min(int(around.hydrogens[index]), 3)]
    if kind != _HETERO:
        return increments.PROTON_BASE[kind]
    value = increments.HETERO_PROTON_BASE.get(AtomType(type_), 3.5)
    bearers = [around.types[other.GetIdx()] for other in around.mol.GetAtomWithIdx(index).GetNeighbors()]
    if type_ == AtomType.O_HYDROXYL:
        value += _ACID_PPM * (AtomType.C_CARBOXYL in bearers) + _PHENOL_PPM * (AtomType.C_AROMATIC in bearers)
    if type_ == AtomType.N_AMINE:
        value += _ANILINE_PPM * (AtomType.C_AROMATIC in bearers)
    return value


def _splitting(around: Surroundings, index: int) -> str:
    """Return s, d, t, q or m by the n + 1 rule over protons on neighbouring carbons."""
    if around.classes[index] == _HETERO:
        return "s"
    neighbours = [other.GetIdx() for other in around.mol.GetAtomWithIdx(index).GetNeighbors()]
    coupled = sum(int(around.hydrogens[at]) for at in neighbours if around.classes[at] != _HETERO)
    return _SPLITTINGS[coupled] if coupled < len(_SPLITTINGS) else "m"


def proton_shifts(around: Surroundings) -> Shifts:
    """Return noise-free 1H shifts of every atom that bears hydrogen, 0 to 12 ppm, with s, d, t, q, m."""
    rows = np.flatnonzero(around.hydrogens > 0)
    base = np.array([_proton_base(around, int(index)) for index in rows])
    ppm = base + around.sum_increments(increments.proton_table(), rows) if len(rows) else base
    splittings = tuple(_splitting(around, int(index)) for index in rows)
    level = around.level(rows, np.clip(ppm, *PROTON_RANGE_PPM))
    return Shifts(rows, level, splittings, around.hydrogens[rows], around.symmetry[rows])


def add_noise(
    shifts: Shifts, sd_ppm: float, rng: np.random.Generator, bounds: Sequence[float], decimals: int
) -> Shifts:
    """Return `shifts` with normal noise of `sd_ppm`, shared by equivalent atoms, clipped to `bounds` and rounded."""
    keys, inverse = np.unique(shifts.symmetry, return_inverse=True)
    noise = rng.normal(0.0, sd_ppm, size=len(keys)) if sd_ppm else np.zeros(len(keys))
    ppm: NDArray[np.float64] = np.clip(shifts.ppm + noise[inverse], bounds[0], bounds[1]).round(decimals)
    return Shifts(shifts.atoms, ppm, shifts.multiplicity, shifts.hydrogens, shifts.symmetry)
