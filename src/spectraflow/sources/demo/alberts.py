"""The demo's multimodal file: the columns, types and axes of the simulated dataset of Alberts et al. (2024)."""

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from rdkit import Chem
from rdkit.Chem import rdMolDescriptors

from spectraflow.config import DemoSettings
from spectraflow.sources.demo.molecules import stream_molecules
from spectraflow.spectra import simulate
from spectraflow.spectra.fragments import collision_fragments, collision_peaks
from spectraflow.spectra.infrared import infrared_spectrum

CARBON_AXIS_PPM = np.linspace(230.0, -20.0, 10_000)
PROTON_AXIS_PPM = np.linspace(10.0, -2.0, 10_000)
_HSQC_CARBON_PPM = np.linspace(230.0, -20.0, 512)
_HSQC_PROTON_PPM = np.linspace(10.0, -2.0, 512)
_CARBON_WIDTH_PPM, _PROTON_WIDTH_PPM = 0.012, 0.004
_COUPLING_HZ, _FIELD_MHZ = 7.0, 500.0
_ROWS_AT_ONCE = 10
_NOISE_FLOOR = 4e-4


def _peak_struct(**fields: pa.DataType) -> pa.DataType:
    return pa.list_(pa.struct([pa.field(name, kind) for name, kind in fields.items()]))


def _pairs(kind: pa.DataType) -> pa.DataType:
    return pa.list_(pa.list_(kind))


_DOUBLE, _FLOAT = pa.float64(), pa.float32()
_HSQC_PEAKS = {f"{nucleus}_{part}": _DOUBLE for nucleus in ("13C", "1H") for part in ("centroid", "max", "min")}
_PROTON_PEAKS = {
    "category": pa.string(), "centroid": _DOUBLE, "delta": _DOUBLE, "j_values": pa.string(), "nH": pa.int64(),
    "rangeMax": _DOUBLE, "rangeMin": _DOUBLE,
}  # fmt: skip
_CARBON_PEAKS = {"delta (ppm)": _DOUBLE, "integral": _DOUBLE, "intensity": _DOUBLE, "width (ppm)": _DOUBLE}


def _mass_fields(polarity: str) -> list[tuple[str, pa.DataType]]:
    energies = [(f"msms_cfmid_{polarity}_{energy}ev", _pairs(_DOUBLE)) for energy in (10, 20, 40)]
    return [*energies, (f"msms_cfmid_fragments_{polarity}", _pairs(pa.string()))]


SCHEMA = pa.schema(
    [
        ("smiles", pa.string()),
        ("hsqc_nmr_peaks", _peak_struct(**_HSQC_PEAKS, nH=_DOUBLE)),
        ("hsqc_nmr_spectrum", _pairs(_FLOAT)),
        ("h_nmr_peaks", _peak_struct(**_PROTON_PEAKS)),
        ("h_nmr_spectra", pa.list_(_FLOAT)),
        ("molecular_formula", pa.string()),
        ("c_nmr_peaks", _peak_struct(**_CARBON_PEAKS)),
        ("ir_spectra", pa.list_(_FLOAT)),
        *_mass_fields("positive"),
        *_mass_fields("negative"),
        ("c_nmr_spectra", pa.list_(_DOUBLE)),
        ("msms_iceberg_positive", _pairs(_FLOAT)),
        ("msms_iceberg_fragments_positive", _pairs(pa.string())),
        ("msms_scarf_positive", _pairs(_FLOAT)),
        ("msms_scarf_fragments_positive", _pairs(pa.string())),
        ("__index_level_0__", pa.int64()),
    ]
)
"""The columns of the published files in their order (13C and 1H axes descending in ppm, IR ascending in 1/cm)."""


def _lorentzians(axis: NDArray[np.float64], lines: Sequence[tuple[float, float]], width: float) -> NDArray[np.float64]:
    """Return the sum of lines ``(ppm, height)`` of half width `width` (or one point) on `axis`; zero far from them."""
    half = max(width, abs(float(axis[1] - axis[0])))
    values = np.zeros_like(axis)
    for centre, height in lines:
        values += height / (1.0 + ((axis - centre) / half) ** 2)
    values[values < _NOISE_FLOOR] = 0.0
    return values


def _multiplet(centre: float, letter: str, hydrogens: int) -> list[tuple[float, float]]:
    """Return the lines ``(ppm, height)`` of a first-order multiplet."""
    lines = {"s": 1, "d": 2, "t": 3, "q": 4}.get(letter, 5)
    heights = np.array([1.0])
    for _ in range(lines - 1):
        heights = np.convolve(heights, [0.5, 0.5])
    offsets = (np.arange(lines) - (lines - 1) / 2) * _COUPLING_HZ / _FIELD_MHZ
    return [(centre + float(at), 0.06 * hydrogens * float(height)) for at, height in zip(offsets, heights, strict=True)]


def _carbon_columns(shifts: simulate.Shifts) -> dict[str, Any]:
    lines = [(ppm, 0.06 * atoms) for ppm, _, atoms, _ in shifts.distinct()]
    width = _CARBON_WIDTH_PPM
    peaks = [
        {"delta (ppm)": ppm, "integral": height * width, "intensity": height, "width (ppm)": width}
        for ppm, height in reversed(lines)
    ]
    return {"c_nmr_peaks": peaks, "c_nmr_spectra": _lorentzians(CARBON_AXIS_PPM, lines, width)}


