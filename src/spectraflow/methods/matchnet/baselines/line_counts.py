"""How far numbers of lines and of symmetry classes agree: nothing learned, and most of what matching takes."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from spectraflow.errors import InputError
from spectraflow.store.pair_scores import HeldOutPairs, known_rows
from spectraflow.tables import MATCHING_SPECTRA, read_table

if TYPE_CHECKING:
    from rdkit import Chem

COUNTS = ("carbon_lines", "sp2", "carbonyl", "hetero_sp3", "proton_lines")
"""What is counted: 13C lines in all and above 90, above 155, between 45 and 90 ppm; 1H lines. Of a molecule: symmetry
classes of carbons, of those with a double bond or of nitriles, of C=O, of sp3 carbons on N or O, and of atoms that bear
hydrogens."""
VARIANTS = {"lines": 1, "lines_sp2": 2, "carbon_counts": 4, "line_counts": 5}
"""How many of COUNTS each variant compares, from the first on."""
CARBON_RESOLUTION_PPM, PROTON_RESOLUTION_PPM = 0.1, 0.01
"""Lines nearer than this are one; at 0.1 ppm the protons of an arene would be."""
SP2_PPM, CARBONYL_PPM, HETERO_PPM = 90.0, 155.0, 45.0
Floats = NDArray[np.float64]


def count_features_of_spectra(table: pa.Table) -> Floats:
    """Return COUNTS (n, 5) of the distinct lines of a table MATCHING_SPECTRA; NaN for a missing spectrum."""
    carbons, protons = (table[name].to_pylist() for name in ("carbon_ppm", "proton_ppm"))
    rows = [_line_counts(*lists) for lists in zip(carbons, protons, strict=True)]
    return np.array(rows, np.float64).reshape(-1, len(COUNTS))


def _line_counts(carbon_ppm: Sequence[float] | None, proton_ppm: Sequence[float] | None) -> list[float]:
    carbons = _distinct(carbon_ppm, CARBON_RESOLUTION_PPM)
    protons = _distinct(proton_ppm, PROTON_RESOLUTION_PPM)
    sp3 = carbons <= SP2_PPM
    counts = [len(carbons), (~sp3).sum(), (carbons > CARBONYL_PPM).sum(), (sp3 & (carbons >= HETERO_PPM)).sum()]
    return [
        *(float(count) if len(carbons) else np.nan for count in counts),
        float(len(protons)) if len(protons) else np.nan,
    ]


def _distinct(ppm: Sequence[float] | None, resolution: float) -> Floats:
    steps: Floats = np.unique(np.round(np.array(ppm or [], np.float64) / resolution))
    return steps * resolution


def count_features_of_molecules(smiles: Sequence[str]) -> Floats:
    """Return COUNTS (n, 5) of the constitution of each molecule; raises InputError naming an unreadable SMILES."""
    from rdkit import Chem

    rows = []
    for text in smiles:
        mol = Chem.MolFromSmiles(text)
        if mol is None:
            raise InputError(f"'{text}' cannot be read as a SMILES")
        rows.append(_class_counts(mol))
    return np.array(rows, np.float64).reshape(-1, len(COUNTS))


def _class_counts(mol: "Chem.Mol") -> list[int]:
    from rdkit import Chem

    ranks = list(Chem.CanonicalRankAtoms(mol, breakTies=False, includeChirality=False))
    atoms = dict(zip(ranks, mol.GetAtoms(), strict=True)).values()
    carbons = [atom for atom in atoms if atom.GetAtomicNum() == 6]
    return [
        len(carbons),
        sum(map(_above_90_ppm, carbons)),
        sum(_multiple_bond(atom, 8, 2) for atom in carbons),
        sum(map(_hetero_sp3, carbons)),
        sum(atom.GetTotalNumHs() > 0 for atom in atoms),
    ]


def _above_90_ppm(carbon: "Chem.Atom") -> bool:
    """Tell alkenes, arenes, carbonyls, cumulenes' centres and nitriles from sp3 carbons and alkynes."""
    from rdkit.Chem import HybridizationType

    centre = all(bond.GetBondTypeAsDouble() == 2 for bond in carbon.GetBonds()) and carbon.GetDegree() > 1
    return carbon.GetHybridization() == HybridizationType.SP2 or centre or _multiple_bond(carbon, 7, 3)


def _multiple_bond(atom: "Chem.Atom", element: int, order: int) -> bool:
    return any(
        bond.GetBondTypeAsDouble() == order and bond.GetOtherAtom(atom).GetAtomicNum() == element
        for bond in atom.GetBonds()
    )


def _hetero_sp3(carbon: "Chem.Atom") -> bool:
    from rdkit.Chem import HybridizationType

    hetero = any(neighbour.GetAtomicNum() in (7, 8) for neighbour in carbon.GetNeighbors())
    return hetero and carbon.GetHybridization() == HybridizationType.SP3


def count_differences(of_spectra: Floats, of_molecules: Floats) -> Floats:
    """Return the absolute differences (P, 5) of COUNTS (P, 5) of owners' spectra and of candidates."""
    return np.abs(of_spectra - of_molecules)


def scores_of_differences(differences: Floats) -> dict[str, Floats]:
    """Return the score (P,) of each variant, minus the sum of its differences; NaN where a spectrum is missing."""
    return {name: -differences[:, :columns].sum(axis=1) for name, columns in VARIANTS.items()}


def line_count_scores(spectra: Path, pairs: Path) -> dict[str, Floats]:
    """Return the score (P,) of each variant for the pairs of val and test, in the order of `HeldOutPairs.read`.

    Raises InputError if a molecule of the pairs is not in the table of spectra.
    """
    asked = HeldOutPairs.read(pairs)
    table = read_table(spectra, MATCHING_SPECTRA, ["molecule_id", "smiles", "carbon_ppm", "proton_ppm"])
    ids = table["molecule_id"].to_pylist()
    owners, candidates = asked.owner_rows(ids, spectra), known_rows(asked.candidate_ids, ids, spectra)
    of_spectra = count_features_of_spectra(table)
    of_molecules = count_features_of_molecules(table["smiles"].to_pylist())
    return scores_of_differences(count_differences(of_spectra[owners], of_molecules[candidates]))
