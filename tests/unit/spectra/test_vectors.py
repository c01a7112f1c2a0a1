"""Resampling of long arrays to 600 points, and scaling."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from spectraflow.errors import InputError
from spectraflow.spectra.vectors import min_max, resample

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("length", [2, 599, 600, 1800, 10_000])
def test_linear_equals_numpy_interpolation(length):
    values = RNG.normal(size=(3, length))
    at = np.linspace(0, length - 1, 600)
    expected = [np.interp(at, np.arange(length), row) for row in values]
    np.testing.assert_allclose(resample(values), expected, atol=1e-10)


def test_linear_keeps_both_ends_and_negative_values():
    values = np.array([[-0.18, *RNG.normal(size=1798), 0.7]])
    vectors = resample(values)
    assert vectors[0, 0] == values[0, 0]
    assert vectors[0, -1] == pytest.approx(values[0, -1], abs=1e-12)
    assert vectors.min() < 0


@pytest.mark.parametrize(("method", "function"), [("max", np.max), ("area", np.sum)])
@pytest.mark.parametrize("length", [600, 1801, 10_000])
def test_bins_cover_every_value_once(method, function, length):
    values = RNG.normal(size=(2, length))
    edges = np.floor(np.linspace(0, length, 601)).astype(int)
    expected = [[function(row[start:stop]) for start, stop in pairwise(edges)] for row in values]
    np.testing.assert_allclose(resample(values, method), expected, rtol=1e-12)


def test_a_narrow_line_between_points_shows_in_max_and_area_only():
    values = np.zeros((1, 10_000))
    values[0, 5005] = 1.0
    assert resample(values).max() == 0
    assert resample(values, "max").max() == 1
    assert resample(values, "area").sum() == 1


@pytest.mark.parametrize(("method", "length"), [("linear", 1), ("max", 599), ("area", 599)])
def test_too_few_values_are_refused(method, length):
    with pytest.raises(InputError, match=method):
        resample(np.zeros((1, length)), method)


def test_precision_is_kept():
    assert resample(np.zeros((1, 1800), np.float32)).dtype == np.float32
    assert resample(np.zeros((1, 1800), np.float64)).dtype == np.float64


def test_constant_rows_become_zeros():
    np.testing.assert_array_equal(min_max(np.array([[5.0, 5.0], [1.0, 3.0], [-2.0, -2.0]])), [[0, 0], [0, 1], [0, 0]])


@given(
    arrays.arrays(np.float64, (3, 20), elements=st.integers(-1000, 1000).map(float)),
    st.floats(0.01, 100),
    st.floats(-100, 100),
)
def test_min_max_ignores_scale_and_offset(values, scale, offset):
    scaled = min_max(values)
    assert scaled.min() >= 0
    assert scaled.max() <= 1
    np.testing.assert_allclose(min_max(values * scale + offset), scaled, atol=1e-6)
