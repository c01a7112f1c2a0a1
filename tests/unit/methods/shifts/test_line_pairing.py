from functools import cache

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from spectraflow.methods.shifts import line_pairing
from spectraflow.methods.shifts.line_pairing import (
    CARBON_PAIRING,
    PROTON_PAIRING,
    LinePairing,
    distinct_lines,
    distinct_shifts,
)
from spectraflow.store.ragged import Ragged

LISTS = st.lists(st.integers(0, 60).map(float), min_size=1, max_size=6)


def lines_of(*spectra):
    offsets = np.cumsum([0, *map(len, spectra)])
    values = torch.tensor([ppm for one in spectra for ppm in one], dtype=torch.float64).reshape(-1, 1)
    return distinct_lines(Ragged(values, torch.from_numpy(offsets)))


def shifts_of(*molecules, scale=2.0, how=CARBON_PAIRING):
    rows = [(number, ppm, scale) for one in molecules for number, ppm in enumerate(one)]
    offsets = np.cumsum([0, *map(len, molecules)])
    return distinct_shifts(Ragged(torch.tensor(rows).reshape(-1, 3), torch.from_numpy(offsets)), how)


def score(lines, shifts, how=CARBON_PAIRING):
    one = np.zeros(1, np.int64)
    return float(how(lines_of(lines), shifts_of(shifts, how=how), one, one)[0])


def test_costs_by_hand():
    assert score([10.0, 50.0], [10.0, 50.0]) == 0
    assert score([10.0, 50.0], [12.0, 56.0]) == pytest.approx(-(2 + 6) / 2 / 2)
    assert score([10.0], [10.0, 90.0]) == pytest.approx(-8 / 2)  # a shift without a line
    assert score([10.0, 90.0, 170.0], [10.0]) == pytest.approx(-16 / 3)
    assert score([10.0], [10.0, 12.0]) == pytest.approx(-(1 + 4) / 2)  # two shifts under one line
    assert score([10.0], [190.0]) == pytest.approx(-16)  # both stay alone


def test_equivalent_atoms_are_one_shift_and_pay_nothing():
    assert score([10.0, 50.0], [10.0, 50.0, 50.004, 10.0]) == pytest.approx(score([10.0, 50.0], [10.0, 50.0]))
    assert score([10.0, 50.0], [10.0, 50.0, 50.5]) < score([10.0, 50.0], [10.0, 50.0])


def test_what_counts_as_one_shift_goes_with_the_nucleus():
    assert (CARBON_PAIRING.same_ppm, PROTON_PAIRING.same_ppm) == pytest.approx((0.01, 0.001))
    assert (CARBON_PAIRING.least_scale_ppm, PROTON_PAIRING.least_scale_ppm) == pytest.approx((0.5, 0.05))


def test_a_scale_is_never_taken_as_smaller_than_the_least():
    exact = shifts_of([10.0], scale=1e-6)
    found = CARBON_PAIRING(lines_of([11.0]), exact, np.zeros(1, np.int64), np.zeros(1, np.int64))
    assert found == pytest.approx(-1 / 0.5)


def least_cost(lines, shifts, how: LinePairing, scale=2.0):
    """The recursion written out, without arrays."""
    lines, shifts = sorted(set(lines)), sorted(set(shifts))

    @cache
    def cost(i, j):
        if i == 0 or j == 0:
            return how.unpaired * (i + j)
        distance = abs(lines[i - 1] - shifts[j - 1]) / scale
        alone = min(how.unpaired, how.shared + distance)
        return min(cost(i - 1, j - 1) + distance, cost(i - 1, j) + alone, cost(i, j - 1) + alone)

    return -cost(len(lines), len(shifts)) / max(len(lines), len(shifts))


@given(LISTS, LISTS)
def test_scores_are_the_least_costs(lines, shifts):
    assert score(lines, shifts) == pytest.approx(least_cost(lines, shifts, CARBON_PAIRING), abs=1e-6)


@given(LISTS, LISTS, st.randoms(use_true_random=False))
def test_order_and_repeats_do_not_matter(lines, shifts, random):
    expected = score(lines, shifts)
    more_lines, more_shifts = [*lines, lines[0]], [*shifts, shifts[-1]]
    random.shuffle(more_lines)
    random.shuffle(more_shifts)
    assert score(more_lines, more_shifts) == pytest.approx(expected)


def test_a_score_does_not_depend_on_its_company(monkeypatch):
    generator = np.random.default_rng(0)
    spectra = [generator.uniform(0, 200, size).tolist() for size in (1, 9, 0, 30, 4)]
    molecules = [generator.uniform(0, 200, size).tolist() for size in (12, 0, 1, 40, 5)]
    owners, candidates = np.repeat(np.arange(5), 5), np.tile(np.arange(5), 5)
    lines, shifts = lines_of(*spectra), shifts_of(*molecules)
    together = CARBON_PAIRING(lines, shifts, owners, candidates)
    monkeypatch.setattr(line_pairing, "PAIRS_AT_ONCE", 3)
    assert CARBON_PAIRING(lines, shifts, owners, candidates) == pytest.approx(together, nan_ok=True, rel=1e-12)
    for number in range(25):
        alone = CARBON_PAIRING(lines, shifts, owners[number : number + 1], candidates[number : number + 1])
        assert alone == pytest.approx(together[number], nan_ok=True, rel=1e-12)
    assert np.isnan(together).reshape(5, 5).tolist() == [[o == 2 or c == 1 for c in range(5)] for o in range(5)]
