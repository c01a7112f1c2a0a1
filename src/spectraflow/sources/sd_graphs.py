"""From a mol block to the graph every table uses: heavy atoms in the order of the canonical isomeric SMILES."""

from dataclasses import dataclass

from rdkit import Chem

from spectraflow.molecules.standardise import UnusableMolecule, atomic_numbers, check_molecule, chemistry_problems
from spectraflow.tables import RejectReason

# about 1,000 atoms with their bonds; longer blocks are counted before they are sanitised
LONG_BLOCK = 100_000


@dataclass(frozen=True, slots=True)
class HeavyGraph:
    """The molecule reparsed from its canonical SMILES, and where the atoms of the mol block went.

    `position[i]` is the index, in the order of `smiles`, of the mol block's atom i, or of the heavy atom that bears
    it if i is an explicit hydrogen; `atomic_number[i]` is that of the mol block's atom i itself.
    """

    mol: Chem.Mol
    smiles: str
    position: list[int]
    atomic_number: list[int]


def heavy_graph(block: str) -> HeavyGraph:
    """Return the graph of a mol block; raises UnusableMolecule with the reason.

    Mol block → sanitised → without explicit hydrogens → canonical isomeric SMILES → reparsed. The elements of
    the reparsed atoms are compared with those of the mol block's atoms they stand for.
    """
    mol = _parse(block)
    elements = atomic_numbers(mol)
    heavy, kept, owner = mol, elements, list(range(len(elements)))
    if 1 in elements:
        heavy, owner = _without_hydrogens(mol)
        kept = atomic_numbers(heavy)
    check_molecule(heavy, kept)
    smiles = Chem.MolToSmiles(heavy)
    written = [int(index) for index in heavy.GetProp("_smilesAtomOutputOrder")[1:-1].split(",") if index]
    reparsed = Chem.MolFromSmiles(smiles)
    if reparsed is None or atomic_numbers(reparsed) != [kept[index] for index in written]:
        raise UnusableMolecule(RejectReason.UNREADABLE_MOLECULE, f"{smiles} does not reparse to the same atoms")
    place = {index: position for position, index in enumerate(written)}
    return HeavyGraph(reparsed, smiles, [place[index] for index in owner], elements)


def _parse(block: str) -> Chem.Mol:
    if len(block) > LONG_BLOCK:
        raw = Chem.MolFromMolBlock(block, sanitize=False, removeHs=False)
        if raw is not None:
            check_molecule(raw, atomic_numbers(raw))
    mol = Chem.MolFromMolBlock(block, removeHs=False)
    if mol is None:
        raw = Chem.MolFromMolBlock(block, sanitize=False, removeHs=False)
        raise UnusableMolecule(RejectReason.UNREADABLE_MOLECULE, chemistry_problems(raw, "mol block"))
    if mol.GetNumAtoms() == 0:
        raise UnusableMolecule(RejectReason.EMPTY_MOLECULE, "mol block without atoms")
    return mol


def _without_hydrogens(mol: Chem.Mol) -> tuple[Chem.Mol, list[int]]:
    """Return `mol` without explicit hydrogens and, for each old atom, the new index of it or of its bearer."""
    for atom in mol.GetAtoms():
        atom.SetIntProp("_block_index", atom.GetIdx())
    heavy = Chem.RemoveHs(mol)
    new_index = {atom.GetIntProp("_block_index"): atom.GetIdx() for atom in heavy.GetAtoms()}
    owner = []
    for atom in mol.GetAtoms():
        index = atom.GetIdx()
        if index not in new_index:
            index = next(bearer.GetIdx() for bearer in atom.GetNeighbors())
        owner.append(new_index[index])
    return heavy, owner
