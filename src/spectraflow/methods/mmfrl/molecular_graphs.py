"""Molecular graphs with chemprop's features, stored flat: featurised once, batched without a loop over molecules.

Few atoms and bonds of a data set differ in their features, so each kind of atom and bond is featurised once, by
chemprop's own classes, and an atom or a bond is stored as the number of its kind.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Generic, Literal, Self, TypeVar

import numpy as np
import torch
from chemprop.featurizers.atom import MultiHotAtomFeaturizer
from chemprop.featurizers.bond import MultiHotBondFeaturizer
from chemprop.featurizers.molgraph.molecule import BatchCuikMolGraph
from rdkit import Chem, rdBase
from torch import Tensor

from spectraflow.errors import InputError
from spectraflow.store.ragged import Ragged
from spectraflow.tables import MOLECULES, scan_table
from spectraflow.training.checkpoint import load_checkpoint, save_checkpoint

Featuriser = Literal["v1", "v2"]

_V1, _V2, _BOND = MultiHotAtomFeaturizer.v1(), MultiHotAtomFeaturizer.v2(), MultiHotBondFeaturizer()
_Item = TypeVar("_Item", Chem.Atom, Chem.Bond)


class _Kinds(Generic[_Item]):
    """Numbers atoms or bonds by `key`, what their features are made of, and keeps the features of each number."""

    def __init__(self, key: Callable[[_Item], tuple[int, ...]], featurise: Callable[[_Item], np.ndarray]) -> None:
        self._key: Callable[[_Item], tuple[int, ...]] = key
        self._featurise: Callable[[_Item], np.ndarray] = featurise
        self._numbers: dict[tuple[int, ...], int] = {}
        self._rows: list[np.ndarray] = []

    def number(self, item: _Item) -> int:
        """Return the number of an atom or bond."""
        key = self._key(item)
        number = self._numbers.setdefault(key, len(self._rows))
        if number == len(self._rows):
            self._rows.append(self._featurise(item))
        return number

    def features(self, width: int) -> Tensor:
        """Return the features of every number, (K, width) float32."""
        return torch.from_numpy(np.array(self._rows, dtype=np.float32).reshape(-1, width))


def _atom_key(atom: Chem.Atom) -> tuple[int, ...]:
    return (
        atom.GetAtomicNum(),
        atom.GetTotalDegree(),
        atom.GetFormalCharge(),
        atom.GetChiralTag(),
        atom.GetTotalNumHs(),
        atom.GetHybridization(),
        atom.GetIsAromatic(),
        atom.GetIsotope(),
    )


def _bond_key(bond: Chem.Bond) -> tuple[int, ...]:
    return bond.GetBondType(), bond.GetIsConjugated(), bond.IsInRing(), bond.GetStereo()


def write_graphs(table: Path, out: Path) -> int:
    """Featurise the molecules of a table with `molecule_id` and `smiles`; returns how many there are.

    Atoms are in the order of the SMILES. Both featurisers of chemprop are stored, `MolecularGraphs.read` picks one.

    Raises:
        InputError: a SMILES cannot be read or has no atoms.
    """
    atoms = _Kinds(_atom_key, lambda atom: np.concatenate([_V1(atom), _V2(atom)]))
    bonds = _Kinds(_bond_key, _BOND)
    ids: list[str] = []
    atom_kinds: list[int] = []
    bond_rows: list[tuple[int, int, int]] = []
    counts: list[tuple[int, int]] = []
    for batch in scan_table(table, MOLECULES, ["molecule_id", "smiles"]):
        for name, smiles in zip(*batch.to_pydict().values(), strict=True):
            mol = _molecule(smiles, name, table)
            ids.append(name)
            atom_kinds += map(atoms.number, mol.GetAtoms())
            bond_rows += [(b.GetBeginAtomIdx(), b.GetEndAtomIdx(), bonds.number(b)) for b in mol.GetBonds()]
            counts.append((mol.GetNumAtoms(), mol.GetNumBonds()))
    v1, v2 = atoms.features(len(_V1) + len(_V2)).split([len(_V1), len(_V2)], dim=1)
    atom_counts, bond_counts = torch.tensor(counts, dtype=torch.int64).reshape(-1, 2).unbind(1)
    tensors = {
        "atom_kind": torch.tensor(atom_kinds, dtype=torch.int32),
        "bond": torch.tensor(bond_rows, dtype=torch.int32).reshape(-1, 3),
        "atom_ptr": _offsets(atom_counts),
        "bond_ptr": _offsets(bond_counts),
        "atom_features_v1": v1,
        "atom_features_v2": v2,
        "bond_features": bonds.features(len(_BOND)),
    }
    save_checkpoint(out, tensors, {"molecules": ids})
    return len(ids)


def _molecule(smiles: str, name: str, table: Path) -> Chem.Mol:
    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(smiles)
    if mol is None or mol.GetNumAtoms() == 0:
        raise InputError(f"{table}: {name}: no graph can be made of the SMILES {smiles!r}")
    return mol


def _offsets(counts: Tensor) -> Tensor:
    return torch.cat([counts.new_zeros(1), counts.cumsum(0)])


@dataclass(frozen=True)
class MolecularGraphs:
    """The graphs of a table, in its order.

    atoms: Ragged (N,) int32 kind of each atom; bonds: Ragged (E, 3) int32 begin and end atom within the molecule, and
    kind; atom_features (K, d_v) and bond_features (L, d_e) float32 features of the kinds.
    """

    molecule_ids: list[str]
    atoms: Ragged
    bonds: Ragged
    atom_features: Tensor
    bond_features: Tensor

    @classmethod
    def read(cls, path: Path, featuriser: Featuriser = "v1") -> Self:
        """Read what `write_graphs` wrote, with chemprop 1's (133) or 2's (72) features of atoms.

        Raises:
            InputError: the file is missing, damaged or of another kind.
        """
        tensors, state = load_checkpoint(path)
        try:
            return cls(
                molecule_ids=state["molecules"],
                atoms=Ragged(tensors["atom_kind"], tensors["atom_ptr"]),
                bonds=Ragged(tensors["bond"], tensors["bond_ptr"]),
                atom_features=tensors[f"atom_features_{featuriser}"],
                bond_features=tensors["bond_features"],
            )
        except KeyError as error:
            raise InputError(f"{path}: not a file of molecular graphs: no {error} in it") from error

    def __len__(self) -> int:
        return len(self.molecule_ids)

    def to(self, device: torch.device | str) -> Self:
        """Return the graphs on `device`."""
        return replace(
            self,
            atoms=self.atoms.to(device),
            bonds=self.bonds.to(device),
            atom_features=self.atom_features.to(device),
            bond_features=self.bond_features.to(device),
        )

    def batch(self, rows: Tensor) -> BatchCuikMolGraph:
        """Assemble the graphs `rows` (B,) int64, at least one, on the graphs' device.

        The two directions of a bond lie side by side, as chemprop's featuriser puts them.
        """
        rows = rows.to(self.atoms.offsets.device)
        kinds, segment, counts = self.atoms.take(rows)
        bonds, bond_segment, _ = self.bonds.take(rows)
        first = counts.cumsum(0) - counts
        ends = bonds[:, :2] + first[bond_segment, None]
        return BatchCuikMolGraph(
            V=self.atom_features.index_select(0, kinds),
            E=self.bond_features.index_select(0, bonds[:, 2].repeat_interleave(2)),
            edge_index=torch.stack([ends.flatten(), ends.flip(1).flatten()]),
            rev_edge_index=torch.arange(ends.numel(), device=ends.device) ^ 1,
            batch=segment,
        )
