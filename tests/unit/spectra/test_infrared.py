import numpy as np
import pytest
from rdkit import Chem

from spectraflow.spectra.infrared import IR_AXIS_CM, infrared_spectrum


def spectrum(smiles: str, seed: int = 0) -> np.ndarray:
    return infrared_spectrum(Chem.MolFromSmiles(smiles), np.random.default_rng(seed))


def near(values: np.ndarray, centre: float, width: float = 30.0) -> float:
    return float(values[np.abs(IR_AXIS_CM - centre) < width].max())


def test_axis_and_scale() -> None:
    values = spectrum("CCO")
    assert values.shape == (1800,)
    assert values.dtype == np.float32
    assert values.max() == 1.0
    assert values.min() >= 0
    assert IR_AXIS_CM[1] - IR_AXIS_CM[0] == pytest.approx(2.0011, abs=1e-4)


@pytest.mark.parametrize(
    ("with_group", "without", "band"),
    [("CCC(C)=O", "CCC(C)C", 1715), ("CCC#N", "CCCC", 2235), ("CCCO", "CCOC", 3360), ("CC[N+](=O)[O-]", "CCN", 1525)],
)
def test_groups_give_their_band(with_group: str, without: str, band: float) -> None:
    assert near(spectrum(with_group), band) > 3 * near(spectrum(without), band)


def test_same_seed_same_spectrum() -> None:
    np.testing.assert_array_equal(spectrum("CCO", 3), spectrum("CCO", 3))
    assert (spectrum("CCO", 3) != spectrum("CCO", 4)).any()
