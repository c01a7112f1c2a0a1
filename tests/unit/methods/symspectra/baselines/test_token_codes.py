import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spectraflow.errors import InputError
from spectraflow.methods.symspectra.baselines.token_codes import (
    Words,
    carbon_codes,
    hundredths,
    infrared_codes,
    mass_codes,
    proton_codes,
    tenths,
)


def read(codes, words=None):
    return (words or Words()).texts(codes)


@given(st.integers(-50_000, 50_000))
def test_numbers_read_as_they_are_printed(number):
    assert read(tenths(np.array([number / 10]))) == [f"{number / 10:.1f}"]
    assert read(hundredths(np.array([number / 100]))) == [f"{number / 100:.2f}"]


@pytest.mark.parametrize("number", [np.nan, np.inf, 1e9])
def test_numbers_out_of_reach_are_refused(number):
    with pytest.raises(InputError, match="not finite or too large"):
        tenths(np.array([1.0, number]))


def test_carbon_shifts_fall_and_equal_ones_are_one():
    assert read(carbon_codes(np.array([20.51, 128.402, 137.6, 128.4, 128.44]))) == ["137.6", "128.4", "128.4", "20.5"]
    assert read(carbon_codes(np.array([]))) == []


def test_proton_signals_read_as_in_the_benchmark():
    words = Words()
    codes = proton_codes(
        np.array([2.353, 7.1, 7.1]), ["m", "dd", "dd"], [3.0, 2.0, 2.0], [None, "7.1_1.55_", "7.1_1.55_"], words
    )
    assert " ".join(read(codes, words)) == "7.10 dd 2H J 7.10 1.55 | 2.35 m 3H |"


def test_what_is_not_reported_is_left_out():
    words = Words()
    codes = proton_codes(np.array([1.0, 2.0]), [None, "br s"], [None, None], [None, None], words)
    assert " ".join(read(codes, words)) == "2.00 brs | 1.00 |"


def test_unreadable_couplings_are_refused():
    with pytest.raises(InputError, match="7,1"):
        proton_codes(np.array([1.0]), ["d"], [1.0], ["7,1_"], Words())


def test_the_strongest_peaks_of_a_mass_spectrum_are_kept_in_order():
    codes = mass_codes(np.array([77.04, 51.0, 105.03, 39.0]), np.array([999.0, 1.0, 499.5, 2.0]), 3)
    assert read(codes) == ["39.0", "0.2", "77.0", "100.0", "105.0", "50.0"]
    assert read(mass_codes(np.array([77.0]), np.array([0.0]), 3)) == ["77.0", "0.0"]
    assert read(mass_codes(np.array([77.0]), np.array([]), 3)) == ["77.0", "100.0"]
    with pytest.raises(InputError, match="2 m/z, but 1 intensities"):
        mass_codes(np.array([1.0, 2.0]), np.array([1.0]), 3)


def test_infrared_is_resampled_and_scaled():
    values = np.linspace(-0.5, 1.5, 600, dtype=np.float32)
    codes = infrared_codes(np.stack([values, values[::-1], np.full(600, 0.3, np.float32)]))
    numbers = [[int(text) for text in read(row)] for row in codes]
    assert np.abs(np.array(numbers[0]) - np.linspace(0, 100, 400)).max() <= 0.51
    assert numbers[1] == numbers[0][::-1]
    assert set(numbers[2]) == {0}
