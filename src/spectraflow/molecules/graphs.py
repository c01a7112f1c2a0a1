"""Molecular graphs: SMILES to list columns of atom and bond features.

RDKit's Python objects of atoms and bonds cost more than the parse itself, so many molecules are read at once through
its bulk routes: bonds from adjacency matrices, hybridisation from one-atom substructure matches, elements and hydrogens
from one atom object of each kind. What these routes cannot express goes through the objects: rare
hybridisations, chiral centres, bond directions, and all bonds of molecules with metals or unusual bonds.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import chain, count
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from rdkit import Chem, rdBase

from spectraflow.errors import AccountingError, InputError
from spectraflow.parallel import ordered_map
from spectraflow.tables import GRAPHS, MOLECULES, REJECTS, RejectReason, TableWriter, count_rows, scan_table

CHIRALITY = {Chem.ChiralType.CHI_TETRAHEDRAL_CW: 1, Chem.ChiralType.CHI_TETRAHEDRAL_CCW: 2}
NO_CHIRALITY = 0
HYBRIDISATION = {
    Chem.HybridizationType.SP: 1,
    Chem.HybridizationType.SP2: 2,
    Chem.HybridizationType.SP3: 3,
    Chem.HybridizationType.SP3D: 4,
    Chem.HybridizationType.SP3D2: 5,
}
OTHER_HYBRIDISATION = 0
BOND_TYPE = {Chem.BondType.SINGLE: 0, Chem.BondType.DOUBLE: 1, Chem.BondType.TRIPLE: 2, Chem.BondType.AROMATIC: 3}
SELF_LOOP_BOND_TYPE = 4
OTHER_BOND_TYPE = 5
BOND_DIRECTION = {Chem.BondDir.ENDUPRIGHT: 1, Chem.BondDir.ENDDOWNRIGHT: 2}
NO_BOND_DIRECTION = 0

MAX_ATOMS = int(np.iinfo(np.int16).max)
FEATURE_COLUMNS = tuple(name for name in GRAPHS.names if name != "molecule_id")

_CHUNK = 512
_DENSE_ATOMS = 512
_atom_tokens = re.compile(r"\[[^]]*\]|Br|Cl|[BCNOPSFIbcnops*]").findall
_aromatic_token = re.compile(r"\[?\d*[a-z]").match
_needs_full_parse = re.compile(r"[@/\\\s]|\[\d*H").search
# dative, unspecified and quadruple bonds, and elements to which RDKit may draw dative bonds
_needs_bond_objects = re.compile(r"[<>~$]|\[\d*(?!(?:[BCNOPSFIHbcnops]|Br|Cl|Si|As|as|Se|se|Te|te)(?![a-z]))").search
_TYPE_OF_DOUBLED_ORDER = np.full(16, OTHER_BOND_TYPE, dtype=np.int8)
_TYPE_OF_DOUBLED_ORDER[[2, 4, 6, 3]] = [0, 1, 2, 3]


class GraphReject(NamedTuple):
    """A SMILES without a graph: its position in the input, why, and what was found."""

    position: int
    reason: RejectReason
    message: str


class GraphFeatures(NamedTuple):
    """List columns (`FEATURE_COLUMNS`), the input positions of their rows, and the inputs that gave no row."""

    columns: dict[str, pa.ListArray]
    positions: list[int]
    rejects: list[GraphReject]


def graph_columns(smiles: Sequence[str]) -> dict[str, pa.ListArray]:
    """Return the feature columns of GRAPHS, one row a SMILES, atoms in the order of the SMILES.

    Raises InputError naming the first SMILES that gives no graph.
    """
    features = graph_features(smiles)
    if features.rejects:
        first = features.rejects[0]
        raise InputError(f"SMILES at position {first.position}: {first.message}")
    return features.columns


def graph_features(smiles: Sequence[str | None]) -> GraphFeatures:
    """Return the feature columns of every SMILES that can be read, and a reject for every other."""
    chunks, positions, rejects = [_chunk_columns([], [])], [], []
    with rdBase.BlockLogs():
        for start in range(0, len(smiles), _CHUNK):
            mols, texts = [], []
            for position, text in enumerate(smiles[start : start + _CHUNK], start):
                mol = _parse(text) if text else None
                if text and mol is not None and 0 < mol.GetNumAtoms() <= MAX_ATOMS:
                    mols.append(mol)
                    texts.append(text)
                    positions.append(position)
                else:
                    rejects.append(GraphReject(position, *_diagnose(text, mol)))
            chunks.append(_chunk_columns(mols, texts))
    columns = {name: pa.concat_arrays([chunk[name] for chunk in chunks]) for name in FEATURE_COLUMNS}
    return GraphFeatures(columns, positions, rejects)


def build_graphs(molecules: Path, graphs: Path, rejects: Path, *, processes: int = 1) -> dict[str, int]:
    """Write the graph of every molecule of a molecules table, or a row of `rejects` (stage ``graph``).

    Memory does not grow with the number of rows. Returns the counts ``molecules``, ``graphs`` and ``rejects``;
    raises AccountingError if they do not add up.
    """
    batches = scan_table(molecules, MOLECULES, ["molecule_id", "smiles"])
    with TableWriter(graphs, GRAPHS) as graph_writer, TableWriter(rejects, REJECTS) as reject_writer:
        for table, rejected in ordered_map(_batch_graphs, batches, processes):
            graph_writer.write(table)
            reject_writer.write(rejected)
        counts = {"molecules": count_rows(molecules), "graphs": graph_writer.rows, "rejects": reject_writer.rows}
        if counts["molecules"] != counts["graphs"] + counts["rejects"]:
            raise AccountingError(f"{molecules}: the graphs and rejects do not add up: {counts}")
    return counts


def _batch_graphs(batch: pa.RecordBatch) -> tuple[pa.Table, pa.Table]:
    ids, smiles = batch.column("molecule_id"), batch.column("smiles").to_pylist()
    columns, positions, rejects = graph_features(smiles)
    kept = ids.take(pa.array(positions, pa.int64())) if rejects else ids
    table = pa.Table.from_arrays([kept, *columns.values()], schema=GRAPHS)
    rejected = {
        "native_id": [ids[reject.position].as_py() for reject in rejects],
        "stage": ["graph"] * len(rejects),
        "reason": [reject.reason.value for reject in rejects],
        "message": [reject.message for reject in rejects],
    }
    return table, pa.Table.from_pydict(rejected, schema=REJECTS)


def _parse(smiles: str) -> Chem.Mol | None:
    """Return what MolFromSmiles returns; without stereo and explicit hydrogens, sanitising the parse is enough."""
    if _needs_full_parse(smiles):
        return Chem.MolFromSmiles(smiles)
    mol = Chem.MolFromSmiles(smiles, sanitize=False)
    if mol is None or Chem.SanitizeMol(mol, catchErrors=True) != Chem.SanitizeFlags.SANITIZE_NONE:
        return None
    return mol


def _diagnose(smiles: str | None, mol: Chem.Mol | None) -> tuple[RejectReason, str]:
    if not smiles or not smiles.strip() or (mol is not None and mol.GetNumAtoms() == 0):
        return RejectReason.EMPTY_MOLECULE, f"{smiles!r} has no atoms"
    if mol is not None:
        return RejectReason.MOLECULE_TOO_LARGE, f"{mol.GetNumAtoms()} atoms, at most {MAX_ATOMS} fit"
    unsanitised = Chem.MolFromSmiles(smiles, sanitize=False)
    if unsanitised is None:
        return RejectReason.UNREADABLE_MOLECULE, f"{smiles!r} is not a SMILES"
    problems = "; ".join(problem.Message() for problem in Chem.DetectChemistryProblems(unsanitised))
    return RejectReason.UNREADABLE_MOLECULE, f"{smiles!r}: {problems or 'cannot be sanitised'}"


@cache
def _query(smarts: str) -> Chem.Mol:
    return Chem.MolFromSmarts(smarts)


class _Chunk(NamedTuple):
    """Some molecules, their SMILES and atom tokens, and where their atoms start in the concatenation of all atoms."""

    mols: list[Chem.Mol]
    smiles: list[str]
    tokens: list[list[str]]
    offsets: np.ndarray

    def atom(self, position: int) -> Chem.Atom:
        """Return the atom at a position of the concatenation."""
        molecule = int(np.searchsorted(self.offsets, position, side="right")) - 1
        return self.mols[molecule].GetAtomWithIdx(position - int(self.offsets[molecule]))

    def matches(self, smarts: str) -> np.ndarray:
        """Return the positions of the atoms that match a one-atom SMARTS."""
        query = _query(smarts)
        found = [mol.GetSubstructMatches(query, False, False, False, MAX_ATOMS) for mol in self.mols]
        counts = np.array(list(map(len, found)), dtype=np.int32)
        flat = chain.from_iterable(chain.from_iterable(found))
        return np.fromiter(flat, dtype=np.int32, count=int(counts.sum())) + np.repeat(self.offsets[:-1], counts)


class _Cells(NamedTuple):
    """The set cells of the adjacency matrices, every bond twice: molecule, two atoms, and twice the bond order."""

    molecule: np.ndarray
    source: np.ndarray
    target: np.ndarray
    doubled_order: np.ndarray


def _chunk_columns(mols: list[Chem.Mol], smiles: list[str]) -> dict[str, pa.ListArray]:
    sizes = np.array([mol.GetNumAtoms() for mol in mols], dtype=np.int32)
    chunk = _Chunk(mols, smiles, list(map(_atom_tokens, smiles)), _offsets(sizes))
    listed = np.array([_needs_bond_objects(text) is not None for text in smiles], dtype=bool) | (sizes > _DENSE_ATOMS)
    bond_counts = np.array([mol.GetNumBonds() for mol in mols], dtype=np.int32)
    cells = _cells(chunk, np.flatnonzero(~listed), sizes, bond_counts)
    elements, hydrogens = _elements_and_hydrogens(chunk, cells, listed)
    atoms = {
        "atomic_number": elements,
        "chirality": _chirality(chunk),
        "hybridisation": _hybridisation(chunk),
        "hydrogens": hydrogens,
    }
    columns = {name: pa.ListArray.from_arrays(chunk.offsets, values) for name, values in atoms.items()}
    offsets = _offsets(bond_counts)
    bonds = _bonds(chunk, cells, np.flatnonzero(listed), offsets)
    return columns | {name: pa.ListArray.from_arrays(offsets, values) for name, values in bonds.items()}


def _offsets(counts: np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)


def _cells(chunk: _Chunk, dense: np.ndarray, sizes: np.ndarray, bond_counts: np.ndarray) -> _Cells:
    """Read the bonds of the molecules `dense` from their adjacency matrices of bond orders."""
    matrices = [Chem.GetAdjacencyMatrix(chunk.mols[i], True).ravel() for i in dense]
    orders = np.concatenate([np.zeros(0), *matrices])
    cells = np.flatnonzero(orders)
    counts = 2 * bond_counts[dense]
    if len(cells) != counts.sum():
        raise AccountingError(f"{len(cells)} cells of the adjacency matrices are set, expected {counts.sum()}")
    within = cells - np.repeat(_offsets(sizes[dense] ** 2)[:-1], counts)
    source, target = np.divmod(within, np.repeat(sizes[dense], counts))
    return _Cells(np.repeat(dense, counts), source, target, (2 * orders[cells]).astype(np.intp))


def _elements_and_hydrogens(chunk: _Chunk, cells: _Cells, listed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the atomic number and the hydrogen count of every atom, asking one atom object of each kind.

    Atoms of a kind share their SMILES token (element, charge, isotope, aromaticity; in brackets also hydrogens) and the
    sum of their bond orders, which fix both values. An atom is a kind of its own where that is not certain: in
    molecules without cells, where explicit hydrogens were dropped, where sanitising set a charge that the SMILES does
    not have (N(=O)=O), and where a token says aromatic but the bonds do not, or the reverse.
    """
    size = int(chunk.offsets[-1])
    atoms = chunk.offsets[cells.molecule] + cells.source
    orders = np.bincount(atoms, cells.doubled_order, size).astype(np.int64)
    aromatic = np.bincount(atoms, cells.doubled_order == 3, size) > 0
    codes: defaultdict[str, int] = defaultdict(count().__next__)
    unsure = listed.copy()
    numbers: list[int] = []
    for i, (mol, tokens) in enumerate(zip(chunk.mols, chunk.tokens, strict=True)):
        same = len(tokens) == mol.GetNumAtoms()
        unsure[i] |= not same
        numbers += map(codes.__getitem__, tokens) if same else [0] * mol.GetNumAtoms()
    token_says = np.array([_aromatic_token(token) is not None for token in codes] or [False])
    token = np.array(numbers, dtype=np.int64)
    uncharged = np.array(["+" not in token and "-" not in token for token in codes] or [True])
    owner = np.repeat(np.arange(len(chunk.mols)), np.diff(chunk.offsets))
    charged = chunk.matches("[!+0]")
    unsure[owner[charged[uncharged[token[charged]]]]] = True
    alone = unsure[owner] | (token_says[token] != aromatic)
    kinds = np.where(alone, -1 - np.arange(size), token * 4096 + orders)
    _, first, kind = np.unique(kinds, return_index=True, return_inverse=True)
    objects = [chunk.atom(position) for position in first.tolist()]
    elements = np.array([atom.GetAtomicNum() for atom in objects], dtype=np.int8)
    hydrogens = np.array([atom.GetTotalNumHs() for atom in objects], dtype=np.int8)
    return elements[kind], hydrogens[kind]


