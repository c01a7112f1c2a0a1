import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from spectraflow.methods.shifts import scoring
from spectraflow.methods.shifts.scoring import (
    CARBON_AXIS,
    PROTON_AXIS,
    Molecules,
    SetLikelihood,
    Spectra,
    set_distance,
    sorted_scores,
)


def test_the_set_distance_is_the_mean_distance_to_the_nearest_both_ways(ragged):
    spectra = Spectra([np.array([20.0, 130.0])], CARBON_AXIS)
    molecules = Molecules(ragged([21.0, 128.0, 140.0]), CARBON_AXIS)
    there, back = (1 + 2) / 2, (1 + 2 + 10) / 3
    assert float(set_distance(spectra, molecules)) == pytest.approx(-(there + back) / 2, abs=0.05)


def test_the_likelihood_prefers_the_molecule_that_explains_all_peaks_and_misses_none(ragged):
    spectra = Spectra([np.array([20.0, 130.0])], CARBON_AXIS)
    molecules = Molecules(ragged([20.5, 129.0], [20.5, 60.0], [20.5, 129.0, 70.0]), CARBON_AXIS)
    scores = SetLikelihood()(spectra, molecules)[0].tolist()
    assert scores[0] > scores[2] > scores[1]


def test_repeated_peaks_say_nothing_to_sets(ragged):
    molecules = Molecules(ragged([20.5, 129.0]), CARBON_AXIS)
    once, twice = (Spectra([np.array(one)], CARBON_AXIS) for one in ([20.0, 130.0], [20.0, 20.0, 130.0]))
    assert float(SetLikelihood()(once, molecules)) == pytest.approx(float(SetLikelihood()(twice, molecules)))


def test_sorted_scores_need_the_same_count_and_no_order(ragged):
    shifts = ragged([129.0, 21.0], [21.0])
    scores = sorted_scores([np.array([20.0, 130.0])], shifts, scaled=False)
    assert scores[0].tolist() == [-1.0, -np.inf]


def test_molecules_without_carbons_are_scored_worst(ragged):
    molecules = Molecules(ragged([], [20.0]), CARBON_AXIS)
    spectra = Spectra([np.array([20.0])], CARBON_AXIS)
    for how in (set_distance, SetLikelihood()):
        scores = how(spectra, molecules)[0]
        assert torch.isfinite(scores).all()
        assert scores[0] < scores[1]


PPM = st.lists(st.integers(-20_000, 239_000).map(lambda mppm: mppm / 1000), min_size=1, max_size=8)
SCALES = st.sampled_from([0.5, 1.0, 3.0])


def brute_nearest(points, among):
    return np.abs(np.asarray(points)[:, None] - np.asarray(among)[None, :]).min(axis=1)


def brute_likelihood(peaks, shifts, scales, unexplained, cap):
    distance = np.abs(peaks[:, None] - shifts[None, :])
    mixture = (np.exp(-distance / scales) / (2 * scales)).mean(axis=1)
    outliers = CARBON_AXIS.floor / (CARBON_AXIS.high - CARBON_AXIS.low)
    explained = np.log((1 - CARBON_AXIS.floor) * mixture + outliers).mean()
    return explained - unexplained * (np.minimum(brute_nearest(shifts, peaks), cap) / scales).mean()


@settings(max_examples=60, deadline=None)
@given(PPM, PPM)
def test_the_set_distance_is_that_of_brute_force_within_half_a_step_of_the_grid(ragged, peaks, shifts):
    found = float(set_distance(Spectra([np.array(peaks)], CARBON_AXIS), Molecules(ragged(shifts), CARBON_AXIS)))
    distinct = np.unique(peaks)
    expected = -0.5 * (brute_nearest(distinct, shifts).mean() + brute_nearest(shifts, distinct).mean())
    assert found == pytest.approx(expected, abs=CARBON_AXIS.step / 2 + 1e-3)


