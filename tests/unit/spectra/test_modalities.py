import numpy as np
import pytest

from spectraflow.errors import InputError
from spectraflow.spectra.modalities import MODALITIES, VECTOR_POINTS, modality


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [("IR", 400, 4000), ("13C", 230, -20), ("1H", 10, -2), ("1H_wide", 14, -1), ("MSMSpos", 0, 599.9)],
)
def test_axes(name, first, last):
    axis = modality(name).axis
    assert axis.shape == (VECTOR_POINTS,)
    assert (axis[0], axis[-1]) == pytest.approx((first, last))
    assert np.ptp(np.diff(axis)) == pytest.approx(0, abs=1e-9)


def test_names_are_those_of_the_modalities():
    assert all(one.name == name for name, one in MODALITIES.items())
    assert {one.unit for one in MODALITIES.values()} == {"1/cm", "ppm", "m/z"}
    for name in ("13C", "1H"):
        for kind in ("max", "area"):
            assert np.array_equal(modality(f"{name}_{kind}").axis, modality(name).axis)


def test_an_unknown_modality_names_the_known_ones():
    with pytest.raises(InputError, match="no modality 'UV'; known: IR, 13C"):
        modality("UV")
