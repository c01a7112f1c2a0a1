import numpy as np
import pytest
from rdkit import Chem

from spectraflow.spectra.fragments import bond_fragments, collision_fragments, collision_peaks, electron_impact_peaks


def impact(smiles: str) -> dict[int, float]:
    return dict(electron_impact_peaks(Chem.MolFromSmiles(smiles), np.random.default_rng(0)))


def test_halves_of_a_bond_add_up_to_the_molecule() -> None:
    pieces = bond_fragments(Chem.MolFromSmiles("CCO"))
    assert sorted(piece.nominal for piece in pieces) == [15, 17, 29, 31]
    assert pieces[0].mass + pieces[1].mass == pytest.approx(46.04186, abs=1e-4)


def test_molecules_without_breakable_bonds_keep_their_molecular_ion() -> None:
    assert max(impact("c1ccccc1"), key=lambda at: impact("c1ccccc1")[at]) == 78


def test_impact_spectra_have_molecular_ion_losses_and_isotopes() -> None:
    toluene, chlorobutane = impact("CCc1ccccc1"), impact("CCCCCl")
    assert {106, 107, 91} <= set(toluene)
    assert toluene[91] > toluene[77]
    assert {92, 94, 57} <= set(chlorobutane)
    assert max(toluene.values()) == 100.0
    assert min(toluene.values()) >= 1.0
    assert list(toluene) == sorted(toluene)


@pytest.mark.parametrize(("sign", "precursor"), [(1, 227.11903), (-1, 225.10448)])
def test_collision_spectra_contain_the_ionised_molecule(sign: int, precursor: float) -> None:
    mol = Chem.MolFromSmiles("CC(C)CCNc1ncc(F)cc1C(=O)O")
    soft, _ = collision_peaks(mol, collision_fragments(mol), sign, 10, np.random.default_rng(0))
    hard, fragments = collision_peaks(mol, collision_fragments(mol), sign, 40, np.random.default_rng(0))
    assert soft[-1] == (pytest.approx(precursor, abs=2e-4), 100.0)
    assert dict(hard).get(soft[-1][0], 0.0) < 100.0
    assert len(hard) <= 30
    assert {at for at, _ in fragments} == {at for at, _ in hard}
    assert all(Chem.MolFromSmiles(smiles, sanitize=False) is not None for _, smiles in fragments)
