"""The structure a record states, checked against the InChIKey it states."""

from typing import Any

from rdkit import Chem

from spectraflow.molecules.standardise import (
    UnusableMolecule,
    atomic_numbers,
    check_molecule,
    molecule_row,
    parse_smiles,
)
from spectraflow.tables import RejectReason


class UnusableRecord(Exception):
    """A record, spectrum or peak list that belongs among the rejects, with the reason and a message."""

    def __init__(self, reason: RejectReason, message: str) -> None:
        super().__init__(reason, message)
        self.reason = reason
        self.message = message


def structure_row(molecule_id: str, smiles: str | None, inchi: str | None, inchikey: str | None) -> dict[str, Any]:
    """Return the molecules row of a stated structure: of its SMILES, or of its InChI if there is no SMILES.

    The first block of a stated InChIKey must be that of the structure: where they differ nothing tells which of
    them is right. An InChIKey alone is no structure. Raises UnusableRecord or UnusableMolecule with the reason.
    """
    if not smiles and not inchi:
        said = f"only the InChIKey {inchikey}, which" if inchikey else "neither SMILES nor InChI; that"
        raise UnusableRecord(RejectReason.MISSING_STRUCTURE, f"{said} gives no structure")
    row = molecule_row(parse_smiles(smiles) if smiles else _of_inchi(inchi or ""), molecule_id)
    found = row["inchikey"]
    if inchikey and found and found.split("-")[0] != inchikey.split("-")[0]:
        raise UnusableRecord(
            RejectReason.STRUCTURE_CONFLICT, f"InChIKey {inchikey[:40]}, but the structure {row['smiles']} has {found}"
        )
    return row


def _of_inchi(inchi: str) -> Chem.Mol:
    mol = Chem.MolFromInchi(inchi)
    if mol is None:
        raise UnusableMolecule(RejectReason.UNREADABLE_MOLECULE, f"{inchi[:120]}: InChI cannot be read")
    check_molecule(mol, atomic_numbers(mol))
    return mol
