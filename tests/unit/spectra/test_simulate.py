import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem

from spectraflow.sources.demo.molecules import shipped_smiles
from spectraflow.spectra.simulate import (
    CARBON_RANGE_PPM,
    PROTON_RANGE_PPM,
    Shifts,
    Surroundings,
    add_noise,
    carbon_shifts,
    proton_shifts,
)


def carbons(smiles: str) -> Shifts:
    return carbon_shifts(Surroundings(Chem.MolFromSmiles(smiles)))


def ppm_of(smiles: str, atom: int = 0) -> float:
    shifts = carbons(smiles)
    return float(shifts.ppm[shifts.atoms.tolist().index(atom)])


def proton_ppm(smiles: str, atom: int) -> float:
    shifts = proton_shifts(Surroundings(Chem.MolFromSmiles(smiles)))
    return float(shifts.ppm[shifts.atoms.tolist().index(atom)])


def test_every_carbon_has_one_shift_and_no_other_atom() -> None:
    shifts = carbons("OCC(N)c1ccncc1")
    assert shifts.atoms.tolist() == [1, 2, 4, 5, 6, 8, 9]
    assert len(shifts.ppm) == len(shifts.multiplicity) == 7


@pytest.mark.parametrize(
    ("smiles", "letters"),
    [("CCC(C)(C)O", "QTSQQ"), ("C#CC=O", "DSD"), ("c1ccccc1C", "DDDDDSQ"), ("CN(C)C=C", "QQDT"), ("[13CH3]O", "Q")],
)
def test_multiplicity_is_the_number_of_hydrogens(smiles: str, letters: str) -> None:
    assert "".join(carbons(smiles).multiplicity) == letters


def test_equivalent_carbons_have_equal_shifts_and_share_the_noise() -> None:
    toluene = carbons("Cc1ccccc1")
    noisy = add_noise(toluene, 2.0, np.random.default_rng(1), CARBON_RANGE_PPM, 2)
    for shifts in (toluene, noisy):
        assert shifts.ppm[2] == shifts.ppm[6]
        assert shifts.ppm[3] == shifts.ppm[5]
        assert len(set(shifts.ppm)) == 5
    assert not np.allclose(noisy.ppm, toluene.ppm)


def test_distinct_counts_atoms_and_hydrogens() -> None:
    rows = carbons("CC(C)O").distinct()
    assert [(letter, atoms, hydrogens) for _, letter, atoms, hydrogens in rows] == [("Q", 2, 6), ("D", 1, 1)]


@pytest.mark.parametrize(
    ("smiles", "atom", "measured", "tolerance"),
    [
        ("CCCCCC", 0, 14.1, 2),
        ("C1CCCCC1", 0, 27.1, 2),
        ("C1CC1", 0, -2.6, 2),
        ("CCO", 1, 58.0, 4),
        ("c1ccccc1", 0, 128.4, 1),
        ("Oc1ccccc1", 1, 155.0, 5),
        ("c1ccncc1", 0, 135.9, 3),
        ("c1ccoc1", 0, 109.6, 3),
        ("C=C", 0, 123.3, 2),
        ("CC#N", 1, 117.7, 3),
        ("CC(C)=O", 1, 206.0, 4),
        ("CC=O", 1, 200.0, 4),
        ("CC(=O)O", 1, 178.0, 5),
        ("COC(=O)OC", 2, 156.0, 5),
        ("ClC(Cl)(Cl)Cl", 1, 96.5, 6),
        ("FC(F)(F)c1ccccc1", 1, 124.0, 6),
    ],
)
def test_shifts_are_near_textbook_values(smiles: str, atom: int, measured: float, tolerance: float) -> None:
    assert ppm_of(smiles, atom) == pytest.approx(measured, abs=tolerance)