def _proton_columns(shifts: simulate.Shifts) -> dict[str, Any]:
    lines, peaks = [], []
    for ppm, letter, _, hydrogens in reversed(shifts.distinct()):
        multiplet = _multiplet(ppm, letter, hydrogens)
        lines += multiplet
        couplings = None if letter in "sm" else f"{_COUPLING_HZ}_"
        low, high = multiplet[0][0] - 0.02, multiplet[-1][0] + 0.02
        peaks.append(
            {"category": letter, "centroid": ppm, "delta": ppm, "j_values": couplings, "nH": hydrogens}
            | {"rangeMax": high, "rangeMin": low}
        )
    spectrum = _lorentzians(PROTON_AXIS_PPM, lines, _PROTON_WIDTH_PPM)
    return {"h_nmr_peaks": peaks, "h_nmr_spectra": (spectrum - spectrum.min()).astype(np.float32)}


def _hsqc_columns(carbon: simulate.Shifts, proton: simulate.Shifts) -> dict[str, Any]:
    """Return cross peaks of carbons with their hydrogens; rows of the spectrum are 13C, columns 1H."""
    bound = dict(zip(proton.atoms.tolist(), proton.ppm.tolist(), strict=True))
    image = np.zeros((_HSQC_CARBON_PPM.size, _HSQC_PROTON_PPM.size), dtype=np.float32)
    peaks, seen = [], set()
    for atom, ppm, symmetry, hydrogens in zip(
        carbon.atoms.tolist(), carbon.ppm.tolist(), carbon.symmetry.tolist(), carbon.hydrogens.tolist(), strict=True
    ):
        if atom not in bound or symmetry in seen:
            continue
        seen.add(symmetry)
        across = np.exp(-0.5 * ((_HSQC_CARBON_PPM - ppm) / 0.5) ** 2)
        along = np.exp(-0.5 * ((_HSQC_PROTON_PPM - bound[atom]) / 0.025) ** 2)
        across[across < 1e-3] = along[along < 1e-3] = 0.0
        image += (0.04 * hydrogens * np.outer(across, along)).astype(np.float32)
        ends = {"13C_centroid": ppm, "13C_max": ppm + 0.73, "13C_min": ppm - 0.73, "1H_centroid": bound[atom]}
        peaks.append(ends | {"1H_max": bound[atom] + 0.06, "1H_min": bound[atom] - 0.06, "nH": float(hydrogens)})
    return {"hsqc_nmr_peaks": peaks, "hsqc_nmr_spectrum": list(image)}


def _mass_columns(mol: Chem.Mol, rng: np.random.Generator) -> dict[str, Any]:
    columns: dict[str, Any] = {}
    formula, pieces = rdMolDescriptors.CalcMolFormula(mol), collision_fragments(mol)
    for polarity, sign in (("positive", 1), ("negative", -1)):
        known: dict[float, str] = {}
        for energy in (10, 20, 40):
            peaks, fragments = collision_peaks(mol, pieces, sign, energy, rng)
            columns[f"msms_cfmid_{polarity}_{energy}ev"] = [list(peak) for peak in peaks]
            known |= dict(fragments)
        columns[f"msms_cfmid_fragments_{polarity}"] = [[str(at), smiles] for at, smiles in sorted(known.items())]
    for model in ("iceberg", "scarf"):
        peaks, _ = collision_peaks(mol, pieces, 1, 20, rng)
        columns[f"msms_{model}_positive"] = [[at, strength / 100.0] for at, strength in peaks]
        columns[f"msms_{model}_fragments_positive"] = [[str(at), formula] for at, _ in peaks]
    return columns


def make_row(smiles: str, index: int, noise_ppm: float, rng: np.random.Generator) -> dict[str, Any]:
    """Return one row of the file, all columns of `SCHEMA`; `noise_ppm` is the sd of a 13C shift."""
    mol = Chem.MolFromSmiles(smiles)
    around = simulate.Surroundings(mol)
    carbon = simulate.add_noise(simulate.carbon_shifts(around), noise_ppm, rng, simulate.CARBON_RANGE_PPM, 3)
    proton = simulate.add_noise(simulate.proton_shifts(around), noise_ppm / 20, rng, simulate.PROTON_RANGE_PPM, 3)
    return {
        "smiles": smiles,
        "molecular_formula": rdMolDescriptors.CalcMolFormula(mol),
        "ir_spectra": infrared_spectrum(mol, rng),
        "__index_level_0__": index,
        **_carbon_columns(carbon),
        **_proton_columns(proton),
        **_hsqc_columns(carbon, proton),
        **_mass_columns(mol, rng),
    }


def _batches(settings: DemoSettings) -> Iterator[pa.Table]:
    rng = np.random.default_rng([settings.seed, 4])
    molecules = islice(enumerate(stream_molecules(settings.seed + 2)), settings.multimodal_rows)
    while chunk := list(islice(molecules, _ROWS_AT_ONCE)):
        rows = [make_row(smiles, index, settings.shift_noise_ppm, rng) for index, smiles in chunk]
        yield pa.Table.from_pylist(rows, schema=SCHEMA)


def write_multimodal(settings: DemoSettings, out: Path) -> None:
    """Write ``alberts/demo_multimodal.parquet`` with `settings.multimodal_rows` rows, ten in memory at once."""
    target = out / "alberts" / "demo_multimodal.parquet"
    target.parent.mkdir(parents=True, exist_ok=True)
    with pq.ParquetWriter(target, SCHEMA, compression="zstd") as writer:
        for table in _batches(settings):
            writer.write_table(table)