def _chirality(chunk: _Chunk) -> np.ndarray:
    values = np.full(int(chunk.offsets[-1]), NO_CHIRALITY, dtype=np.int8)
    for mol, text, tokens, start in zip(chunk.mols, chunk.smiles, chunk.tokens, chunk.offsets.tolist(), strict=False):
        if "@" not in text:
            continue
        same = len(tokens) == mol.GetNumAtoms()
        for i in [i for i, token in enumerate(tokens) if "@" in token] if same else range(mol.GetNumAtoms()):
            values[start + i] = CHIRALITY.get(mol.GetAtomWithIdx(i).GetChiralTag(), NO_CHIRALITY)
    return values


def _hybridisation(chunk: _Chunk) -> np.ndarray:
    values = np.full(int(chunk.offsets[-1]), HYBRIDISATION[Chem.HybridizationType.SP3], dtype=np.int8)
    values[chunk.matches("[^2]")] = HYBRIDISATION[Chem.HybridizationType.SP2]
    for position in chunk.matches("[!^2!^3]").tolist():
        values[position] = HYBRIDISATION.get(chunk.atom(position).GetHybridization(), OTHER_HYBRIDISATION)
    return values


def _bonds(chunk: _Chunk, cells: _Cells, listed: np.ndarray, offsets: np.ndarray) -> dict[str, np.ndarray]:
    """Return the flat bond columns: in row order of the matrices, or of RDKit's bonds for the molecules `listed`.

    Bonds run from the lower to the higher atom, but for listed ones and those with a direction, which holds from
    RDKit's begin atom (source) to its end atom.
    """
    table = np.full((int(offsets[-1]), 4), NO_BOND_DIRECTION, dtype=np.int16)
    once = cells.source < cells.target
    rows = np.ones(len(table), dtype=bool)
    for i in listed.tolist():
        rows[offsets[i] : offsets[i + 1]] = False
        table[offsets[i] : offsets[i + 1]] = [_bond_row(bond) for bond in _bond_objects(chunk.mols[i])] or 0
    table[rows, 0] = cells.source[once]
    table[rows, 1] = cells.target[once]
    table[rows, 2] = _TYPE_OF_DOUBLED_ORDER[cells.doubled_order[once]]
    directed = {i for i, text in enumerate(chunk.smiles) if "/" in text or "\\" in text}
    for i in directed.difference(listed.tolist()):
        _direct(table[offsets[i] : offsets[i + 1]], chunk.mols[i])
    names = ("bond_source", "bond_target", "bond_type", "bond_direction")
    types = (np.int16, np.int16, np.int8, np.int8)
    return {n: table[:, k].astype(type_) for k, (n, type_) in enumerate(zip(names, types, strict=True))}


def _bond_objects(mol: Chem.Mol) -> Iterator[Chem.Bond]:
    return map(mol.GetBondWithIdx, range(mol.GetNumBonds()))


def _bond_row(bond: Chem.Bond) -> tuple[int, int, int, int]:
    return (
        bond.GetBeginAtomIdx(),
        bond.GetEndAtomIdx(),
        BOND_TYPE.get(bond.GetBondType(), OTHER_BOND_TYPE),
        BOND_DIRECTION.get(bond.GetBondDir(), NO_BOND_DIRECTION),
    )


def _direct(table: np.ndarray, mol: Chem.Mol) -> None:
    """Replace, in one molecule's rows, the bonds that have a direction."""
    for bond in _bond_objects(mol):
        if bond.GetBondDir() in BOND_DIRECTION:
            row = _bond_row(bond)
            low, high = sorted(row[:2])
            table[(table[:, 0] == low) & (table[:, 1] == high)] = row