@settings(max_examples=60, deadline=None)
@given(PPM, st.lists(st.tuples(PPM.map(lambda one: one[0]), SCALES), min_size=1, max_size=8))
def test_the_likelihood_is_that_of_brute_force_within_the_error_of_the_grid(ragged, peaks, shifts):
    how = SetLikelihood(unexplained=0.7, cap_ppm=6.0)
    found = float(how(Spectra([np.array(peaks)], CARBON_AXIS), Molecules(ragged(shifts), CARBON_AXIS)))
    ppm, scale = np.array(shifts).T
    expected = brute_likelihood(np.unique(peaks), ppm, scale, how.unexplained, how.cap_ppm)
    steepest = (1 + how.unexplained) / scale.min()
    assert found == pytest.approx(expected, abs=steepest * CARBON_AXIS.step / 2 + 1e-3)


@settings(max_examples=60, deadline=None)
@given(st.data(), PPM, st.lists(st.tuples(PPM.map(lambda one: one[0]), SCALES), min_size=1, max_size=8))
def test_the_order_of_peaks_and_of_predicted_shifts_changes_nothing(ragged, data, peaks, shifts):
    molecules = [ragged(shifts), ragged(data.draw(st.permutations(shifts)))]
    spectra = [np.array(peaks), np.array(data.draw(st.permutations(peaks)))]
    for how in (set_distance, SetLikelihood()):
        one, two = (
            float(how(Spectra([s], CARBON_AXIS), Molecules(m, CARBON_AXIS)))
            for s, m in zip(spectra, molecules, strict=True)
        )
        assert one == pytest.approx(two, rel=1e-4, abs=1e-3)


def test_sorted_scores_do_not_depend_on_which_of_two_atoms_with_one_shift_comes_first(ragged):
    carbons = [(50.0, 0.5), (50.0, 4.0), (20.0, 1.0)]
    spectra = [np.array([21.0, 50.0, 53.0])]
    one, two = (sorted_scores(spectra, ragged(shifts), scaled=True) for shifts in (carbons, carbons[::-1]))
    np.testing.assert_allclose(one, two, rtol=1e-6)
    distance, scale = np.array([1, 0, 3]), np.array([1, 0.5, 4])
    assert one.item() == pytest.approx(-(distance / scale + np.log(2 * scale)).mean(), rel=1e-5)


@settings(max_examples=60, deadline=None)
@given(st.data(), st.lists(st.tuples(st.integers(0, 9), SCALES), min_size=1, max_size=6))
def test_the_order_of_atoms_changes_no_sorted_score(ragged, data, shifts):
    peaks = np.sort(data.draw(st.lists(st.integers(0, 9), min_size=len(shifts), max_size=len(shifts))))
    molecules = ragged(shifts, data.draw(st.permutations(shifts)))
    for scaled in (True, False):
        one, two = sorted_scores([peaks], molecules, scaled=scaled)[0]
        assert one == pytest.approx(two, rel=1e-5, abs=1e-5)


def test_a_matrix_of_scores_is_that_of_its_pairs(ragged):
    peaks = [np.array([20.0, 130.0]), np.array([55.5]), np.array([]), np.array([10.0, 11.0, 12.0])]
    shifts = [[21.0, 128.0], [], [(55.0, 3.0)], [(9.0, 2.0), 130.0]]
    for how in (set_distance, SetLikelihood()):
        together = how(Spectra(peaks, CARBON_AXIS), Molecules(ragged(*shifts), CARBON_AXIS))
        for row, one in enumerate(peaks):
            for column, molecule in enumerate(shifts):
                alone = how(Spectra([one], CARBON_AXIS), Molecules(ragged(molecule), CARBON_AXIS))
                assert float(together[row, column]) == pytest.approx(float(alone), rel=1e-4, abs=1e-4)


