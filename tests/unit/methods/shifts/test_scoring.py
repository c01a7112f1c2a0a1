import numpy as np
import pytest
import torch

from spectraflow.methods.shifts.scoring import (
    CARBON_AXIS,
    Molecules,
    SetLikelihood,
    Spectra,
    set_distance,
    sorted_scores,
)
from spectraflow.store.ragged import Ragged


def predicted(*molecules, scale=1.0):
    rows = [[index, ppm, scale] for one in molecules for index, ppm in enumerate(one)]
    offsets = np.concatenate([[0], np.cumsum([len(one) for one in molecules])])
    return Ragged(torch.tensor(rows, dtype=torch.float32).reshape(-1, 3), torch.from_numpy(offsets))


def test_the_set_distance_is_the_mean_distance_to_the_nearest_both_ways():
    spectra = Spectra([np.array([20.0, 130.0])], CARBON_AXIS)
    molecules = Molecules(predicted([21.0, 128.0, 140.0]), CARBON_AXIS)
    there, back = (1 + 2) / 2, (1 + 2 + 10) / 3
    assert float(set_distance(spectra, molecules)) == pytest.approx(-(there + back) / 2, abs=0.05)


def test_the_likelihood_prefers_the_molecule_that_explains_all_peaks_and_misses_none():
    spectra = Spectra([np.array([20.0, 130.0])], CARBON_AXIS)
    molecules = Molecules(predicted([20.5, 129.0], [20.5, 60.0], [20.5, 129.0, 70.0]), CARBON_AXIS)
    scores = SetLikelihood()(spectra, molecules)[0].tolist()
    assert scores[0] > scores[2] > scores[1]


def test_repeated_peaks_say_nothing_to_sets():
    molecules = Molecules(predicted([20.5, 129.0]), CARBON_AXIS)
    once, twice = (Spectra([np.array(one)], CARBON_AXIS) for one in ([20.0, 130.0], [20.0, 20.0, 130.0]))
    assert float(SetLikelihood()(once, molecules)) == pytest.approx(float(SetLikelihood()(twice, molecules)))


def test_sorted_scores_need_the_same_count_and_no_order():
    shifts = predicted([129.0, 21.0], [21.0])
    scores = sorted_scores([np.array([20.0, 130.0])], shifts, scaled=False)
    assert scores[0].tolist() == [-1.0, -np.inf]


def test_molecules_without_carbons_are_scored_worst():
    molecules = Molecules(predicted([], [20.0]), CARBON_AXIS)
    spectra = Spectra([np.array([20.0])], CARBON_AXIS)
    for how in (set_distance, SetLikelihood()):
        scores = how(spectra, molecules)[0]
        assert torch.isfinite(scores).all()
        assert scores[0] < scores[1]
