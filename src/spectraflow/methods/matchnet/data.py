"""Molecules with two spectra as flat tensors, and batches of pairs by index arithmetic."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch
from torch import Tensor

from spectraflow.errors import InputError
from spectraflow.methods.matchnet.batch import MatchBatch, MatchGraph, PeakSets
from spectraflow.methods.matchnet.feature_store import FeatureStore
from spectraflow.methods.matchnet.pair_molecules import spectrum_codes
from spectraflow.methods.matchnet.settings import NUCLEI, NetworkSettings, Nucleus
from spectraflow.store.ragged import Ragged, from_list_columns
from spectraflow.tables import MATCHING_SPECTRA, RENDERED, read_table

ATOM_COLUMNS = ("element", "degree", "hydrogens", "implicit_valence", "aromatic")
BOND_COLUMNS = ("bond_source", "bond_target")
LINE_COLUMNS: dict[Nucleus, tuple[str, str]] = {
    "1H": ("proton_ppm", "proton_area"),
    "13C": ("carbon_ppm", "carbon_area"),
}
COLUMN_NAMES: dict[Nucleus, tuple[str, str]] = {
    "1H": ("proton_high", "proton_low"),
    "13C": ("carbon_high", "carbon_low"),
}


@dataclass(frozen=True)
class MatchStore:
    """N molecules: graphs, and of their spectra what the model reads.

    atoms (T, 5) and bonds (E, 2) as Ragged int64; fingerprints (N, 256) uint8 as numpy packs them; codes (N,) int64,
    equal for equal spectra; by nucleus peaks: lines (ppm, area), and columns: (N, 2, W) float32; features: cached
    maps of a frozen backbone; tables: the files of molecules and of rendered spectra that it was read from.
    """

    molecule_ids: list[str]
    first_blocks: list[str]
    atoms: Ragged
    bonds: Ragged
    fingerprints: np.ndarray
    codes: np.ndarray
    peaks: dict[Nucleus, Ragged]
    columns: dict[Nucleus, Tensor] | None = None
    features: FeatureStore | None = None
    tables: tuple[Path, Path | None] = (Path(), None)

    def __len__(self) -> int:
        return len(self.molecule_ids)

    @classmethod
    def read(cls, spectra: Path, rendered: Path | None = None, features: Path | None = None) -> Self:
        """Read a table of molecules with two spectra, and of the rest what is given.

        Raises InputError if a molecule has no columns or no features.
        """
        table = read_table(spectra, MATCHING_SPECTRA)
        if not table.num_rows:
            raise InputError(f"{spectra}: no molecules")
        ids = table["molecule_id"].to_pylist()
        packed = b"".join(table["fingerprint"].to_pylist())
        store = cls(
            molecule_ids=ids,
            first_blocks=table["first_block"].to_pylist(),
            atoms=_long(from_list_columns(table, ATOM_COLUMNS, np.int64)),
            bonds=_long(from_list_columns(table, BOND_COLUMNS, np.int64)),
            fingerprints=np.frombuffer(packed, np.uint8).reshape(len(ids), -1),
            codes=np.arange(len(ids)),
            peaks={n: from_list_columns(table, names, np.float32) for n, names in LINE_COLUMNS.items()},
            tables=(spectra, rendered),
        )
        if rendered is not None:
            columns = read_columns(rendered, ids)
            store = replace(store, columns=columns, codes=spectrum_codes(rendered, ids))
        return store if features is None else replace(store, features=FeatureStore.open(features, ids))

    @property
    def device(self) -> torch.device:
        """Return where its batches are assembled."""
        return self.atoms.values.device

    def to(self, device: torch.device | str) -> Self:
        """Return the store on `device`."""
        return replace(
            self,
            atoms=self.atoms.to(device),
            bonds=self.bonds.to(device),
            peaks={nucleus: lines.to(device) for nucleus, lines in self.peaks.items()},
            columns=None if self.columns is None else {n: one.to(device) for n, one in self.columns.items()},
            features=None if self.features is None else self.features.to(device),
        )

    def with_columns(self, columns: dict[Nucleus, Tensor]) -> Self:
        """Return the store with other columns (N, 2, W) by nucleus."""
        return replace(self, columns=columns)

    def graphs(self, rows: Tensor) -> MatchGraph:
        """Assemble the graphs of the molecules `rows` (B,) int64."""
        atoms, segment, counts = self.atoms.take(rows)
        bonds, bond_segment, _ = self.bonds.take(rows)
        first = counts.cumsum(0) - counts
        source, target = (bonds + first[bond_segment, None]).unbind(1)
        both = torch.stack([torch.cat([source, target]), torch.cat([target, source])])
        return MatchGraph(atoms, both, segment, counts)

    def batch(self, owners: Tensor, candidates: Tensor, labels: Tensor, settings: NetworkSettings) -> MatchBatch:
        """Assemble pairs: the spectra of `owners` (B,) beside the graphs of `candidates` (B,); labels (B,) float32."""
        seen = [] if settings.blind == "spectra" else settings.nuclei
        return MatchBatch(
            graph=self.graphs(candidates),
            features=self._features(owners, seen) if settings.spectra == "images" else None,
            columns=self._columns(owners, seen) if settings.spectra == "vectors" else None,
            peaks=self._peaks(owners, seen) if settings.spectra == "peaks" else None,
            labels=labels,
        )

    def _features(self, rows: Tensor, nuclei: Sequence[Nucleus]) -> dict[str, Tensor]:
        if not nuclei:
            return {}
        if self.features is None:
            raise InputError("a model of images needs cached features")
        found = self.features.gather(rows)
        return {nucleus: found[nucleus] for nucleus in nuclei}

    def _columns(self, rows: Tensor, nuclei: Sequence[Nucleus]) -> dict[str, Tensor]:
        if self.columns is None:
            raise InputError("a model of vectors needs rendered spectra")
        return {nucleus: self.columns[nucleus][rows] for nucleus in nuclei}

    def _peaks(self, rows: Tensor, nuclei: Sequence[Nucleus]) -> dict[str, PeakSets]:
        return {nucleus: PeakSets(*self.peaks[nucleus].take(rows)) for nucleus in nuclei}

    def rows_of(self, names: Sequence[str], where: Path) -> np.ndarray:
        """Return the row of each molecule (n,) int64; raises InputError naming one that the store lacks."""
        found = pc.index_in(pa.array(names, pa.string()), pa.array(self.molecule_ids))
        if found.null_count:
            missing = names[pc.is_null(found).to_pylist().index(True)]
            raise InputError(f"{where}: {found.null_count} molecules are unknown, such as {missing}")
        rows: np.ndarray = found.to_numpy(zero_copy_only=False).astype(np.int64)
        return rows


def read_columns(path: Path, molecule_ids: Sequence[str]) -> dict[Nucleus, Tensor]:
    """Return the columns (N, 2, W), high and low, of the molecules in their order, by nucleus.

    Raises InputError naming a molecule that is missing or has another number of columns than the first.
    """
    table = read_table(path, RENDERED)
    rows = pc.index_in(pa.array(molecule_ids, pa.string()), table["molecule_id"].combine_chunks())
    if rows.null_count:
        missing = molecule_ids[pc.is_null(rows).to_pylist().index(True)]
        raise InputError(f"{path}: {rows.null_count} molecules were not rendered, such as {missing}")
    table = table.take(rows).combine_chunks()
    return {
        nucleus: torch.from_numpy(np.stack([_matrix(table, name, path) for name in COLUMN_NAMES[nucleus]], axis=1))
        for nucleus in NUCLEI
    }


def _matrix(table: pa.Table, name: str, path: Path) -> np.ndarray:
    column = table[name].combine_chunks()
    lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False)
    if (wrong := np.flatnonzero(lengths != lengths[0])).size or not lengths[0]:
        row = int(wrong[0]) if wrong.size else 0
        raise InputError(
            f"{path}: {table['molecule_id'][row]} has {lengths[row]} columns in {name}, the first molecule {lengths[0]}"
        )
    values: np.ndarray = column.flatten().to_numpy(zero_copy_only=False).reshape(len(lengths), int(lengths[0]))
    return values


def _long(ragged: Ragged) -> Ragged:
    return Ragged(ragged.values.long(), ragged.offsets)
