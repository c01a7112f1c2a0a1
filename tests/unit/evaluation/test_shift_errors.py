import numpy as np
import pytest

from spectraflow.evaluation.shift_errors import shift_error_metrics


def test_means_are_over_shifts_not_molecules():
    found = shift_error_metrics(np.array([1.0, 1.0, 4.0]), np.array([2.0, 1.0, 1.0]), np.array([0, 0, 2]), 3, "13C")
    assert found["shift/mae_13C"].value == pytest.approx(2.0)
    assert found["shift/mae_13C"].n == 3
    assert found["shift/mae_13C"].low < 2.0 < found["shift/mae_13C"].high
    assert found["shift/covered_50_13C"].value == pytest.approx(1 / 3), "ln 2 scales hold one half"
    assert found["shift/covered_90_13C"].value == pytest.approx(2 / 3), "ln 10 scales hold nine tenths"


def test_right_scales_cover_what_they_say():
    generator = np.random.default_rng(0)
    scale = generator.uniform(0.2, 5, 20_000)
    error = np.abs(generator.laplace(0, scale))
    found = shift_error_metrics(error, scale, np.arange(20_000) // 10, 2_000, "1H")
    assert found["shift/covered_50_1H"].value == pytest.approx(0.5, abs=0.02)
    assert found["shift/covered_90_1H"].value == pytest.approx(0.9, abs=0.02)
    wide = shift_error_metrics(error, 2 * scale, np.arange(20_000) // 10, 2_000, "1H")
    assert wide["shift/covered_50_1H"].value > 0.7


def test_molecules_are_resampled_whole():
    error = np.repeat([1.0, 3.0], 500)
    one = shift_error_metrics(error, error, np.repeat([0, 1], 500), 2, "13C")["shift/mae_13C"]
    many = shift_error_metrics(error, error, np.arange(1000), 1000, "13C")["shift/mae_13C"]
    assert one.value == many.value == pytest.approx(2.0)
    assert one.high - one.low > 5 * (many.high - many.low)
