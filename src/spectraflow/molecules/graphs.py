"""Molecular graphs: SMILES to list columns of atom and bond features.

RDKit's Python objects of atoms and bonds cost more than the parse itself, so many molecules are read at once through
its bulk routes: elements from the SMILES tokens (which come in atom order), hybridisation and hydrogen counts from
one-atom substructure matches, bonds from adjacency matrices. What these routes cannot express goes through the
objects: rare hybridisations, chiral centres, and all bonds of molecules with metals, unusual or directed bonds.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from rdkit import Chem, rdBase

from spectraflow.errors import AccountingError, InputError
from spectraflow.sources.parallel import ordered_map
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
_needs_full_parse = re.compile(r"[@/\\\s]|\[\d*H").search
_may_have_four_hydrogens = re.compile(r"^C$|[.~<>]|H\d").search
_needs_bond_objects = re.compile(r"[/\\<>~$]").search
_COVALENT_ELEMENTS = bytes([0, 1, 5, 6, 7, 8, 9, 14, 15, 16, 17, 33, 34, 35, 52, 53])
_TYPE_OF_DOUBLED_ORDER = np.full(16, OTHER_BOND_TYPE, dtype=np.int8)
_TYPE_OF_DOUBLED_ORDER[[2, 4, 6, 3]] = [0, 1, 2, 3]
_TOKEN_ELEMENTS: dict[str, int] = {}
_MAX_TOKENS = 20_000


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


def _chunk_columns(mols: list[Chem.Mol], smiles: list[str]) -> dict[str, pa.ListArray]:
    sizes = np.array([mol.GetNumAtoms() for mol in mols], dtype=np.int32)
    offsets = _offsets(sizes)
    tokens = list(map(_atom_tokens, smiles))
    elements = [_elements(mol, found) for mol, found in zip(mols, tokens, strict=True)]
    bond_counts, bonds = _bonds(mols, smiles, elements, sizes)
    atoms = {
        "atomic_number": np.frombuffer(b"".join(elements), dtype=np.int8),
        "chirality": _chirality(mols, smiles, tokens, offsets),
        "hybridisation": _hybridisation(mols, offsets),
        "hydrogens": _hydrogens(mols, smiles, offsets),
    }
    columns = {name: pa.ListArray.from_arrays(offsets, values) for name, values in atoms.items()}
    bond_offsets = _offsets(bond_counts)
    return columns | {name: pa.ListArray.from_arrays(bond_offsets, values) for name, values in bonds.items()}


def _offsets(counts: np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)


def _elements(mol: Chem.Mol, tokens: list[str]) -> bytes:
    """Return the atomic numbers; tokens seen before need no atom objects.

    The parser can drop tokens (hydrogens), never add or move atoms: equal counts mean that they correspond.
    """
    if len(tokens) != mol.GetNumAtoms():
        return bytes(atom.GetAtomicNum() for atom in mol.GetAtoms())
    try:
        return bytes(map(_TOKEN_ELEMENTS.__getitem__, tokens))
    except KeyError:
        elements = bytes(atom.GetAtomicNum() for atom in mol.GetAtoms())
    if len(_TOKEN_ELEMENTS) < _MAX_TOKENS:
        _TOKEN_ELEMENTS.update(zip(tokens, elements, strict=True))
    return elements


def _matches(mols: Sequence[Chem.Mol], smarts: str, starts: np.ndarray) -> np.ndarray:
    """Return the positions of the atoms that match a one-atom SMARTS; `starts` are those of each first atom."""
    query = _query(smarts)
    found = [mol.GetSubstructMatches(query, False, False, False, MAX_ATOMS) for mol in mols]
    counts = np.array(list(map(len, found)), dtype=np.int32)
    flat = chain.from_iterable(chain.from_iterable(found))
    return np.fromiter(flat, dtype=np.int32, count=int(counts.sum())) + np.repeat(starts, counts)


def _atom_objects(mols: list[Chem.Mol], offsets: np.ndarray, positions: np.ndarray) -> Iterator[tuple[int, Chem.Atom]]:
    molecules = np.searchsorted(offsets, positions, side="right") - 1
    for molecule, position in zip(molecules.tolist(), positions.tolist(), strict=True):
        yield position, mols[molecule].GetAtomWithIdx(position - int(offsets[molecule]))


def _chirality(mols: list[Chem.Mol], smiles: list[str], tokens: list[list[str]], offsets: np.ndarray) -> np.ndarray:
    values = np.full(int(offsets[-1]), NO_CHIRALITY, dtype=np.int8)
    for mol, text, found, start in zip(mols, smiles, tokens, offsets.tolist(), strict=False):
        if "@" not in text:
            continue
        same = len(found) == mol.GetNumAtoms()
        for i in [i for i, token in enumerate(found) if "@" in token] if same else range(mol.GetNumAtoms()):
            values[start + i] = CHIRALITY.get(mol.GetAtomWithIdx(i).GetChiralTag(), NO_CHIRALITY)
    return values


def _hybridisation(mols: list[Chem.Mol], offsets: np.ndarray) -> np.ndarray:
    values = np.full(int(offsets[-1]), HYBRIDISATION[Chem.HybridizationType.SP3], dtype=np.int8)
    values[_matches(mols, "[^2]", offsets[:-1])] = HYBRIDISATION[Chem.HybridizationType.SP2]
    for position, atom in _atom_objects(mols, offsets, _matches(mols, "[!^2!^3]", offsets[:-1])):
        values[position] = HYBRIDISATION.get(atom.GetHybridization(), OTHER_HYBRIDISATION)
    return values


def _hydrogens(mols: list[Chem.Mol], smiles: list[str], offsets: np.ndarray) -> np.ndarray:
    """Return the hydrogen counts: the two bits of 0 to 3 by two queries, more (methane, [NH4+]) by a third."""
    values = np.zeros(int(offsets[-1]), dtype=np.int8)
    values[_matches(mols, "[h1,h3]", offsets[:-1])] += 1
    values[_matches(mols, "[h2,h3]", offsets[:-1])] += 2
    some = [i for i, text in enumerate(smiles) if _may_have_four_hydrogens(text)]
    many = _matches([mols[i] for i in some], "[!h0!h1!h2!h3]", offsets[some])
    for position, atom in _atom_objects(mols, offsets, many):
        values[position] = atom.GetTotalNumHs()
    return values


def _bonds(
    mols: list[Chem.Mol], smiles: list[str], elements: list[bytes], sizes: np.ndarray
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return the number of bonds of each molecule and the flat bond columns."""
    counts = np.array([mol.GetNumBonds() for mol in mols], dtype=np.int32)
    special = np.array(
        [
            len(numbers) > _DENSE_ATOMS
            or _needs_bond_objects(text) is not None
            or bool(numbers.translate(None, _COVALENT_ELEMENTS))
            for numbers, text in zip(elements, smiles, strict=True)
        ],
        dtype=bool,
    )
    plain = np.flatnonzero(~special)
    dense = _dense_bonds([mols[i] for i in plain], sizes[plain], counts[plain])
    listed = _listed_bonds([mols[i] for i in np.flatnonzero(special)])
    owner = np.concatenate([np.repeat(plain, counts[plain]), np.repeat(np.flatnonzero(special), counts[special])])
    table = np.concatenate([dense, listed])[np.argsort(owner, kind="stable")]
    names = ("bond_source", "bond_target", "bond_type", "bond_direction")
    types = (np.int16, np.int16, np.int8, np.int8)
    return counts, {n: table[:, k].astype(type_) for k, (n, type_) in enumerate(zip(names, types, strict=True))}


