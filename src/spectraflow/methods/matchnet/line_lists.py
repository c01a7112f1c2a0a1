"""Line lists of molecules: from measured or simulated peak lists, or from predicted shifts with noise."""

import zlib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from spectraflow.methods.matchnet.settings import NUCLEI, Nucleus
from spectraflow.tables import GRAPHS, PEAKS, PREDICTED_SHIFTS, read_table, scan_table

RESOLUTION_PPM = 0.01
"""Shifts nearer than this are one line."""
LEAST_PPM, MOST_PPM = -1_000.0, 1_000.0
Floats = NDArray[np.float64]


class Lines(NamedTuple):
    """Lines of one nucleus: distinct shifts, ascending (n,) in ppm, and the nuclei behind each (n,)."""

    ppm: Floats
    area: Floats


def merged_lines(ppm: Floats, area: Floats | None = None) -> Lines:
    """Return shifts (n,) as lines, equal ones to 0.01 ppm put together; each stands for one nucleus or for `area`."""
    rounded = np.round(np.asarray(ppm, np.float64) / RESOLUTION_PPM).astype(np.int64)
    distinct, place = np.unique(rounded, return_inverse=True)
    weights = np.ones(len(rounded)) if area is None else area
    areas = np.bincount(place, weights=weights, minlength=len(distinct)).astype(np.float64)
    return Lines(np.round(distinct * RESOLUTION_PPM, 2), areas)


class LineLists(Protocol):
    """Where line lists come from."""

    @property
    def origin(self) -> str:
        """Return what the spectra are: measured, simulated, or simulated from predicted shifts."""

    def of(self, molecule_id: str) -> dict[Nucleus, Lines]:
        """Return the lines of a molecule by nucleus; nuclei without any are left out."""

    @property
    def figures(self) -> dict[str, Any]:
        """Return what the accounting says of the lists."""


@dataclass(frozen=True)
class PeakListLines:
    """Peak lists of a peaks table: of several of one nucleus the longest, of equally long ones the first by id.

    Lists that the source marks as predicted are left out. 1H lists give one entry a proton, or its number of protons.
    """

    spectra: dict[str, dict[Nucleus, Lines]]
    origin: str
    counted: Counter[str] = field(default_factory=Counter)

    @classmethod
    def read(cls, peaks: Path) -> "PeakListLines":
        """Read the 13C and 1H lists of a peaks table."""
        columns = ["molecule_id", "spectrum_id", "technique", "position", "hydrogens", "origin"]
        found: dict[str, dict[Nucleus, tuple[int, str, Lines]]] = {}
        counted, origins = Counter[str](), set[str]()
        for batch in scan_table(peaks, PEAKS, columns):
            chosen = batch.filter(pc.is_in(batch.column("technique"), pa.array(NUCLEI)))
            for row in chosen.to_pylist():
                if row["origin"] == "predicted" or not row["position"]:
                    counted[f"{row['technique']} left out"] += 1
                    continue
                origins.add(row["origin"])
                counted[row["technique"]] += 1
                _keep_longer(found.setdefault(row["molecule_id"], {}), row)
        spectra = {name: {nucleus: one[2] for nucleus, one in lists.items()} for name, lists in found.items()}
        return cls(spectra, " and ".join(sorted(origins)) or "measured", counted)

    def of(self, molecule_id: str) -> dict[Nucleus, Lines]:
        """Return the lines of a molecule by nucleus."""
        return self.spectra.get(molecule_id, {})

    @property
    def figures(self) -> dict[str, Any]:
        """Return how many lists were read and left out."""
        return {"peak_lists": dict(sorted(self.counted.items()))}


def _keep_longer(kept: dict[Nucleus, tuple[int, str, Lines]], row: dict[str, Any]) -> None:
    nucleus: Nucleus = row["technique"]
    ppm = np.array([np.nan if one is None else one for one in row["position"]], np.float64)
    counts = row["hydrogens"] or [None] * len(ppm)
    area = np.array([1.0 if one is None or one <= 0 else one for one in counts])
    good = np.isfinite(ppm) & (ppm > LEAST_PPM) & (ppm < MOST_PPM)
    if not good.any():
        return
    earlier = kept.get(nucleus)
    order = (-int(good.sum()), row["spectrum_id"])
    if earlier is None or order < (-earlier[0], earlier[1]):
        kept[nucleus] = (int(good.sum()), row["spectrum_id"], merged_lines(ppm[good], area[good]))


@dataclass(frozen=True)
class PredictedLines:
    """Lines at predicted shifts with Gaussian noise: equal shifts are one line, which moves as a whole.

    Without the noise, matching would be the inversion of the very model that predicted the shifts. The noise of a
    molecule depends on its id and the seed alone. `carbon_noise`, `proton_noise`: standard deviations in ppm.
    """

    table: pa.Table
    hydrogens: pa.Table
    rows: dict[str, int]
    graph_rows: dict[str, int]
    carbon_noise: float
    proton_noise: float
    seed: int
    origin: str = "simulated from predicted shifts"

    @classmethod
    def read(
        cls, predictions: Path, graphs: Path, carbon_noise: float, proton_noise: float, seed: int
    ) -> "PredictedLines":
        """Read predicted shifts, and from the graphs how many protons an atom bears."""
        columns = ["molecule_id", "carbon_ppm", "proton_atom", "proton_ppm"]
        table = read_table(predictions, PREDICTED_SHIFTS, columns).combine_chunks()
        counts = read_table(graphs, GRAPHS, ["molecule_id", "hydrogens"]).combine_chunks()
        rows, graph_rows = (
            {name: row for row, name in enumerate(one["molecule_id"].to_pylist())} for one in (table, counts)
        )
        return cls(table, counts, rows, graph_rows, carbon_noise, proton_noise, seed)

    def of(self, molecule_id: str) -> dict[Nucleus, Lines]:
        """Return the lines of a molecule by nucleus."""
        row, place = self.rows.get(molecule_id), self.graph_rows.get(molecule_id)
        if row is None or place is None:
            return {}
        generator = np.random.default_rng([self.seed, zlib.crc32(molecule_id.encode())])
        carbons = np.asarray(self.table["carbon_ppm"][row].as_py() or [], np.float64)
        protons = np.asarray(self.table["proton_ppm"][row].as_py() or [], np.float64)
        hydrogens = np.asarray(self.hydrogens["hydrogens"][place].as_py(), np.float64)
        bearing = np.asarray(self.table["proton_atom"][row].as_py() or [], np.int64)
        found: dict[Nucleus, Lines] = {}
        if len(protons):
            found["1H"] = _moved(merged_lines(protons, hydrogens[bearing]), self.proton_noise, generator)
        if len(carbons):
            found["13C"] = _moved(merged_lines(carbons), self.carbon_noise, generator)
        return found

    @property
    def figures(self) -> dict[str, Any]:
        """Return the noise, ppm."""
        return {"noise_ppm": {"13C": self.carbon_noise, "1H": self.proton_noise}, "seed": self.seed}


def _moved(lines: Lines, noise: float, generator: np.random.Generator) -> Lines:
    return merged_lines(lines.ppm + noise * generator.standard_normal(len(lines.ppm)), lines.area)
