"""A molecule as a row of the molecules table."""

import re
from typing import Any

from rdkit import Chem
from rdkit.Chem import rdMolDescriptors

from spectraflow.molecules.identity import identity_key
from spectraflow.molecules.scaffolds import murcko_scaffold
from spectraflow.tables import RejectReason

MAX_HEAVY_ATOMS = 1_000
# no SMILES of 1,000 heavy atoms needs more, and parsing far longer ones costs time or the stack
MAX_SMILES_LENGTH = 20_000
# a Hill formula begins with its carbons
_CARBONS = re.compile(r"C(\d*)(?![a-z])")


class UnusableMolecule(Exception):
    """A molecule that belongs among the rejects, with the reason and a message."""

    def __init__(self, reason: RejectReason, message: str) -> None:
        super().__init__(reason, message)
        self.reason = reason
        self.message = message


def atomic_numbers(mol: Chem.Mol) -> list[int]:
    """Return the atomic number of every atom in order, several times faster than by iterating over its atoms."""
    atom = mol.GetAtomWithIdx
    return [atom(index).GetAtomicNum() for index in range(mol.GetNumAtoms())]


def molecule_row(mol: Chem.Mol, molecule_id: str, smiles: str | None = None) -> dict[str, Any]:
    """Return the molecules row (see `tables.MOLECULES`) of a sanitised molecule without explicit hydrogens.

    `smiles` saves a canonicalisation if the caller has the canonical isomeric SMILES already. `inchikey` is None
    where InChI cannot describe the molecule.
    """
    smiles = Chem.MolToSmiles(mol) if smiles is None else smiles
    formula = rdMolDescriptors.CalcMolFormula(mol)
    return {
        "molecule_id": molecule_id,
        "smiles": smiles,
        "inchikey": Chem.MolToInchiKey(mol) or None,
        "identity_key": identity_key(mol, smiles),
        "formula": formula,
        "mol_weight": rdMolDescriptors._CalcMolWt(mol),
        "heavy_atoms": mol.GetNumHeavyAtoms(),
        "carbons": _carbons(formula),
        "scaffold": murcko_scaffold(mol),
    }


def _carbons(formula: str) -> int:
    match = _CARBONS.match(formula)
    return int(match[1] or 1) if match else 0


def check_molecule(mol: Chem.Mol, elements: list[int]) -> None:
    """Raise UnusableMolecule if `mol` has no heavy atom, more than 1,000, or an atom that is no element.

    `elements` are the atomic numbers of `mol`.
    """
    heavy = len(elements) - elements.count(1) - elements.count(0)
    if heavy > MAX_HEAVY_ATOMS:
        raise UnusableMolecule(
            RejectReason.MOLECULE_TOO_LARGE, f"{heavy} heavy atoms; the largest allowed is {MAX_HEAVY_ATOMS}"
        )
    if 0 in elements:
        index = elements.index(0)
        symbol = mol.GetAtomWithIdx(index).GetSymbol()
        raise UnusableMolecule(RejectReason.UNREADABLE_MOLECULE, f"atom {index} ({symbol}) is not an element")
    if heavy == 0:
        raise UnusableMolecule(RejectReason.EMPTY_MOLECULE, "no heavy atom")


def chemistry_problems(mol: Chem.Mol | None, what: str) -> str:
    """Return why an unsanitised molecule cannot be used, in RDKit's words."""
    if mol is None:
        return f"{what} cannot be parsed"
    return "; ".join(problem.Message() for problem in Chem.DetectChemistryProblems(mol)) or f"{what} is inconsistent"


def parse_smiles(text: str) -> Chem.Mol:
    """Return the sanitised molecule of a SMILES; raises UnusableMolecule with the reason."""
    if not text:
        raise UnusableMolecule(RejectReason.EMPTY_MOLECULE, "no SMILES")
    if len(text) > MAX_SMILES_LENGTH:
        raise UnusableMolecule(RejectReason.MOLECULE_TOO_LARGE, f"a SMILES of {len(text)} characters")
    if len(text) > MAX_HEAVY_ATOMS:
        raw = _unsanitised(text)
        check_molecule(raw, atomic_numbers(raw))
    mol = Chem.MolFromSmiles(text)
    if mol is None:
        problem = chemistry_problems(Chem.MolFromSmiles(text, sanitize=False), "SMILES")
        raise UnusableMolecule(RejectReason.UNREADABLE_MOLECULE, f"{text[:120]}: {problem}")
    check_molecule(mol, atomic_numbers(mol))
    return _without_map_numbers(mol) if ":" in text else mol


def _unsanitised(text: str) -> Chem.Mol:
    mol = Chem.MolFromSmiles(text, sanitize=False)
    if mol is None:
        raise UnusableMolecule(RejectReason.UNREADABLE_MOLECULE, f"{text[:120]}: SMILES cannot be parsed")
    return mol


def _without_map_numbers(mol: Chem.Mol) -> Chem.Mol:
    for atom in mol.GetAtoms():
        atom.SetAtomMapNum(0)
    return mol