def test_densities_do_not_depend_on_how_many_are_made_at_once(ragged, monkeypatch):
    shifts = ragged(*[[float(10 * n), (100.0, 0.5 + n)] for n in range(7)], [])
    whole = Molecules(shifts, CARBON_AXIS).log_density
    monkeypatch.setattr(scoring, "PROFILED_AT_ONCE", 3)
    torch.testing.assert_close(Molecules(shifts, CARBON_AXIS).log_density, whole)


@pytest.mark.parametrize("axis", [CARBON_AXIS, PROTON_AXIS])
def test_a_density_is_a_share_of_outliers_and_one_molecule(ragged, axis):
    middle = (axis.low + axis.high) / 2
    shifts = [(middle - 2.0, 10 * axis.step), (middle + 1.0, 20 * axis.step)]
    density = Molecules(ragged(shifts), axis).log_density.exp()
    assert float(density.sum() * axis.step) == pytest.approx(1.0, abs=0.01)
    assert float(density.min()) == pytest.approx(axis.floor / (axis.high - axis.low), rel=0.02)


def test_a_spectrum_without_peaks_scores_zero_with_every_molecule(ragged):
    spectra = Spectra([np.array([]), np.array([25.0])], CARBON_AXIS)
    molecules = Molecules(ragged([20.0], [], [150.0, 20.0]), CARBON_AXIS)
    for how in (set_distance, SetLikelihood()):
        assert how(spectra, molecules)[0].tolist() == [0, 0, 0]
        assert how(spectra, molecules)[1].abs().min() > 0.01


def test_shifts_off_the_axis_count_at_its_ends(ragged):
    spectra = Spectra([np.array([245.0, -30.0])], CARBON_AXIS)
    molecules = Molecules(ragged([260.0, -25.0], [100.0, 110.0]), CARBON_AXIS)
    assert spectra.places[0, [0, -1]].tolist() == pytest.approx([0.5, 0.5], abs=0.01)
    for how in (set_distance, SetLikelihood()):
        near, far = how(spectra, molecules)[0].tolist()
        assert np.isfinite([near, far]).all()
        assert near > far


@settings(max_examples=60, deadline=None)
@given(PPM)
def test_weights_lie_where_their_shifts_are(ppm):
    shifts = torch.tensor(ppm)
    weight = torch.full((len(ppm),), 1 / len(ppm))
    row = torch.zeros(len(ppm), dtype=torch.int64)
    found = CARBON_AXIS.weights(shifts, row, weight, 2)
    assert found[0].sum() == pytest.approx(1, abs=1e-5)
    assert float(found[0] @ CARBON_AXIS.grid) == pytest.approx(float(shifts.mean()), abs=0.01)
    assert not found[1].any()
    assert (found >= 0).all()


def test_sorted_likelihoods_pair_shifts_by_rank_each_with_its_own_scale(ragged):
    shifts = ragged([(129.0, 4.0), (21.0, 0.5)])
    (score,) = sorted_scores([np.array([20.0, 130.0])], shifts, scaled=True)[0]
    assert score == pytest.approx(-np.mean([1 / 0.5 + np.log(2 * 0.5), 1 / 4 + np.log(2 * 4.0)]), rel=1e-5)


def test_sorted_scores_rule_out_every_other_carbon_count(ragged):
    spectra = [np.array([20.0, 20.0]), np.array([]), np.array([20.0]), np.array([1.0, 2.0, 3.0])]
    shifts = ragged([20.0], [], [30.0, 22.0], [25.0])
    for scaled in (True, False):
        finite = np.isfinite(sorted_scores(spectra, shifts, scaled=scaled))
        assert finite.tolist() == [
            [False, False, True, False],
            [False, False, False, False],
            [True, False, False, True],
            [False, False, False, False],
        ]
    assert sorted_scores(spectra, shifts, scaled=False)[[0, 2, 2], [2, 0, 3]].tolist() == [-6, 0, -5]
