"""Pre-training molecules as tensors: graphs, and what the similarities of each modality are made of."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from spectraflow.errors import InputError
from spectraflow.methods.mmfrl.embed import read_embeddings
from spectraflow.methods.mmfrl.molecular_graphs import MolecularGraphs
from spectraflow.methods.mmfrl.pretraining_parts import PretrainingParts, pretraining_parts
from spectraflow.methods.mmfrl.settings import EMBEDDED, LossSettings, Modality, PretrainingRun
from spectraflow.methods.mmfrl.targets_similarity import cosine, peak_similarity, tanimoto
from spectraflow.splits.similarity import BITS, morgan_fingerprints
from spectraflow.store.ragged import Ragged, from_list_columns
from spectraflow.tables import PRETRAINING, read_table

CARBON_FEATURE = 5
"""Column of an atom's features, of either featuriser, that is 1 for carbon."""


def used_modalities(settings: PretrainingRun) -> tuple[Modality, ...]:
    """Return the modalities whose similarities a run learns: its own, or those that early fusion gives a weight."""
    if settings.modality == "early":
        return tuple(name for name, weight in settings.weights.items() if weight > 0)
    return (settings.modality,)


@dataclass(frozen=True)
class PretrainingStore:
    """N molecules in the order of their table.

    graphs: with the features of the run's featuriser; vectors: by modality, target embeddings (N, d) float16 or
    fingerprints (N, 2048) uint8; carbons: Ragged (C, 2) float32, atom within the molecule and shift in ppm;
    centres: by modality, the vector subtracted before a cosine is taken.
    """

    molecule_ids: list[str]
    graphs: MolecularGraphs
    vectors: dict[Modality, Tensor]
    carbons: Ragged
    parts: PretrainingParts
    centres: dict[Modality, Tensor]

    @classmethod
    def read(cls, settings: PretrainingRun, pretraining: Path, graphs: Path, targets: Mapping[Modality, Path]) -> Self:
        """Read what a run needs.

        Raises:
            InputError: the files do not belong together, a target is missing, or a shift is not that of a carbon.
        """
        table = read_table(pretraining, PRETRAINING)
        ids = table["molecule_id"].to_pylist()
        found = MolecularGraphs.read(graphs, settings.encoder.featuriser)
        if found.molecule_ids != ids:
            raise InputError(f"{graphs}: its molecules are not those of {pretraining}, in the same order")
        parts = pretraining_parts(table["first_block"].to_pylist(), settings)
        vectors: dict[Modality, Tensor] = {
            name: _vectors(name, table, targets) for name in used_modalities(settings) if name != "peak"
        }
        centred = [name for name in vectors if name in EMBEDDED and settings.loss.centred]
        centres: dict[Modality, Tensor] = {name: vectors[name][parts.train].float().mean(0) for name in centred}
        carbons = from_list_columns(table, ["carbon_atom", "shift_ppm"], np.float32)
        if settings.modality == "peak":
            _check_carbons(found, carbons, ids, pretraining)
        return cls(ids, found, vectors, carbons, parts, centres)

    def to(self, device: torch.device | str) -> Self:
        """Return the store on `device`; the parts stay on the CPU, where batches are drawn."""
        return replace(
            self,
            graphs=self.graphs.to(device),
            vectors={name: values.to(device) for name, values in self.vectors.items()},
            carbons=self.carbons.to(device),
            centres={name: values.to(device) for name, values in self.centres.items()},
        )

    def similarity(self, modality: Modality, rows: Tensor, loss: LossSettings) -> Tensor:
        """Return the similarity (n, n) float32 of the molecules `rows`, or, for peak, of all their carbons."""
        rows = rows.to(self.carbons.offsets.device)
        if modality == "peak":
            return peak_similarity(self.carbons.take(rows)[0][:, 1], loss.peak_kernel, loss.peak_scale)
        vectors = self.vectors[modality][rows]
        return tanimoto(vectors) if modality == "fingerprint" else cosine(vectors, self.centres.get(modality))

    def carbon_atoms(self, rows: Tensor) -> Tensor:
        """Return where the carbons of the molecules `rows` stand among the atoms of their batch, (C,) int64."""
        return _places(self.carbons, self.graphs, rows.to(self.carbons.offsets.device))


def _vectors(modality: Modality, table: pa.Table, targets: Mapping[Modality, Path]) -> Tensor:
    if modality == "fingerprint":
        return _fingerprints(table)
    if modality not in targets:
        raise InputError(f"the target embeddings of the modality {modality} are missing")
    return read_embeddings(targets[modality], table.num_rows)


def _fingerprints(table: pa.Table) -> Tensor:
    bits = np.zeros((table.num_rows, BITS), np.uint8)
    for row, one in enumerate(morgan_fingerprints(table["smiles"].to_pylist())):
        bits[row, list(one.GetOnBits())] = 1
    return torch.from_numpy(bits)


def _places(carbons: Ragged, graphs: MolecularGraphs, rows: Tensor) -> Tensor:
    values, segment, _ = carbons.take(rows)
    counts = graphs.atoms.counts[rows]
    return values[:, 0].long() + (counts.cumsum(0) - counts)[segment]


def _check_carbons(graphs: MolecularGraphs, carbons: Ragged, ids: list[str], path: Path) -> None:
    """Raise InputError unless every shift belongs to a carbon of its molecule."""
    rows = torch.arange(len(ids))
    values, segment, _ = carbons.take(rows)
    outside = values[:, 0].long() >= graphs.atoms.counts[segment]
    places = _places(carbons, graphs, rows).masked_fill(outside, 0)
    other = graphs.atom_features[graphs.atoms.values[places].long(), CARBON_FEATURE] != 1
    if (wrong := (outside | other).nonzero()).numel():
        first = int(wrong[0])
        raise InputError(f"{path}: {ids[int(segment[first])]}: atom {int(values[first, 0])} with a shift is no carbon")
