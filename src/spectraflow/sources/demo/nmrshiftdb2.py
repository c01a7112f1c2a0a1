"""The demo's nmrshiftdb2 file: SD records with signals, as the publisher writes them, a little dirt included."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from rdkit import Chem, rdBase
from rdkit.Chem import rdDepictor

from spectraflow.spectra import simulate

_SOLVENTS = ("Chloroform-D1 (CDCl3)", "Dimethylsulphoxide-D6 (DMSO-D6, C2D6SO)", "Methanol-D4 (CD3OD)", "Unreported")
_PROGRAMS = ("HOSE code using nmrshiftdb2 data", "ACD/Labs C+H NMR Predictors and DB, 2020.1.0", "CSEARCH")
_PREDICTION_NOISE = 2.0
"""Predicted spectra carry this multiple of the noise of measured ones."""


class Dirt(IntEnum):
    """What is wrong with a record; each kind strikes one record in a hundred, at this remainder of its position."""

    ATOM_OUT_OF_RANGE = 3
    WRONG_ELEMENT = 10
    NOT_A_NUMBER = 17
    LOWER_CASE_LETTER = 24
    MISSING_LETTER = 31
    EXPLICIT_HYDROGEN = 38
    MISSING_CARBON = 45
    PROTON_ONLY = 49
    PREDICTED_ONLY = 56


_HARMLESS = frozenset({None, Dirt.LOWER_CASE_LETTER, Dirt.EXPLICIT_HYDROGEN, Dirt.PREDICTED_ONLY})


def dirt_of(position: int) -> Dirt | None:
    """Return what is wrong with the record at `position` of the file, None for most."""
    rest = position % 100
    return Dirt(rest) if rest in Dirt._value2member_map_ else None


def is_usable(position: int) -> bool:
    """Return whether the record's first 13C spectrum assigns every carbon one valid peak."""
    return dirt_of(position) in _HARMLESS


@dataclass
class _Spectrum:
    nucleus: str
    signals: str
    solvent: str = "Unreported"
    field_mhz: str = "Unreported"
    temperature_k: str = "Unreported"
    program: str | None = None


def _conditions(rng: np.random.Generator) -> dict[str, str]:
    reported = rng.random() < 0.4
    solvent = _SOLVENTS[int(rng.integers(3))] if reported else _SOLVENTS[-1]
    field = str(rng.choice([50, 75, 100, 125])) if reported else "Unreported"
    return {"solvent": solvent, "field_mhz": field, "temperature_k": "298" if reported else "Unreported"}


def _signal(ppm: float, letter: str, atom: int) -> str:
    return f"{ppm};0.0{letter};{atom}|"


def _carbon_signals(shifts: simulate.Shifts, mol: Chem.Mol, dirt: Dirt | None) -> str:
    """Return one signal per carbon, ascending in shift, with the record's dirt in the first of them."""
    order = np.lexsort((shifts.atoms, shifts.ppm))
    rows = [(float(shifts.ppm[at]), shifts.multiplicity[at], int(shifts.atoms[at])) for at in order]
    ppm, letter, atom = rows[0]
    others = [other.GetIdx() for other in mol.GetAtoms() if other.GetAtomicNum() != 6]
    if dirt == Dirt.ATOM_OUT_OF_RANGE:
        rows[0] = (ppm, letter, mol.GetNumAtoms() + 4)
    elif dirt == Dirt.WRONG_ELEMENT and others:
        rows[0] = (ppm, letter, others[0])
    elif dirt == Dirt.NOT_A_NUMBER:
        rows[0] = (float("nan"), letter, atom)
    elif dirt == Dirt.LOWER_CASE_LETTER:
        rows[0] = (ppm, letter.lower(), atom)
    elif dirt == Dirt.MISSING_LETTER:
        rows[0] = (ppm, "", atom)
    elif dirt == Dirt.MISSING_CARBON and len(rows) > 1:
        rows = rows[1:]
    return "".join(_signal(*row) for row in rows)


def _proton_signals(shifts: simulate.Shifts, explicit: dict[int, int], letters: bool) -> str:
    """Return one signal per hydrogen, at the atom that bears it or at the explicit hydrogen itself."""
    signals = []
    for at in np.lexsort((shifts.atoms, shifts.ppm)):
        atom, letter = int(shifts.atoms[at]), shifts.multiplicity[at] if letters else ""
        bearers = [explicit.get(atom, atom)] + [atom] * (int(shifts.hydrogens[at]) - 1)
        signals += [_signal(float(shifts.ppm[at]), letter, bearer) for bearer in bearers]
    return "".join(signals)


