import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from spectraflow.methods.symspectra.imbalance import element_loss, minority_labels, mlsmote
from spectraflow.methods.symspectra.settings import ImbalanceSettings

SMOTE = ImbalanceSettings(strategy="mlsmote", neighbours=3, share=1.0)


def rare_data(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """100 molecules with two spectra of 600 points; label 0 common, 1 rare (8), 2 rarer (5), 3 once, 4 never."""
    generator = np.random.default_rng(seed)
    labels = np.zeros((100, 5), dtype=bool)
    labels[:90, 0] = labels[10:18, 1] = labels[14:19, 2] = labels[50, 3] = True
    return generator.random((100, 2, 600)).astype(np.float32), labels


def test_minority_labels_exceed_the_mean_imbalance_of_those_that_occur():
    # imbalance 1, 11.25, 18, 90: mean 30
    labels = rare_data()[1]
    assert minority_labels(labels) == [3]
    assert minority_labels(labels[:, :3]) == [1, 2]
    assert minority_labels(np.zeros((4, 2), bool)) == []


def test_samples_lie_between_two_molecules_of_one_label():
    vectors, labels = rare_data()
    labels = labels[:, :3]
    made = mlsmote(vectors, labels, SMOTE, seed=1)
    assert made.vectors.shape == (13, 2, 600)
    assert made.vectors.dtype == np.float32
    flat, made_flat = vectors.reshape(100, -1), made.vectors.reshape(13, -1)
    bags = [(bag, origin) for bag in (range(10, 18), range(14, 19)) for origin in bag]
    for number, (bag, origin) in enumerate(bags):
        direction = made_flat[number] - flat[origin]
        fits = [
            other
            for other in bag
            if other != origin and abs(np.corrcoef(direction, flat[other] - flat[origin])[0, 1]) > 0.999
        ]
        assert len(fits) == 1
        step = direction @ (flat[fits[0]] - flat[origin]) / np.sum((flat[fits[0]] - flat[origin]) ** 2)
        assert 0 <= step <= 1
        distances = {other: np.linalg.norm(flat[other] - flat[origin]) for other in bag if other != origin}
        assert fits[0] in sorted(distances, key=distances.get)[:3]


def test_labels_are_those_of_at_least_half_of_sample_and_neighbours():
    # four molecules of the rare label, all neighbours of each other: a label of two is set, a label of one is not
    vectors = np.zeros((200, 1, 600), dtype=np.float32)
    vectors[:4, 0, 0] = [1.0, 1.1, 1.2, 1.3]
    labels = np.zeros((200, 4), dtype=bool)
    labels[:4, 1] = True
    labels[:2, 0] = labels[0, 2] = True
    labels[4:, 0] = labels[4:150, 2] = labels[4:160, 3] = True
    assert minority_labels(labels) == [1]
    made = mlsmote(vectors, labels, SMOTE)
    assert made.labels.tolist() == [[True, True, False, False]] * 4


def test_samples_are_capped_and_seeded():
    vectors, labels = rare_data()
    few = SMOTE.model_copy(update={"share": 0.05})
    made = mlsmote(vectors, labels[:, :3], few, seed=2)
    assert len(made.vectors) == len(made.labels) == len(made.present) == 5
    assert np.array_equal(made.vectors, mlsmote(vectors, labels[:, :3], few, seed=2).vectors)
    assert not np.array_equal(made.vectors, mlsmote(vectors, labels[:, :3], few, seed=3).vectors)


def test_nothing_rare_gives_no_samples():
    vectors, labels = rare_data()
    made = mlsmote(vectors, labels, SMOTE)  # the only minority label has one molecule
    assert made.vectors.shape == (0, 2, 600)
    assert made.labels.shape == (0, 5)


def test_spectra_that_one_end_lacks_are_absent():
    vectors, labels = rare_data()
    present = np.ones((100, 2), dtype=bool)
    present[10:18, 1] = False
    vectors[~present] = 0
    made = mlsmote(vectors, labels[:, :2], SMOTE, present=present)
    assert made.present.tolist() == [[True, False]] * 8
    assert not made.vectors[:, 1].any()
    assert made.vectors[:, 0].any(axis=1).all()


def plain(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    probability = logits.sigmoid()
    return -(labels * probability.log() + (1 - labels) * (1 - probability).log())


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(-8, 8), min_size=4, max_size=4), st.lists(st.booleans(), min_size=4, max_size=4))
def test_losses_agree_with_their_formulas(values, truth):
    logits = torch.tensor(values, dtype=torch.float64).reshape(2, 2)
    labels = torch.tensor(truth, dtype=torch.float64).reshape(2, 2)
    training = torch.tensor([[1, 0], [0, 0], [0, 0], [1, 1]])
    entropy = plain(logits, labels)
    truth_probability = torch.where(labels > 0, logits.sigmoid(), 1 - logits.sigmoid())
    weights = torch.where(labels > 0, torch.tensor([1.0, 2.0]), torch.tensor([1.0, 4 / 6]))
    expected = {
        "none": entropy,
        "mlsmote": entropy,
        "inverse_frequency": weights * entropy,
        "focal": -((1 - truth_probability) ** 2) * truth_probability.log(),
    }
    for strategy, values_expected in expected.items():
        loss = element_loss(ImbalanceSettings(strategy=strategy), training)
        assert torch.allclose(loss(logits, labels), values_expected, atol=1e-6), strategy


def test_weights_are_capped_and_move_with_the_module():
    labels = np.zeros((1000, 2), dtype=bool)
    labels[0, 0] = True
    loss = element_loss(ImbalanceSettings(strategy="inverse_frequency", cap=100), labels)
    found = loss(torch.zeros(1, 2), torch.ones(1, 2)) / np.log(2)
    assert found.tolist() == [pytest.approx([100.0, 100.0])]
    assert {buffer.dtype for buffer in loss.to(torch.float64).buffers()} == {torch.float64}


@pytest.mark.parametrize("strategy", ["none", "inverse_frequency", "focal"])
def test_gradients_stay_finite_at_certain_predictions(strategy):
    logits = torch.tensor([[200.0, -200.0]], requires_grad=True)
    for gamma in (0.0, 0.5, 2.0):
        loss = element_loss(ImbalanceSettings(strategy=strategy, gamma=gamma), torch.eye(2))
        (gradient,) = torch.autograd.grad(loss(logits, torch.tensor([[1.0, 0.0]])).sum(), logits)
        assert torch.isfinite(gradient).all()
