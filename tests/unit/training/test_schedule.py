import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from spectraflow.settings import TrainingSettings
from spectraflow.training.schedule import epochs_since_best, learning_rate, step_rate, warmed_rate


@given(st.lists(st.floats(0, 10), min_size=1, max_size=25), st.integers(1, 4))
def test_plateau_agrees_with_torch(losses, patience):
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=1.0)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, patience=patience, factor=0.5, threshold=0.0, eps=0.0
    )
    settings = TrainingSettings(learning_rate=1.0, schedule="plateau", plateau_patience=patience)
    for epoch, loss in enumerate(losses):
        scheduler.step(loss)
        assert learning_rate(settings, epoch + 1, losses[: epoch + 1]) == pytest.approx(optimizer.param_groups[0]["lr"])


def test_constant_and_cosine():
    assert learning_rate(TrainingSettings(learning_rate=0.1), 7, [1.0] * 7) == 0.1
    cosine = TrainingSettings(learning_rate=0.1, schedule="cosine", epochs=10)
    rates = [learning_rate(cosine, epoch, []) for epoch in range(10)]
    assert rates[0] == 0.1
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] < 0.01


def test_milestones_agree_with_torch():
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=0.1)
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, [3, 5], gamma=0.1)
    settings = TrainingSettings(learning_rate=0.1, schedule="milestones", milestones=[3, 5])
    for epoch in range(8):
        assert learning_rate(settings, epoch, []) == pytest.approx(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()


@pytest.mark.parametrize("step", [0, 1, 2999, 3000, 50_000])
def test_inverse_root_is_the_schedule_of_vaswani(step):
    width, warmup, factor = 512, 3000, 1.0
    settings = TrainingSettings(
        learning_rate=factor / (width * warmup) ** 0.5, schedule="inverse_root", warmup_steps=warmup
    )
    published = factor * width**-0.5 * min((step + 1) ** -0.5, (step + 1) * warmup**-1.5)
    assert step_rate(settings, step) == pytest.approx(published)


def test_noam_is_the_schedule_of_chemprop():
    from chemprop.schedulers import build_NoamLike_LRSched

    steps, settings = 7, TrainingSettings(epochs=5, learning_rate=1e-3, schedule="noam")
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=1e-4)
    scheduler = build_NoamLike_LRSched(optimizer, 2 * steps, 3 * steps, 1e-4, 1e-3, 1e-4)
    for step in range(5 * steps):
        assert warmed_rate(settings, step, steps) == pytest.approx(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()


def test_noam_of_a_short_fit_only_rises():
    settings = TrainingSettings(epochs=2, learning_rate=1.0, schedule="noam")
    rates = [warmed_rate(settings, step, 3) for step in range(6)]
    assert rates == sorted(rates)
    assert rates[0] == pytest.approx(0.1)
    assert rates[-1] < 1


def test_epochs_since_best():
    assert epochs_since_best([]) == 0
    assert epochs_since_best([3.0, 1.0, 2.0, 2.0]) == 2
    assert epochs_since_best([3.0, 1.0]) == 0
