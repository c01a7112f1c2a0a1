"""Parts of a molecule: what one cut leaves of it, and the molecule that such a part is on its own."""

from collections.abc import Iterator

import numpy as np
from rdkit import Chem, rdBase

Atoms = frozenset[int]


class Dissection:
    """A molecule prepared to be cut at bonds outside rings and at the atoms by which ring systems hang on the rest.

    A cut takes away one side of a bond outside rings, or a ring system but for the one atom that joins it to the rest
    (spiro or substituted). Ring systems, rings that share bonds, are never opened.
    """

    def __init__(self, mol: Chem.Mol) -> None:
        self.mol = mol
        self._kekulised = Chem.Mol(mol)
        Chem.Kekulize(self._kekulised, clearAromaticFlags=True)
        self._near = [Atoms(near.GetIdx() for near in atom.GetNeighbors()) for atom in mol.GetAtoms()]
        self._bonds = [(bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()) for bond in mol.GetBonds() if not bond.IsInRing()]
        self._sides = [(self._side(a, b), self._side(b, a)) for a, b in self._bonds]
        self._rings = _ring_systems(mol)

    def _side(self, start: int, beyond: int) -> Atoms:
        """Return the atoms that hang on `start` once its bond to `beyond` is cut."""
        seen, waiting = {start, beyond}, [start]
        while waiting:
            new = self._near[waiting.pop()] - seen
            seen |= new
            waiting += new
        return Atoms(seen - {beyond})

    def fragments(self) -> list[Atoms]:
        """Return the connected parts of the molecule as it is."""
        return [Atoms(atoms) for atoms in Chem.GetMolFrags(self.mol)]

    def cuts(self, atoms: Atoms) -> list[Atoms]:
        """Return what each cut leaves of a connected part, without repeats, largest first."""
        return sorted(set(self._cuts(atoms)), key=lambda left: (-len(left), sorted(left)))

    def _cuts(self, atoms: Atoms) -> Iterator[Atoms]:
        for ends, sides in zip(self._bonds, self._sides, strict=True):
            if atoms.issuperset(ends):
                yield from (atoms & side for side in sides)
        for ring in self._rings:
            joints = [atom for atom in ring if self._near[atom] & (atoms - ring)] if ring <= atoms else []
            if len(joints) == 1:
                yield atoms - ring | set(joints)

    def smiles(self, atoms: Atoms) -> str | None:
        """Return the canonical SMILES of a part with hydrogens where bonds were cut; None if it is no sound molecule.

        Kekulé bonds are tried first, so that an atom left of an aromatic ring is an ordinary one; then aromatic ones.
        """
        with rdBase.BlockLogs():
            return self._written(self._kekulised, atoms) or self._written(self.mol, atoms)

    def _written(self, whole: Chem.Mol, atoms: Atoms) -> str | None:
        part = Chem.RWMol(whole)
        for index in atoms:
            if not self._near[index] <= atoms:
                _fill_with_hydrogen(part.GetAtomWithIdx(index))
        part.BeginBatchEdit()
        for index in set(range(part.GetNumAtoms())) - atoms:
            part.RemoveAtom(index)
        part.CommitBatchEdit()
        if Chem.SanitizeMol(part, catchErrors=True) != Chem.SanitizeFlags.SANITIZE_NONE:
            return None
        Chem.AssignStereochemistry(part, cleanIt=True, force=True)
        return str(Chem.MolToSmiles(part))


def _fill_with_hydrogen(atom: Chem.Atom) -> None:
    """Let an atom that loses bonds take hydrogens instead; its stereo is gone with them."""
    atom.SetNoImplicit(False)
    atom.SetNumExplicitHs(0)
    atom.SetChiralTag(Chem.ChiralType.CHI_UNSPECIFIED)


def _ring_systems(mol: Chem.Mol) -> list[Atoms]:
    systems: list[tuple[set[int], set[int]]] = []
    rings = mol.GetRingInfo()
    for bonds, atoms in zip(rings.BondRings(), rings.AtomRings(), strict=True):
        joined = [one for one in systems if one[0] & set(bonds)]
        systems = [one for one in systems if not one[0] & set(bonds)]
        systems.append((set(bonds).union(*(one[0] for one in joined)), set(atoms).union(*(one[1] for one in joined))))
    return [Atoms(atoms) for _, atoms in systems]


def random_part(dissection: Dissection, start: Atoms, size: int, generator: np.random.Generator) -> Atoms:
    """Return what random cuts leave of a connected part when no further cut leaves `size` atoms or more."""
    while possible := [left for left in dissection.cuts(start) if len(left) >= size]:
        start = possible[generator.integers(len(possible))]
    return start
