"""Identity of a molecule as an achiral measurement sees it: mirror images are one."""

import re

from rdkit import Chem

# tetrahedral marks only: @SP1, @TB1, @OH1 and the like number a permutation
_TETRAHEDRAL = re.compile(r"@@?(?!SP|TB|OH|AL|TH|@)")


def mirror_image(smiles: str) -> str:
    """Return `smiles` with every tetrahedral centre inverted, not canonicalised."""
    return _TETRAHEDRAL.sub(lambda mark: "@" if mark[0] == "@@" else "@@", smiles)


def identity_key(mol: Chem.Mol, smiles: str) -> str:
    """Return the lexicographic minimum of the canonical SMILES of a molecule and of its mirror image.

    `smiles` is the canonical isomeric SMILES of `mol`. Enantiomers share the key; diastereomers and E/Z isomers
    do not. Without a tetrahedral centre the key is `smiles` itself.
    """
    if "@" not in smiles:
        return smiles
    mirrored = Chem.MolFromSmiles(mirror_image(smiles))
    if mirrored is None:
        return smiles
    return min(Chem.MolToSmiles(mol), Chem.MolToSmiles(mirrored))
