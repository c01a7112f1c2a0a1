"""Environment lookup (HOSE type): the median training shift of the largest environment seen (reference section 8)."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import polars as pl
import torch
from torch import Tensor

from spectraflow.methods.shifts.data import ShiftStore
from spectraflow.methods.shifts.prediction import PredictedShifts, targets_of
from spectraflow.store.batches import padded_batches
from spectraflow.store.closed_walks import closed_walks
from spectraflow.store.graphs import GraphBatch, GraphStore
from spectraflow.store.mixing import mixed
from spectraflow.store.ragged import Ragged

RING_SIZES = 5  # closed walks of 3 to 7 bonds
UNSEEN_PPM, UNSEEN_SCALE = (97.0, 4.0), (50.0, 3.0)
AROMATIC_BOND = 3


def environment_codes(graph: GraphBatch, radius: int) -> Tensor:
    """Return hashes (N, radius + 1) int64 of each atom's circular environment with 0 to `radius` bonds.

    An atom is its element, hydrogens, degree, hybridisation, aromaticity and ring sizes; a bond its type. Chirality and
    bond directions are left out.
    """
    source, target = graph.edge_index
    degree = torch.bincount(target, minlength=len(graph.atoms))
    aromatic = torch.bincount(target[graph.edge_type == AROMATIC_BOND], minlength=len(graph.atoms)).clamp(max=1)
    rings = (closed_walks(graph).atoms[:, :RING_SIZES] > 0).long()
    code = torch.zeros(len(graph.atoms), dtype=torch.int64)
    columns = (graph.atoms[:, 0], graph.atoms[:, 2], graph.atoms[:, 3], degree, aromatic, *rings.unbind(1))
    for column in columns:
        code = mixed(code * 31 + column)
    codes = [code]
    for _ in range(radius):
        arriving = mixed(codes[-1][source] + mixed(graph.edge_type + 1))
        codes.append(mixed(codes[-1] * 3 + torch.zeros_like(code).index_add(0, target, arriving)))
    return torch.stack(codes, 1)


def store_codes(graphs: GraphStore, radius: int) -> Tensor:
    """Return the environment hashes (N, radius + 1) of all atoms of a store, in its order."""
    pieces = padded_batches(torch.arange(len(graphs)), graphs.atoms.counts)
    found = [environment_codes(graphs.batch(rows), radius) for rows in pieces]
    return torch.cat(found) if found else torch.zeros(0, radius + 1, dtype=torch.int64)


@dataclass(frozen=True)
class EnvironmentLookup:
    """For each nucleus and radius: sorted environment hashes (K,) int64, their median shift (K,) float32 in ppm.

    `scales` (2, radius + 1) float32 holds the mean deviation from the median, ppm, among environments of that radius
    seen at least twice.
    """

    keys: list[list[Tensor]]
    medians: list[list[Tensor]]
    scales: Tensor

    @classmethod
    def fit(cls, store: ShiftStore, rows: Tensor, radius: int) -> Self:
        """Collect the environments of the labelled atoms of the molecules `rows`."""
        labels, molecule, _ = store.labels.take(rows)
        atoms = store.graphs.atoms.offsets[rows[molecule]] + labels[:, 0]
        codes = store_codes(store.graphs, radius)[atoms].numpy()
        shifts = labels[:, 3].numpy() / np.float32(1000)
        keys: list[list[Tensor]] = []
        medians: list[list[Tensor]] = []
        scales = torch.zeros(2, radius + 1)
        for nucleus in (0, 1):
            chosen = (labels[:, 1] == nucleus).numpy()
            found = [_environments(codes[chosen, r], shifts[chosen]) for r in range(radius + 1)]
            keys.append([torch.from_numpy(key) for key, _, _ in found])
            medians.append([torch.from_numpy(median) for _, median, _ in found])
            scales[nucleus] = torch.tensor([scale or UNSEEN_SCALE[nucleus] for _, _, scale in found])
        return cls(keys, medians, scales)

    def state(self) -> dict[str, Tensor]:
        """Return the tables as named tensors."""
        tables = {"scales": self.scales}
        for nucleus, (keys, medians) in enumerate(zip(self.keys, self.medians, strict=True)):
            tables |= {f"keys.{nucleus}.{r}": key for r, key in enumerate(keys)}
            tables |= {f"medians.{nucleus}.{r}": median for r, median in enumerate(medians)}
        return tables

    @classmethod
    def from_state(cls, state: dict[str, Tensor]) -> Self:
        """Return the lookup whose `state` this is."""
        radii = range(state["scales"].shape[1])
        keys = [[state[f"keys.{nucleus}.{r}"] for r in radii] for nucleus in (0, 1)]
        medians = [[state[f"medians.{nucleus}.{r}"] for r in radii] for nucleus in (0, 1)]
        return cls(keys, medians, state["scales"])

    def shifts(self, codes: Tensor, nucleus: int) -> tuple[Tensor, Tensor]:
        """Return shift and scale (M,) float32 of atoms with hashes (M, radius + 1), of the largest known radius."""
        ppm = torch.full((len(codes),), UNSEEN_PPM[nucleus])
        scale = torch.full((len(codes),), UNSEEN_SCALE[nucleus])
        for radius, (keys, medians) in enumerate(zip(self.keys[nucleus], self.medians[nucleus], strict=True)):
            if len(keys):
                place = torch.searchsorted(keys, codes[:, radius].contiguous()).clamp(max=len(keys) - 1)
                known = keys[place] == codes[:, radius]
                ppm = torch.where(known, medians[place], ppm)
                scale = torch.where(known, self.scales[nucleus, radius], scale)
        return ppm, scale

    def predict(self, graphs: GraphStore) -> PredictedShifts:
        """Return the shifts of all carbons and of the protons on all atoms that bear any."""
        codes = store_codes(graphs, self.scales.shape[1] - 1)
        parts = []
        for nucleus, wanted in enumerate(targets_of(graphs)):
            molecule = torch.repeat_interleave(torch.arange(len(graphs)), wanted.counts)
            ppm, scale = self.shifts(codes[graphs.atoms.offsets[molecule] + wanted.values], nucleus)
            parts.append(Ragged(torch.stack([wanted.values.float(), ppm, scale], 1), wanted.offsets))
        return PredictedShifts(graphs.molecule_ids, *parts)


def _environments(codes: np.ndarray, shifts: np.ndarray) -> tuple[np.ndarray, np.ndarray, float | None]:
    frame = pl.DataFrame({"code": codes, "shift": shifts})
    frame = frame.with_columns(pl.col("shift").median().over("code").alias("median"), pl.len().over("code").alias("n"))
    repeated = frame.filter(pl.col("n") > 1)
    deviation = repeated.select((pl.col("shift") - pl.col("median")).abs().mean()).item() if len(repeated) else None
    grouped = frame.group_by("code").agg(pl.col("median").first()).sort("code")
    return grouped["code"].to_numpy().copy(), grouped["median"].cast(pl.Float32).to_numpy().copy(), deviation
