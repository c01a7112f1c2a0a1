"""One command in two processes on the CPU: what it writes, and that it goes on when it was killed."""

import json
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from spectraflow.config import DevicesSettings
from spectraflow.errors import ConfigError
from spectraflow.files import read_json
from spectraflow.methods.km3aid.settings import Km3aidRun, SpectrumEncoderSettings
from spectraflow.methods.km3aid.spectrum_pretraining import pretrain
from spectraflow.methods.km3aid.train import train
from spectraflow.training import devices, launched
from spectraflow.training.launched import launched_processes, run_on_devices
from spectraflow.training.run_folder import read_history
from tests.unit.training.shared_trainings import KM3AID

RUN = {
    "model": {**KM3AID["model"], "shift_head": False},
    "training": {"epochs": 6, "batch_size": 15, "learning_rate": 0.001},
}
INPUTS = ("alignment", "graphs", "split")
PATIENCE = 600


@pytest.fixture
def command(tmp_path, alignment_files):
    inputs = [alignment_files[name] for name in INPUTS]
    pretrain(SpectrumEncoderSettings(mode="random_frozen"), *inputs, tmp_path / "encoder", tmp_path / "checkpoints")
    return [
        sys.executable, "-m", "spectraflow", "km3aid", "train", "--settings", json.dumps(RUN),
        *(word for name in INPUTS for word in (f"--{name}", str(alignment_files[name]))),
        "--spectrum-encoder", str(tmp_path / "encoder" / "model.safetensors"), "--checkpoints", str(tmp_path / "ck"),
    ]  # fmt: skip


def environment():
    return {**os.environ, "SPECTRAFLOW_ACCELERATOR": "cpu", "SPECTRAFLOW_DEVICES": "2", "OMP_NUM_THREADS": "1"}


def wait_until(happened, job):
    deadline = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < deadline
        assert job.poll() is None
        time.sleep(0.01)


@pytest.mark.slow
def test_a_killed_run_of_two_processes_goes_on_and_ends_as_one_of_one(tmp_path, alignment_files, command):
    killed = [*command, "--out", str(tmp_path / "two" / "run")]
    job = subprocess.Popen(killed, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_until((tmp_path / "ck" / "fit.safetensors").exists, job)
    workers = psutil.Process(job.pid).children(recursive=True)
    os.kill(job.pid, signal.SIGKILL)
    assert job.wait() == -signal.SIGKILL
    assert len(workers) >= 2
    assert not psutil.wait_procs(workers, timeout=PATIENCE)[1], "a process trains on beside the next attempt"
    again = subprocess.run(killed, env=environment(), capture_output=True, text=True)
    assert again.returncode == 0, again.stderr[-8000:]
    assert again.stderr.count("resumed after epoch") == 1
    assert again.stderr.count("epoch 6/6") == 1, "the first process alone prints"
    one, two = (tmp_path / name / "run" for name in ("one", "two"))
    inputs = [alignment_files[name] for name in INPUTS]
    encoder = tmp_path / "encoder" / "model.safetensors"
    train(Km3aidRun.model_validate(RUN), *inputs, encoder, one, tmp_path / "ck-one")
    assert {path.name for path in two.iterdir()} == {path.name for path in one.iterdir()}
    for record, expected in zip(read_history(two), read_history(one), strict=True):
        assert record["train/loss"] == pytest.approx(expected["train/loss"], rel=1e-2)
        assert record["val/loss"] == pytest.approx(expected["val/loss"], rel=1e-2)
    assert read_json(two / "metrics.json")["best_epoch"] == read_json(one / "metrics.json")["best_epoch"]


@pytest.fixture
def executed(monkeypatch):
    """What run_on_devices would have become."""
    found = []
    monkeypatch.setattr(os, "execv", lambda program, arguments: found.append(arguments))
    monkeypatch.setattr(sys, "argv", ["spectraflow", "shifts", "train"])
    return found


def test_torchrun_starts_the_same_command_on_the_devices_that_were_taken(monkeypatch, executed):
    monkeypatch.setenv("SPECTRAFLOW_DEVICES", "2")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,GPU-5,6,7")
    monkeypatch.delenv("SPECTRAFLOW_ACCELERATOR", raising=False)
    reading, writing = os.pipe()
    monkeypatch.setattr(devices, "uses_gpus", lambda: True)
    monkeypatch.setattr(devices, "take_gpus", lambda count: ([1, 3][:count], [reading, writing]))
    run_on_devices()
    assert executed[0][-3:] == ["spectraflow", "shifts", "train"]
    assert executed[0][executed[0].index("--nproc-per-node") + 1] == "2"
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "GPU-5,7"
    assert os.get_inheritable(reading), "torchrun holds the places of the process it replaces"
    os.close(reading)
    os.close(writing)


@pytest.mark.parametrize(
    "variables", [{}, {"SPECTRAFLOW_DEVICES": "1"}, {"SPECTRAFLOW_DEVICES": "2", "WORLD_SIZE": "2"}]
)
def test_one_device_or_a_process_of_torchrun_just_goes_on(monkeypatch, executed, variables):
    monkeypatch.delenv("SPECTRAFLOW_DEVICES", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    if "WORLD_SIZE" in variables:
        monkeypatch.setenv(launched.LAUNCHED, "x")
        assert launched_processes() == 2
    run_on_devices()
    assert executed == []


@pytest.mark.parametrize("given", ["0", "two", "-1", "1.5"])
def test_a_number_of_devices_that_is_none_is_named(monkeypatch, given):
    monkeypatch.setenv("SPECTRAFLOW_DEVICES", given)
    with pytest.raises(ConfigError, match="SPECTRAFLOW_DEVICES must be a number of 1 or more"):
        run_on_devices()


@pytest.mark.parametrize(("given", "expected"), [({}, "2 3"), ({"SPECTRAFLOW_DEVICES": "4"}, "4 3")])
def test_settings_reach_the_commands_of_rules_and_the_users_variables_come_first(given, expected):
    settings = DevicesSettings(per_training=2, jobs_per_device=3)
    printed = "sh -c 'echo $SPECTRAFLOW_DEVICES $SPECTRAFLOW_JOBS_PER_DEVICE'"
    plain = {name: value for name, value in os.environ.items() if not name.startswith("SPECTRAFLOW_")}
    shell = ["bash", "-c", f"{settings.environment} {printed}"]
    assert subprocess.run(shell, env={**plain, **given}, capture_output=True, text=True).stdout.strip() == expected
