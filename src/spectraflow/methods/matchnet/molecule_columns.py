"""A molecule as the matching network and its comparators read it: atoms, bonds, fingerprint (Table columns)."""

from typing import Any

import numpy as np
from rdkit import Chem, DataStructs
from rdkit.Chem import rdFingerprintGenerator

from spectraflow.methods.matchnet.settings import MoleculeSettings
from spectraflow.splits.similarity import BITS, RADIUS
from spectraflow.tables import RejectReason

ELEMENT_CLASSES = {6: 0, 7: 1, 8: 2}
OTHER_ELEMENT = 3


class UnsuitableMolecule(ValueError):
    """A molecule that cannot be matched with spectra, and why."""

    def __init__(self, reason: RejectReason, message: str) -> None:
        super().__init__(message)
        self.reason, self.message = reason, message


def molecule_columns(smiles: str, settings: MoleculeSettings | None = None) -> dict[str, Any]:
    """Return the columns of MATCHING_SPECTRA that a SMILES decides: atoms, bonds and fingerprint.

    Atoms are heavy ones in the order of the SMILES. With `settings` the molecule must be neutral, of these elements and
    not larger; in any case one fragment with a bond. Raises UnsuitableMolecule.
    """
    mol = Chem.MolFromSmiles(smiles)
    if mol is None:
        raise UnsuitableMolecule(RejectReason.UNREADABLE_MOLECULE, f"'{smiles}' cannot be read as a SMILES")
    _check(mol, smiles, settings)
    atoms, bonds = list(mol.GetAtoms()), list(mol.GetBonds())
    return {
        "fingerprint": packed_fingerprint(mol),
        "element": [ELEMENT_CLASSES.get(atom.GetAtomicNum(), OTHER_ELEMENT) for atom in atoms],
        "degree": [atom.GetDegree() for atom in atoms],
        "hydrogens": [atom.GetTotalNumHs() for atom in atoms],
        "implicit_valence": [atom.GetValence(Chem.ValenceType.IMPLICIT) for atom in atoms],
        "aromatic": [int(atom.GetIsAromatic()) for atom in atoms],
        "bond_source": [bond.GetBeginAtomIdx() for bond in bonds],
        "bond_target": [bond.GetEndAtomIdx() for bond in bonds],
    }


def packed_fingerprint(mol: Chem.Mol) -> bytes:
    """Return a Morgan fingerprint of radius 2 with 2,048 bits as numpy packs them (256 bytes)."""
    bits = np.zeros(BITS, np.uint8)
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=RADIUS, fpSize=BITS)
    DataStructs.ConvertToNumpyArray(generator.GetFingerprint(mol), bits)
    return np.packbits(bits).tobytes()


def _check(mol: Chem.Mol, smiles: str, settings: MoleculeSettings | None) -> None:
    if len(Chem.GetMolFrags(mol)) > 1:
        raise UnsuitableMolecule(RejectReason.SEVERAL_FRAGMENTS, f"'{smiles}' has several fragments")
    if not mol.GetNumBonds():
        raise UnsuitableMolecule(RejectReason.NO_BOND, f"'{smiles}' has no bond between heavy atoms")
    if settings is None:
        return
    if charge := Chem.GetFormalCharge(mol):
        raise UnsuitableMolecule(RejectReason.CHARGED_MOLECULE, f"'{smiles}' has the charge {charge:+d}")
    symbols = {atom.GetSymbol() for atom in mol.GetAtoms()}
    if others := sorted(symbols - set(settings.elements)):
        raise UnsuitableMolecule(RejectReason.WRONG_ELEMENT, f"'{smiles}' holds {', '.join(others)}")
    if mol.GetNumHeavyAtoms() > settings.heavy_atoms:
        text = f"{mol.GetNumHeavyAtoms()} heavy atoms, more than {settings.heavy_atoms}"
        raise UnsuitableMolecule(RejectReason.MOLECULE_TOO_LARGE, text)
