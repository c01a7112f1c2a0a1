import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from spectraflow.methods.km3aid.settings import Km3aidObjectiveSettings
from spectraflow.methods.km3aid.targets import atom_targets, distances_ppm, knowledge_targets, soft_targets, tie_targets

MPPM = torch.tensor([17_600, 18_300, 18_300, 33_500, 33_500, 33_500, 33_510, 128_400])
MOLECULE = torch.tensor([0, 0, 0, 0, 1, 1, 1, 1])


@given(st.lists(st.integers(-50_000, 250_000), min_size=1, max_size=30))
def test_published_knowledge_targets_are_hard_ties(shifts):
    distance = distances_ppm(torch.tensor(shifts))
    published = knowledge_targets(distance, tau1=1e-5, tau2=10.0)
    torch.testing.assert_close(published, tie_targets(distance, row_normalise=True), rtol=0, atol=1e-6)


@pytest.mark.parametrize(("tau1", "tau2"), [(0.1, 10.0), (0.5, 2.0), (1.0, 0.3)])
def test_knowledge_targets_are_the_softmax_of_equation_9(tau1, tau2):
    d = distances_ppm(MPPM).double().numpy()
    logits = tau2 / (d + tau1)
    expected = np.exp(logits - logits.max(1, keepdims=True))
    expected /= expected.sum(1, keepdims=True)
    np.testing.assert_allclose(
        knowledge_targets(distances_ppm(MPPM), tau1, tau2).numpy(), expected, rtol=1e-4, atol=1e-7
    )


def test_off_tie_weight_follows_the_closed_form():
    targets = knowledge_targets(distances_ppm(MPPM), 0.1, 10.0)
    ratio = float(targets[3, 6] / targets[3, 3])
    assert ratio == pytest.approx(np.exp(-10 * 0.01 / (0.1 * 0.11)), rel=1e-3)


def test_weak_pairs_include_their_threshold():
    targets = tie_targets(distances_ppm(torch.tensor([0, 1000, 2001])), 1.0)
    assert targets.tolist() == [[1, 1, 0], [1, 1, 0], [0, 0, 1]]


@pytest.mark.parametrize("kernel", ["exponential", "gaussian"])
def test_soft_rows_sum_to_one_and_molecule_scope_stays_inside(kernel):
    distance = distances_ppm(MPPM)
    batch = soft_targets(distance, MOLECULE, kernel, 1.0, "batch", 1.0)
    own = soft_targets(distance, MOLECULE, kernel, 1.0, "molecule", 1.0)
    torch.testing.assert_close(batch.sum(1), torch.ones(8))
    torch.testing.assert_close(own.sum(1), torch.ones(8))
    assert own[MOLECULE[:, None] != MOLECULE[None, :]].abs().max() == 0
    assert batch[0, 1] == pytest.approx(
        float(batch[0, 0]) * np.exp(-0.7 if kernel == "exponential" else -0.245), rel=1e-4
    )
    hard = soft_targets(distance, MOLECULE, kernel, 1.0, "batch", 0.0)
    torch.testing.assert_close(hard, tie_targets(distance, row_normalise=True))


@pytest.mark.parametrize("discrimination", ["knowledge", "strong", "weak", "soft"])
def test_every_setting_gives_targets_with_ties_on_the_diagonal(discrimination):
    targets = atom_targets(MPPM, MOLECULE, Km3aidObjectiveSettings(discrimination=discrimination))
    assert targets.shape == (8, 8)
    assert (targets.diagonal() > 0).all()
