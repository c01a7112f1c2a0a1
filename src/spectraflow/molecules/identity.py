"""Identity of a molecule as an achiral measurement sees it: mirror images are one."""

from rdkit import Chem


def mirror_image(mol: Chem.Mol) -> Chem.Mol:
    """Return a copy of `mol` with every stereo centre inverted; double bonds keep their geometry."""
    mirrored = Chem.Mol(mol)
    for index in range(mirrored.GetNumAtoms()):
        mirrored.GetAtomWithIdx(index).InvertChirality()
    return mirrored


def identity_key(mol: Chem.Mol, smiles: str | None = None) -> str:
    """Return the lexicographic minimum of the canonical isomeric SMILES of a molecule and of its mirror image.

    `smiles` is the canonical isomeric SMILES of `mol`, if the caller has it. Enantiomers share the key;
    diastereomers and E/Z isomers do not. Without a stereo centre the key is that SMILES itself.
    """
    smiles = Chem.MolToSmiles(mol) if smiles is None else smiles
    return min(smiles, Chem.MolToSmiles(mirror_image(mol))) if "@" in smiles else smiles


def first_block(inchikey: str | None, molecule_id: str) -> str:
    """Return the first block of an InChIKey, the constitution; a molecule without one stands for itself."""
    return inchikey.split("-")[0] if inchikey else molecule_id