def _carbon_spectrum(
    mol: Chem.Mol,
    clean: simulate.Shifts,
    noise_ppm: float,
    rng: np.random.Generator,
    dirt: Dirt | None,
    program: str | None,
) -> _Spectrum:
    decimals = 1 if rng.random() < 0.6 else 2
    scale = noise_ppm * (_PREDICTION_NOISE if program else 1.0)
    noisy = simulate.add_noise(clean, scale, rng, simulate.CARBON_RANGE_PPM, decimals)
    signals = _carbon_signals(noisy, mol, dirt)
    return _Spectrum("13C", signals, program=program, **({} if program else _conditions(rng)))


def _spectra(
    mol: Chem.Mol, noise_ppm: float, rng: np.random.Generator, dirt: Dirt | None, explicit: dict[int, int]
) -> list[_Spectrum]:
    """Return the record's spectra in the order of their numbers; `mol` has implicit hydrogens."""
    around = simulate.Surroundings(mol)
    carbons, protons = simulate.carbon_shifts(around), simulate.proton_shifts(around)
    spectra = []
    if dirt != Dirt.PROTON_ONLY:
        program = _PROGRAMS[int(rng.integers(3))] if dirt == Dirt.PREDICTED_ONLY else None
        spectra.append(_carbon_spectrum(mol, carbons, noise_ppm, rng, dirt, program))
        if rng.random() < 0.15:
            second = _PROGRAMS[int(rng.integers(3))] if rng.random() < 0.75 else None
            spectra.append(_carbon_spectrum(mol, carbons, noise_ppm, rng, None, second))
    if len(protons.atoms) and (dirt == Dirt.PROTON_ONLY or rng.random() < 0.6):
        noisy = simulate.add_noise(protons, noise_ppm / 20, rng, simulate.PROTON_RANGE_PPM, 2)
        signals = _proton_signals(noisy, explicit, letters=bool(rng.random() < 0.7))
        spectra.append(_Spectrum("1H", signals, **_conditions(rng)))
    return spectra


def _by_number(spectra: list[_Spectrum], field: str) -> str:
    pairs = ((number, getattr(spectrum, field)) for number, spectrum in enumerate(spectra))
    return "".join(f"{number}:{value} " for number, value in pairs if value is not None)


def _properties(mol: Chem.Mol, native_id: int, spectra: list[_Spectrum]) -> list[tuple[str, str]]:
    inchi = Chem.MolToInchi(mol)
    properties = [
        ("INChI key", Chem.InchiToInchiKey(inchi)),
        ("INChI", inchi),
        ("Temperature [K]", _by_number(spectra, "temperature_k")),
        ("nmrshiftdb2 ID", str(native_id)),
        ("Field Strength [MHz]", _by_number(spectra, "field_mhz")),
        *((f"Spectrum {spectrum.nucleus} {number}", spectrum.signals) for number, spectrum in enumerate(spectra)),
        ("Solvent", _by_number(spectra, "solvent")),
        ("Assignment Method", "".join(f"{n}:Unreported " for n, s in enumerate(spectra) if s.program is None)),
        ("Program", _by_number(spectra, "program")),
    ]
    return [(name, value) for name, value in properties if value]


def _explicit_hydrogens(mol: Chem.Mol) -> tuple[Chem.Mol, dict[int, int]]:
    """Return `mol` with hydrogens drawn on its first carbon that bears any, and bearer → first hydrogen."""
    bearer = next((atom.GetIdx() for atom in mol.GetAtoms() if atom.GetAtomicNum() == 6 and atom.GetTotalNumHs()), None)
    if bearer is None:
        return mol, {}
    drawn = Chem.AddHs(mol, addCoords=True, onlyOnAtoms=[bearer])
    return drawn, {bearer: mol.GetNumAtoms()}


def format_record(smiles: str, position: int, native_id: int, noise_ppm: float, rng: np.random.Generator) -> str:
    """Return one SD record, ``$$$$`` line included.

    The atoms are in random order, the mol block has 2-D coordinates, signals are
    ``shift;intensity+letter;0-based atom|``. `position` decides the dirt (`dirt_of`); `noise_ppm` is the
    standard deviation of a measured 13C shift (1H: a twentieth of it).
    """
    mol = Chem.MolFromSmiles(smiles)
    mol = Chem.RenumberAtoms(mol, [int(at) for at in rng.permutation(mol.GetNumAtoms())])
    rdDepictor.Compute2DCoords(mol)
    dirt = dirt_of(position)
    drawn, explicit = _explicit_hydrogens(mol) if dirt == Dirt.EXPLICIT_HYDROGEN else (mol, {})
    spectra = _spectra(mol, noise_ppm, rng, dirt, explicit)
    with rdBase.BlockLogs():
        properties = _properties(mol, native_id, spectra)
    name, program, _, block = Chem.MolToMolBlock(drawn).split("\n", 3)
    head = f"{name}\n{program}\nnmrshiftdb2 {native_id}\n"
    return head + block + "".join(f"> <{name}>\n{value}\n\n" for name, value in properties) + "$$$$\n"
