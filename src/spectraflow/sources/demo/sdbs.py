"""The demo's SDBS export: ``records.jsonl``, one JSON object a line with a structure, EI, 13C and 1H peak lists."""

import json
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from rdkit import Chem, rdBase

from spectraflow.config import DemoSettings
from spectraflow.sources.demo.molecules import stream_molecules
from spectraflow.spectra import simulate
from spectraflow.spectra.fragments import electron_impact_peaks

_NO_STRUCTURE, _WRONG_KEY = 6, 9
"""Positions (of every hundred) of a record without a structure and of one with another molecule's InChIKey."""


def _carbon_list(shifts: simulate.Shifts, rng: np.random.Generator) -> list[dict[str, Any]]:
    """Return distinct 13C peaks; carbons without hydrogen are weaker, as without relaxation delay."""
    peaks = []
    for ppm, letter, atoms, _ in shifts.distinct():
        height = 1000.0 * min(1.0, (0.3 if letter == "S" else 0.55) * atoms**0.7) * float(rng.uniform(0.8, 1.0))
        peaks.append({"ppm": ppm, "intensity": round(height, 0)})
    return peaks


def _proton_list(shifts: simulate.Shifts) -> list[dict[str, Any]]:
    return [
        {"ppm": ppm, "intensity": None, "nH": hydrogens, "mult": letter}
        for ppm, letter, _, hydrogens in shifts.distinct()
    ]


def make_record(smiles: str, position: int, noise_ppm: float, rng: np.random.Generator) -> dict[str, Any]:
    """Return one record of the export; one in twenty lacks one of the three spectra."""
    mol = Chem.MolFromSmiles(smiles)
    around = simulate.Surroundings(mol)
    carbon = simulate.add_noise(simulate.carbon_shifts(around), noise_ppm, rng, simulate.CARBON_RANGE_PPM, 2)
    proton = simulate.add_noise(simulate.proton_shifts(around), noise_ppm / 20, rng, simulate.PROTON_RANGE_PPM, 2)
    with rdBase.BlockLogs():
        key = Chem.MolToInchiKey(mol)
    record: dict[str, Any] = {
        "record_id": f"demo{position + 1:06d}",
        "sdbs_no": position + 1,
        "smiles": smiles,
        "inchi": None,
        "inchikey": key,
        "ms": [list(peak) for peak in electron_impact_peaks(mol, rng)],
        "ms_ionization_ev": 70,
        "c13": _carbon_list(carbon, rng),
        "c13_solvent": "CDCl3",
        "c13_mhz": 100.0,
        "h1": _proton_list(proton),
        "h1_solvent": "CDCl3",
        "h1_mhz": 400.0,
    }
    if position % 20 == 13:
        record[("ms", "c13", "h1")[position // 20 % 3]] = []
    if position % 100 == _NO_STRUCTURE:
        record["smiles"] = None
    if position % 100 == _WRONG_KEY:
        record["inchikey"] = "VNWKTOKETHGBQD-UHFFFAOYSA-N"
    return record


def write_sdbs(settings: DemoSettings, out: Path) -> None:
    """Write ``sdbs/records.jsonl`` with `settings.multimodal_rows` simulated records, as a stream."""
    rng = np.random.default_rng([settings.seed, 3])
    target = out / "sdbs" / "records.jsonl"
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("w", encoding="utf-8", newline="\n") as handle:
        for position, smiles in enumerate(islice(stream_molecules(settings.seed + 2), settings.multimodal_rows)):
            handle.write(json.dumps(make_record(smiles, position, settings.shift_noise_ppm, rng)) + "\n")
