"""Bemis-Murcko scaffolds."""

from rdkit import Chem


def murcko_scaffold(mol: Chem.Mol) -> str:
    """Return the canonical SMILES, without stereo, of the Bemis-Murcko scaffold; empty if `mol` is acyclic.

    Rings and the chains between them; atoms doubly bonded to these are kept, as RDKit's decomposition does.
    Source: Bemis and Murcko, J. Med. Chem. 1996, 39, 2887.
    """
    if mol.GetRingInfo().NumRings() == 0:
        return ""
    return Chem.MolToSmiles(Chem.MurckoDecompose(mol), isomericSmiles=False)