def _dense_bonds(mols: list[Chem.Mol], sizes: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return source, target, type and direction (none) of bonds read from adjacency matrices of bond orders."""
    matrices = [Chem.GetAdjacencyMatrix(mol, True).ravel() for mol in mols]
    orders = np.concatenate([np.zeros(0), *matrices])
    cells = np.flatnonzero(orders)
    if len(cells) != 2 * counts.sum():
        raise AccountingError(f"{len(cells)} cells of the adjacency matrices are set, expected {2 * counts.sum()}")
    owner = np.repeat(np.arange(len(mols)), 2 * counts)
    within = cells - _offsets(sizes**2)[owner]
    source, target = np.divmod(within, sizes[owner])
    types = _TYPE_OF_DOUBLED_ORDER[(2 * orders[cells]).astype(np.intp)]
    once = source < target
    return np.stack([source, target, types, np.full_like(source, NO_BOND_DIRECTION)], axis=1)[once].astype(np.int16)


def _listed_bonds(mols: list[Chem.Mol]) -> np.ndarray:
    """Return source, target, type and direction of bonds read one by one; directions hold from source to target."""
    rows = [
        (
            bond.GetBeginAtomIdx(),
            bond.GetEndAtomIdx(),
            BOND_TYPE.get(bond.GetBondType(), OTHER_BOND_TYPE),
            BOND_DIRECTION.get(bond.GetBondDir(), NO_BOND_DIRECTION),
        )
        for mol in mols
        for bond in map(mol.GetBondWithIdx, range(mol.GetNumBonds()))
    ]
    return np.array(rows, dtype=np.int16).reshape(-1, 4)
