import pytest
import torch

from spectraflow.settings import TrainingSettings
from spectraflow.training.devices import make_fabric
from spectraflow.training.recorded_fit import CHECKPOINT, forget_checkpoint, recorded_fit
from spectraflow.training.run_folder import read_history

SETTINGS = TrainingSettings(epochs=4, batch_size=4)


class Line:
    """Fits y = 3x; stops the process in the validation of an epoch if asked to."""

    monitor = "val/loss"

    def __init__(self, stop_in=None):
        torch.manual_seed(0)
        self.model, self.stop_in, self.validations = torch.nn.Linear(1, 1), stop_in, 0

    def training_batches(self, generator, epoch):
        yield torch.rand(4, 1, generator=generator)

    def loss(self, model, x):
        return (model(x) - 3 * x).square().mean(), {}

    def validate(self, model):
        self.validations += 1
        if self.validations == self.stop_in:
            raise KeyboardInterrupt
        return {"val/loss": float((model.weight - 3).square())}


class Mirror:
    def __init__(self, folder):
        self.folder, self.seen = folder, []

    def update(self):
        self.seen.append(len(read_history(self.folder)))

    def finish(self):
        raise AssertionError("a fit does not finish the run")


def record(task, folder, name):
    mirror = Mirror(folder / name)
    (folder / name).mkdir(exist_ok=True)
    checkpoints = folder / "checkpoints"
    return recorded_fit(task, SETTINGS, make_fabric(), folder / name, checkpoints, "id", mirror), mirror


def test_history_is_written_and_mirrored_after_every_epoch(tmp_path):
    history, mirror = record(Line(), tmp_path, "run")
    assert mirror.seen == [1, 2, 3, 4]
    assert read_history(tmp_path / "run") == history.records


def test_a_killed_fit_is_gone_on_from_and_a_finished_one_is_not_trained_again(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        record(Line(stop_in=3), tmp_path, "killed")
    assert len(read_history(tmp_path / "killed")) == 2
    resumed = Line()
    record(resumed, tmp_path, "resumed")
    assert resumed.validations == 2
    assert [line["epoch"] for line in read_history(tmp_path / "resumed")] == [0, 1, 2, 3]
    again = Line()
    record(again, tmp_path, "evaluated again")
    assert again.validations == 0
    assert len(read_history(tmp_path / "evaluated again")) == 4
    assert torch.equal(again.model.weight, resumed.model.weight)


def test_the_checkpoint_of_a_finished_run_is_removed(tmp_path):
    record(Line(), tmp_path, "run")
    assert (tmp_path / "checkpoints" / CHECKPOINT).is_file()
    forget_checkpoint(tmp_path / "checkpoints")
    forget_checkpoint(tmp_path / "checkpoints")
    assert not list((tmp_path / "checkpoints").iterdir())