def test_increments_order_the_classes() -> None:
    ketone, aldehyde, acid, ester = (ppm_of(s, 1) for s in ("CC(C)=O", "CC=O", "CC(=O)O", "CC(=O)OC"))
    aromatic, alkyl = ppm_of("c1ccccc1"), ppm_of("CCCC")
    assert ketone > aldehyde > acid > ester > aromatic > alkyl
    assert ppm_of("CF") > ppm_of("CO") > ppm_of("CCl") > ppm_of("CBr") > ppm_of("CI")
    phenol = carbons("Oc1ccccc1").ppm
    assert phenol[0] > 150
    assert phenol[1] < phenol[3] < phenol[2], "OH shields ortho most, para next, meta hardly"
    assert ppm_of("C=COC", 0) < 100 < ppm_of("C=COC", 1)


def test_protons_order_the_classes() -> None:
    assert proton_ppm("CC(=O)O", 3) > proton_ppm("CC=O", 1) > proton_ppm("c1ccccc1", 0) > proton_ppm("C=C", 0)
    assert proton_ppm("C=C", 0) > proton_ppm("CO", 0) > proton_ppm("CC", 0)
    assert proton_ppm("CF", 0) > proton_ppm("CCl", 0) > proton_ppm("CI", 0)
    assert proton_ppm("Oc1ccccc1", 0) > proton_ppm("OCC", 0)


def test_splitting_follows_neighbouring_carbons() -> None:
    shifts = proton_shifts(Surroundings(Chem.MolFromSmiles("CCOC(C)C")))
    assert dict(zip(shifts.atoms.tolist(), shifts.multiplicity, strict=True)) == {
        0: "t",
        1: "q",
        3: "m",
        4: "d",
        5: "d",
    }


def test_molecules_without_hydrogen_have_no_proton_shifts() -> None:
    assert proton_shifts(Surroundings(Chem.MolFromSmiles("ClC(Cl)(Cl)Cl"))).distinct() == []


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 4_000), st.randoms(use_true_random=False))
def test_shifts_do_not_depend_on_the_order_of_atoms(at: int, random: object) -> None:
    mol = Chem.MolFromSmiles(shipped_smiles()[at])
    order = list(range(mol.GetNumAtoms()))
    random.shuffle(order)  # type: ignore[attr-defined]
    for rule in (carbon_shifts, proton_shifts):
        before, after = rule(Surroundings(mol)), rule(Surroundings(Chem.RenumberAtoms(mol, order)))
        moved = {order[int(atom)]: row for row, atom in enumerate(after.atoms)}
        rows = [moved[int(atom)] for atom in before.atoms]
        np.testing.assert_allclose(after.ppm[rows], before.ppm, atol=1e-9)
        assert [after.multiplicity[row] for row in rows] == list(before.multiplicity)


def test_different_surroundings_mostly_differ_and_all_shifts_are_in_range() -> None:
    kinds, coinciding = 0, 0
    for smiles in shipped_smiles()[:300]:
        around = Surroundings(Chem.MolFromSmiles(smiles))
        values = [round(row[0], 1) for row in carbon_shifts(around).distinct()]
        kinds, coinciding = kinds + len(values), coinciding + len(values) - len(set(values))
        protons = proton_shifts(around).ppm
        assert CARBON_RANGE_PPM[0] <= min(values) <= max(values) <= CARBON_RANGE_PPM[1]
        assert ((protons >= PROTON_RANGE_PPM[0]) & (protons <= PROTON_RANGE_PPM[1])).all()
    assert coinciding < 0.08 * kinds


def test_noise_has_the_asked_deviation_and_rounds() -> None:
    shifts = carbons("CCCCCCCCCCO")
    rng = np.random.default_rng(0)
    noisy = np.stack([add_noise(shifts, 0.5, rng, CARBON_RANGE_PPM, 1).ppm for _ in range(300)])
    assert (noisy - shifts.ppm).std() == pytest.approx(0.5, rel=0.1)
    np.testing.assert_allclose(noisy, noisy.round(1), atol=1e-12)
    np.testing.assert_allclose(add_noise(shifts, 0.0, rng, CARBON_RANGE_PPM, 6).ppm, shifts.ppm, atol=1e-6)
