from dataclasses import dataclass

import pytest
import torch

from spectraflow.errors import ConfigError
from spectraflow.settings import TrainingSettings
from spectraflow.training.devices import make_fabric
from spectraflow.training.fit import fit


@dataclass
class Line:
    """Fit y = 3x with dropout, so that a resume must also draw the same noise."""

    model: torch.nn.Module
    monitor: str = "val/loss"
    stop_at: int | None = None
    validations: int = 0

    def training_batches(self, generator, epoch):
        for rows in torch.randperm(32, generator=generator).split(8):
            yield (rows / 32)[:, None]

    def loss(self, model, x):
        return (model(x) - 3 * x).square().mean(), {}

    def validate(self, model):
        self.validations += 1
        if self.stop_at is not None and self.validations > self.stop_at:
            raise KeyboardInterrupt
        x = torch.linspace(0, 1, 9)[:, None]
        with torch.no_grad():
            return {"val/loss": float((model(x) - 3 * x).square().mean())}


def make_task(**more) -> Line:
    torch.manual_seed(0)
    return Line(torch.nn.Sequential(torch.nn.Linear(1, 8), torch.nn.Dropout(0.3), torch.nn.Linear(8, 1)), **more)


SETTINGS = TrainingSettings(epochs=12, learning_rate=0.05, schedule="plateau", batch_size=8)


def weights(task):
    return torch.cat([p.detach().flatten() for p in task.model.parameters()])


STEPWISE = SETTINGS.model_copy(update={"schedule": "inverse_root", "warmup_steps": 10})


@pytest.mark.parametrize(("stop_at", "settings"), [(1, SETTINGS), (5, SETTINGS), (11, SETTINGS), (5, STEPWISE)])
def test_an_interrupted_fit_ends_as_an_undisturbed_one(tmp_path, stop_at, settings):
    whole = make_task()
    expected = fit(whole, settings, make_fabric(), tmp_path / "whole", "id")
    interrupted = make_task(stop_at=stop_at)
    with pytest.raises(KeyboardInterrupt):
        fit(interrupted, settings, make_fabric(), tmp_path / "part", "id")
    resumed = make_task()
    history = fit(resumed, settings, make_fabric(), tmp_path / "part", "id")
    assert resumed.validations == 12 - stop_at
    assert history.monitored("val/loss") == pytest.approx(expected.monitored("val/loss"), abs=1e-6)
    assert history.best_epoch == expected.best_epoch
    torch.testing.assert_close(weights(resumed), weights(whole), rtol=0, atol=1e-6)


def test_a_stepwise_schedule_counts_batches_over_epochs(tmp_path):
    history = fit(make_task(), STEPWISE, make_fabric(), tmp_path / "fit", "id")
    rates = [record["learning_rate"] for record in history.records[:4]]
    assert rates == pytest.approx([0.05 * share for share in (0.4, 0.8, (10 / 12) ** 0.5, (10 / 16) ** 0.5)])


def test_noam_needs_to_know_the_batches_of_an_epoch(tmp_path):
    settings = SETTINGS.model_copy(update={"schedule": "noam"})
    with pytest.raises(ConfigError, match="Line cannot be trained with the schedule noam"):
        fit(make_task(), settings, make_fabric(), tmp_path / "fit", "id")
    task = make_task()
    task.steps_per_epoch = 4
    rates = [record["learning_rate"] for record in fit(task, settings, make_fabric(), tmp_path / "fit", "id").records]
    assert rates[0] == pytest.approx(settings.learning_rate * (0.1 + 0.9 * 3 / 8))
    assert rates[2:] == sorted(rates[2:], reverse=True)


@dataclass
class Worsening(Line):
    """Best in its second epoch, whatever the weights."""

    epoch: int = 0

    def validate(self, model):
        super().validate(model)
        self.epoch += 1
        return {"val/loss": [3.0, 1.0, 2.0, 2.0, 2.0][self.epoch - 1]}


def test_best_weights_from_before_an_interruption_are_not_lost(tmp_path):
    settings = SETTINGS.model_copy(update={"epochs": 5})
    whole = Worsening(make_task().model)
    fit(whole, settings, make_fabric(), tmp_path / "whole", "id")
    interrupted = Worsening(make_task().model, stop_at=3)
    with pytest.raises(KeyboardInterrupt):
        fit(interrupted, settings, make_fabric(), tmp_path / "part", "id")
    resumed = Worsening(make_task().model, epoch=3)
    assert fit(resumed, settings, make_fabric(), tmp_path / "part", "id").best_epoch == 1
    torch.testing.assert_close(weights(resumed), weights(whole), rtol=0, atol=1e-6)


def test_the_best_weights_are_left_in_the_model(tmp_path):
    task = make_task()
    history = fit(task, SETTINGS, make_fabric(), tmp_path / "fit", "id")
    task.model.eval()
    best = min(history.monitored("val/loss"))
    assert task.validate(task.model)["val/loss"] == pytest.approx(best)
    assert history.monitored("val/loss")[history.best_epoch] == best


def test_early_stopping_and_records(tmp_path):
    settings = TrainingSettings(epochs=50, learning_rate=1e-9, early_stopping=3, batch_size=8)
    task = make_task()
    history = fit(task, settings, make_fabric(), tmp_path / "fit", "id")
    assert len(history.records) < 50
    assert history.records[0].keys() >= {"epoch", "learning_rate", "train/loss", "val/loss", "seconds", "batches"}
