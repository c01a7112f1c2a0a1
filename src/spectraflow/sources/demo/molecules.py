"""The molecules of the demo source: those that ship inside RDKit, then as many derivatives of them as are asked for."""

from collections.abc import Iterator
from functools import cache
from itertools import combinations, count
from pathlib import Path

import numpy as np
from rdkit import Chem, RDConfig, rdBase

from spectraflow.errors import InputError, MissingSourceError

SMALLEST, LARGEST = 4, 40
"""Heavy atoms of a usable molecule."""

_ELEMENTS = frozenset({1, 5, 6, 7, 8, 9, 14, 15, 16, 17, 34, 35, 53})
_SUBSTITUENTS = (
    "C", "O", "N", "F", "Cl", "Br", "CC", "OC", "C(C)C", "C#N", "C(C)=O", "C(=O)O", "C(=O)OC", "N(C)C", "CO",
    "C(F)(F)F", "[N+](=O)[O-]", "SC", "C(N)=O", "OC(C)=O", "NC(C)=O", "C=C", "C#C",
    "C(C)(C)C", "c1ccccc1", "CCC", "OCC", "C1CC1",
    "S(C)(=O)=O", "N1CCOCC1",
)  # fmt: skip


def is_usable(mol: Chem.Mol | None) -> bool:
    """Return whether `mol` is one component of 4 to 40 heavy atoms, common elements, carbon, no isotope or radical."""
    if mol is None or not SMALLEST <= mol.GetNumHeavyAtoms() <= LARGEST or len(Chem.GetMolFrags(mol)) != 1:
        return False
    numbers = {atom.GetAtomicNum() for atom in mol.GetAtoms()}
    odd = any(atom.GetIsotope() or atom.GetNumRadicalElectrons() for atom in mol.GetAtoms())
    return 6 in numbers and numbers <= _ELEMENTS and not odd


@cache
def shipped_smiles() -> tuple[str, ...]:
    """Return the usable NCI molecules of RDKit's data folder: distinct canonical SMILES in file order.

    Raises MissingSourceError where the installation lacks the file.
    """
    path = Path(RDConfig.RDDataDir) / "NCI" / "first_5K.smi"
    if not path.is_file():
        raise MissingSourceError(f"{path}: this installation of RDKit lacks the molecules of the demo source")
    with rdBase.BlockLogs():
        mols = (Chem.MolFromSmiles(line.split()[0]) for line in path.read_text().splitlines() if line.strip())
        return tuple(dict.fromkeys(Chem.MolToSmiles(mol) for mol in mols if is_usable(mol)))


def _sites(mol: Chem.Mol) -> list[int]:
    """Return one carbon that bears hydrogen of each set of equivalent ones."""
    ranks = Chem.CanonicalRankAtoms(mol, breakTies=False)
    sites: dict[int, int] = {}
    for atom in mol.GetAtoms():
        if atom.GetAtomicNum() == 6 and atom.GetTotalNumHs():
            sites.setdefault(ranks[atom.GetIdx()], atom.GetIdx())
    return list(sites.values())


@cache
def _groups() -> tuple[Chem.Mol, ...]:
    return tuple(Chem.MolFromSmiles(smiles) for smiles in _SUBSTITUENTS)


def _attach(mol: Chem.Mol, places: list[tuple[int, int]]) -> str | None:
    """Return the SMILES of `mol` with groups in place of hydrogens: ``(atom, group)``, or None if unusable."""
    edited = Chem.RWMol(mol)
    for site, group in places:
        start = edited.GetNumAtoms()
        edited.InsertMol(_groups()[group])
        edited.AddBond(site, start, Chem.BondType.SINGLE)
        atom = edited.GetAtomWithIdx(site)
        atom.SetNumExplicitHs(max(0, atom.GetNumExplicitHs() - 1))
        atom.SetChiralTag(Chem.ChiralType.CHI_UNSPECIFIED)
    try:
        Chem.SanitizeMol(edited)
    except (Chem.AtomValenceException, Chem.KekulizeException):
        return None
    return Chem.MolToSmiles(edited) if is_usable(edited) else None


def derivative(smiles: str, rank: int) -> str | None:
    """Return derivative number `rank` of a molecule: one group, then two, in place of hydrogens on carbon.

    Returns "" where the derivative is too large, None where `rank` is past the last one. Consecutive ranks visit
    sites and groups in a scattered order, so that few derivatives of many molecules already vary.
    """
    mol = Chem.MolFromSmiles(smiles)
    sites, groups = _sites(mol), len(_SUBSTITUENTS)
    single = len(sites) * groups
    if rank < single:
        places = [(sites[rank % len(sites)], (rank // len(sites) + mol.GetNumHeavyAtoms()) % groups)]
        return _attach(mol, places) or ""
    pair, choice = divmod(rank - single, groups * groups)
    pairs = list(combinations(sites, 2))
    if pair >= len(pairs):
        return None
    first, second = divmod((choice * 13 + mol.GetNumHeavyAtoms()) % (groups * groups), groups)
    return _attach(mol, [(pairs[pair][0], first), (pairs[pair][1], second)]) or ""


def stream_molecules(seed: int) -> Iterator[str]:
    """Yield canonical SMILES without end in practice: the shipped molecules shuffled, then derivatives, in rounds.

    Memory is bounded by the shipped molecules. Derivatives of one molecule are distinct, those of two molecules may
    rarely coincide, as happens in every large library. Raises InputError when even the derivatives are used up.
    """
    shipped = shipped_smiles()
    order = np.random.default_rng(seed).permutation(len(shipped))
    yield from (shipped[at] for at in order)
    open_molecules = [int(at) for at in order]
    for rank in count():
        remaining = []
        for at in open_molecules:
            smiles = derivative(shipped[at], rank)
            if smiles is not None:
                remaining.append(at)
            if smiles:
                yield smiles
        open_molecules = remaining
        if not open_molecules:
            raise InputError(f"the demo source cannot make more molecules: {rank} derivatives of each are used up")
