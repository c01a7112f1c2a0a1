"""The demo's MassBank archive: text records of simulated EI spectra, for a share of the molecules with NMR spectra."""

import io
import tarfile
from collections.abc import Iterator
from enum import IntEnum
from itertools import islice
from pathlib import Path

import numpy as np
from rdkit import Chem, rdBase
from rdkit.Chem import rdMolDescriptors

from spectraflow.config import DemoSettings
from spectraflow.sources.demo.molecules import stream_molecules
from spectraflow.sources.demo.streams import gzip_text
from spectraflow.spectra.fragments import electron_impact_peaks

SHARE = 0.45
"""Share of the molecules of the demo's nmrshiftdb2 file that have an EI spectrum as well."""

_LICENCES = ("CC BY-NC-SA", "CC BY-NC-SA", "CC BY-NC-SA", "CC BY-SA", "CC BY")
_ENERGIES = ("70 eV", "70 eV", "70 eV", "20 eV", None)
_TYPES = ("EI-B", "EI-B", "EI-B", "GC-EI-TOF")


class Dirt(IntEnum):
    """What is wrong with a record; each kind strikes one record in a hundred, at this remainder of its position."""

    NO_INCHIKEY = 4
    NO_STRUCTURE = 15
    TWO_ION_MODES = 26
    EMPTY_PEAK_LIST = 37
    WRONG_PEAK_COUNT = 48
    SECOND_STAGE = 59


def dirt_of(position: int) -> Dirt | None:
    """Return what is wrong with the record at `position` of the archive, None for most."""
    rest = position % 100
    return Dirt(rest) if rest in Dirt._value2member_map_ else None


def _structure_lines(mol: Chem.Mol, dirt: Dirt | None) -> Iterator[str]:
    yield f"CH$FORMULA: {rdMolDescriptors.CalcMolFormula(mol)}"
    yield f"CH$EXACT_MASS: {rdMolDescriptors.CalcExactMolWt(mol):.5f}"
    if dirt == Dirt.NO_STRUCTURE:
        yield from ("CH$SMILES: N/A", "CH$IUPAC: N/A")
        return
    with rdBase.BlockLogs():
        inchi = Chem.MolToInchi(mol)
    yield from (f"CH$SMILES: {Chem.MolToSmiles(mol)}", f"CH$IUPAC: {inchi}")
    if dirt != Dirt.NO_INCHIKEY:
        yield f"CH$LINK: INCHIKEY {Chem.InchiToInchiKey(inchi)}"


def _instrument_lines(rng: np.random.Generator, dirt: Dirt | None) -> Iterator[str]:
    energy = _ENERGIES[int(rng.integers(len(_ENERGIES)))]
    yield "AC$INSTRUMENT: simulated"
    yield f"AC$INSTRUMENT_TYPE: {_TYPES[int(rng.integers(len(_TYPES)))]}"
    yield f"AC$MASS_SPECTROMETRY: MS_TYPE {'MS2' if dirt == Dirt.SECOND_STAGE else 'MS'}"
    yield "AC$MASS_SPECTROMETRY: ION_MODE POSITIVE"
    if dirt == Dirt.TWO_ION_MODES:
        yield "AC$MASS_SPECTROMETRY: ION_MODE NEGATIVE"
    if energy:
        yield f"AC$MASS_SPECTROMETRY: IONIZATION_ENERGY {energy}"


def _peak_lines(mol: Chem.Mol, rng: np.random.Generator, dirt: Dirt | None) -> Iterator[str]:
    peaks = [] if dirt == Dirt.EMPTY_PEAK_LIST else electron_impact_peaks(mol, rng)
    yield f"PK$NUM_PEAK: {len(peaks) + (dirt == Dirt.WRONG_PEAK_COUNT)}"
    yield "PK$PEAK: m/z int. rel.int."
    for mz, strength in peaks:
        yield f"  {mz} {strength:.2f} {round(strength * 9.99)}"


def format_record(smiles: str, position: int, rng: np.random.Generator) -> tuple[str, str]:
    """Return the file name and the text of one record, ``//`` line included; `position` decides the dirt."""
    mol, dirt = Chem.MolFromSmiles(smiles), dirt_of(position)
    accession = f"MSBNK-Demo-DM{position + 1:06d}"
    lines = [
        f"ACCESSION: {accession}",
        f"RECORD_TITLE: demo molecule {position + 1}; EI-B; MS",
        "DATE: 2024.01.01",
        "AUTHORS: simulated",
        f"LICENSE: {_LICENCES[int(rng.integers(len(_LICENCES)))]}",
        f"CH$NAME: demo molecule {position + 1}",
        *_structure_lines(mol, dirt),
        *_instrument_lines(rng, dirt),
        *_peak_lines(mol, rng, dirt),
        "//",
    ]
    return f"{accession}.txt", "\n".join(lines) + "\n"


def write_massbank(settings: DemoSettings, out: Path) -> None:
    """Write ``massbank/massbank_EI_records.tar.gz``, as a stream, without a time stamp in it."""
    rng = np.random.default_rng([settings.seed, 5])
    molecules = islice(stream_molecules(settings.seed), settings.molecules)
    chosen = (smiles for smiles in molecules if rng.random() < SHARE)
    with (
        gzip_text(out / "massbank" / "massbank_EI_records.tar.gz") as packed,
        tarfile.open(fileobj=packed, mode="w|", format=tarfile.USTAR_FORMAT) as archive,
    ):
        for position, smiles in enumerate(chosen):
            name, text = format_record(smiles, position, rng)
            entry = tarfile.TarInfo(name)
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
