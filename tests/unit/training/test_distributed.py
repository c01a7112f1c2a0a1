"""Two processes train as one does: the same losses, gradients and validation figures."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from spectraflow.errors import ConfigError
from spectraflow.settings import TrainingSettings
from spectraflow.training import distributed
from spectraflow.training.devices import make_fabric
from spectraflow.training.distributed import gathered, in_any_process, own_share, summed
from spectraflow.training.fit import fit
from tests.unit.training import shared_trainings

ROOT = Path(__file__).parents[3]
METHODS = (
    "km3aid", "spectrum encoder", "shifts", "matchnet", "relations of molecules", "relations of carbons", "symspectra",
    "cnn",
)  # fmt: skip
TIMES = {"seconds", "seconds_outside_model"}
ONE_PAIR = {"val/auc": 0.02}
"""Rounding may exchange two validation pairs of nearly the same score: one of 64 comparisons."""


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What each of two processes found."""
    folder = tmp_path_factory.mktemp("two")
    command = [
        sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
        "--module", "tests.unit.training.shared_trainings", str(folder),
    ]  # fmt: skip
    environment = {
        **os.environ, "SPECTRAFLOW_ACCELERATOR": "cpu", "OMP_NUM_THREADS": "1", "TORCH_CPP_LOG_LEVEL": "ERROR",
    }  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=1200)
    assert done.returncode == 0, done.stderr[-8000:]
    return [torch.load(folder / f"{rank}.pt") for rank in range(2)]


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    """What one process finds."""
    folder = tmp_path_factory.mktemp("one")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPECTRAFLOW_ACCELERATOR", "cpu")
        return {
            "contrastive": shared_trainings.contrastive_gradients(),
            "first": shared_trainings.first_gradients(folder),
            "histories": shared_trainings.histories(folder),
        }


def assert_close(found, expected):
    """Gradients agree to a share of the largest of each tensor; biases before a norm have none but for rounding."""
    assert found.keys() == expected.keys()
    largest = max(float(one.abs().max()) for name, one in expected.items() if name != "loss")
    for name, one in expected.items():
        difference = float((found[name] - one).abs().max())
        assert difference <= 1e-4 * float(one.abs().max()) + 1e-4 * largest, name


def test_gradients_of_a_gathered_contrastive_loss_are_those_of_one_process(found, expected):
    for rank in range(2):
        assert_close(found[rank]["contrastive"], expected["contrastive"])


@pytest.mark.parametrize("method", METHODS)
def test_loss_and_gradients_of_a_batch_are_those_of_one_process(found, expected, method):
    for rank in range(2):
        assert_close(found[rank]["first"][method], expected["first"][method])


@pytest.mark.parametrize("method", METHODS)
def test_losses_and_validation_are_those_of_one_process(found, expected, method):
    first, second = (found[rank]["histories"][method] for rank in range(2))
    assert first == second, "processes that disagree stop at different epochs"
    assert len(first) == len(expected["histories"][method]) == 2
    for record, alone in zip(first, expected["histories"][method], strict=True):
        assert record.keys() == alone.keys()
        for name in alone.keys() - TIMES:
            assert record[name] == pytest.approx(alone[name], rel=5e-3, abs=ONE_PAIR.get(name, 1e-5)), name


def test_a_process_alone_has_the_whole_batch():
    rows = torch.arange(6.0).reshape(3, 2).requires_grad_()
    assert own_share(rows) is rows
    assert gathered(rows) is rows
    assert summed(rows) is rows
    assert not in_any_process(torch.tensor(False))


def test_a_batch_smaller_than_the_number_of_devices_is_refused(monkeypatch):
    monkeypatch.setattr(distributed, "process_count", lambda: 4)
    with pytest.raises(ConfigError, match="a batch of 3 cannot be shared by 4 devices"):
        own_share(torch.arange(3))


def test_a_task_that_cannot_share_its_batches_is_refused_by_name(tmp_path):
    class Whole:
        model = torch.nn.Linear(1, 1)

    class TwoDevices:
        world_size = 2

    with pytest.raises(ConfigError, match="Whole cannot share its batches"):
        fit(Whole(), TrainingSettings(), TwoDevices(), tmp_path / "fit", "id")
    assert make_fabric().world_size == 1
