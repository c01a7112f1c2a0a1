import math
import re

import numpy as np
import pytest
from rdkit import Chem

from spectraflow.sources.demo.nmrshiftdb2 import Dirt, dirt_of, format_record, is_usable

SMILES = "CC(=O)Nc1ccc(O)cc1"


def record(position: int = 0, seed: int = 0, noise: float = 0.4) -> tuple[Chem.Mol, dict[str, str], str]:
    text = format_record(SMILES, position, 4711, noise, np.random.default_rng(seed))
    supplier = Chem.SDMolSupplier()
    supplier.SetData(text, removeHs=False)
    mol = next(iter(supplier))
    return mol, mol.GetPropsAsDict(autoConvertStrings=False), text


def signals(value: str) -> list[tuple[float, str, int]]:
    """Split ``shift;intensity+letter;atom|`` into shift, letter and atom."""
    parsed = []
    for part in filter(None, value.split("|")):
        shift, height, atom = part.split(";")
        parsed.append((float(shift), re.sub(r"[0-9.]", "", height), int(atom)))
    return parsed


def test_a_record_is_the_molecule_with_its_properties() -> None:
    mol, properties, text = record()
    assert Chem.MolToSmiles(mol) == Chem.CanonSmiles(SMILES)
    assert properties["nmrshiftdb2 ID"] == "4711"
    assert properties["INChI key"] == "RZVAJINKPMORJF-UHFFFAOYSA-N"
    assert properties["INChI"].startswith("InChI=1S/C8H9NO2/")
    assert text.splitlines()[2] == "nmrshiftdb2 4711"
    assert text.endswith("$$$$\n")


def test_every_carbon_has_one_signal_with_its_letter_in_ascending_order() -> None:
    mol, properties, _ = record()
    found = signals(properties["Spectrum 13C 0"])
    assert sorted(atom for *_, atom in found) == [a.GetIdx() for a in mol.GetAtoms() if a.GetAtomicNum() == 6]
    assert [shift for shift, *_ in found] == sorted(shift for shift, *_ in found)
    for _, letter, atom in found:
        assert letter == "SDTQ"[mol.GetAtomWithIdx(atom).GetTotalNumHs()]


def test_protons_have_one_signal_each_at_an_atom_that_bears_hydrogen() -> None:
    spectra = [record(seed=seed) for seed in range(20)]
    with_protons = [(mol, p, k) for mol, p, _ in spectra for k in p if k.startswith("Spectrum 1H")]
    assert 6 <= len(with_protons) <= 18
    for mol, properties, key in with_protons:
        found = signals(properties[key])
        assert len(found) == 9
        for atom in mol.GetAtoms():
            assert sum(at == atom.GetIdx() for *_, at in found) == atom.GetTotalNumHs()


def test_conditions_name_each_spectrum_by_number() -> None:
    for seed in range(30):
        _, properties, _ = record(seed=seed)
        numbers = {key.rsplit(" ", 1)[1] for key in properties if key.startswith("Spectrum ")}
        assert set(re.findall(r"(\d+):", properties["Solvent"])) == numbers
        assert set(re.findall(r"(?:^| )(\d+):", properties.get("Program", ""))) <= numbers


def test_some_second_spectra_are_predicted() -> None:
    programs = [record(seed=seed)[1].get("Program", "") for seed in range(80)]
    assert 3 <= sum(program.startswith("1:") for program in programs) <= 25


@pytest.mark.parametrize("kind", list(Dirt))
def test_dirt_is_what_it_says(kind: Dirt) -> None:
    mol, properties, _ = record(position=int(kind))
    assert dirt_of(int(kind)) == dirt_of(int(kind) + 100) == kind
    carbons = [atom.GetIdx() for atom in mol.GetAtoms() if atom.GetAtomicNum() == 6]
    found = signals(properties.get("Spectrum 13C 0", ""))
    atoms = [atom for *_, atom in found]
    problems = {
        Dirt.ATOM_OUT_OF_RANGE: max(atoms, default=0) >= mol.GetNumAtoms(),
        Dirt.WRONG_ELEMENT: any(at < mol.GetNumAtoms() and at not in carbons for at in atoms),
        Dirt.NOT_A_NUMBER: any(math.isnan(shift) for shift, *_ in found),
        Dirt.LOWER_CASE_LETTER: any(letter in "sdtq" and letter for _, letter, _ in found),
        Dirt.MISSING_LETTER: any(letter == "" for _, letter, _ in found),
        Dirt.EXPLICIT_HYDROGEN: any(atom.GetAtomicNum() == 1 for atom in mol.GetAtoms()),
        Dirt.MISSING_CARBON: 0 < len(found) < len(carbons),
        Dirt.PROTON_ONLY: not found,
        Dirt.PREDICTED_ONLY: properties.get("Program", "").startswith("0:"),
    }
    assert [name for name, present in problems.items() if present] == [kind]


def test_most_positions_are_clean_and_usable() -> None:
    assert sum(dirt_of(position) is None for position in range(1_000)) == 910
    assert not is_usable(Dirt.NOT_A_NUMBER)
    assert is_usable(Dirt.EXPLICIT_HYDROGEN)


def test_explicit_hydrogens_may_carry_the_proton_signal() -> None:
    for seed in range(20):
        mol, properties, _ = record(position=Dirt.EXPLICIT_HYDROGEN, seed=seed)
        protons = [value for key, value in properties.items() if key.startswith("Spectrum 1H")]
        if protons:
            assert any(mol.GetAtomWithIdx(atom).GetAtomicNum() == 1 for *_, atom in signals(protons[0]))
            return
    pytest.fail("no proton spectrum in twenty records")
