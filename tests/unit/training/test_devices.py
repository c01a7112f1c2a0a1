import os
import subprocess
import sys

import pytest
import torch

from spectraflow.errors import ConfigError
from spectraflow.training import devices
from spectraflow.training.devices import job_device, make_fabric


def test_scattered_gradients_are_the_same_each_time_on_several_threads(monkeypatch):
    monkeypatch.setenv("SPECTRAFLOW_ACCELERATOR", "cpu")
    make_fabric()
    threads = torch.get_num_threads()
    torch.set_num_threads(4)
    try:
        generator = torch.Generator().manual_seed(0)
        table = torch.randn(50, 128, generator=generator).requires_grad_()
        rows = torch.randint(50, (40_000,), generator=generator)
        weights = torch.randn(40_000, 128, generator=generator)
        gradients = [torch.autograd.grad((table[rows] * weights).sum(), table)[0] for _ in range(5)]
    finally:
        torch.set_num_threads(threads)
    assert all(torch.equal(gradients[0], other) for other in gradients[1:])


def test_each_job_has_a_gpu_for_itself(monkeypatch, tmp_path):
    monkeypatch.setenv("SPECTRAFLOW_DEVICE_LOCKS", str(tmp_path))
    monkeypatch.setattr(devices, "visible_gpus", lambda: ["one", "two"])
    (first,), held = devices.take_gpus(1)
    (second,), also_held = devices.take_gpus(1)
    assert (first, second) == (0, 1)
    os.close(held[0])
    again, held_again = devices.take_gpus(1)
    assert again == [0], "a place that was given back is taken again"
    with pytest.raises(ConfigError, match="3 devices are asked for, 2 are visible"):
        devices.take_gpus(3)
    for descriptor in (*also_held, *held_again):
        os.close(descriptor)


def test_jobs_on_the_cpu_take_no_place(monkeypatch, tmp_path):
    monkeypatch.setenv("SPECTRAFLOW_ACCELERATOR", "cpu")
    monkeypatch.setenv("SPECTRAFLOW_DEVICE_LOCKS", str(tmp_path))
    make_fabric()
    assert not list(tmp_path.iterdir())


def test_jobs_that_train_nothing_take_the_same_device_in_the_same_way(monkeypatch):
    monkeypatch.setenv("SPECTRAFLOW_ACCELERATOR", "cpu")
    torch.set_deterministic_debug_mode("default")
    assert job_device() == make_fabric().device
    torch.set_deterministic_debug_mode("default")
    job_device()
    assert torch.get_deterministic_debug_mode() == 1


def test_a_gpu_is_taken_with_its_place(monkeypatch):
    monkeypatch.setenv("SPECTRAFLOW_ACCELERATOR", "gpu")
    monkeypatch.setattr(devices, "uses_gpus", lambda: True)
    monkeypatch.setattr(devices, "_own_gpu", lambda: 3)
    assert job_device() == torch.device("cuda", 3)


HEAVY = ("lightning_fabric", "torch._dynamo", "mlflow", "scipy.stats", "transformers", "xgboost")


@pytest.mark.parametrize("module", ["km3aid.library", "symspectra.predict"])
def test_jobs_that_train_nothing_start_without_what_training_needs(module):
    text = (
        f"import sys, spectraflow.methods.{module} as step; step.job_device(); "
        f"print(*(name for name in {HEAVY} if name in sys.modules))"
    )
    environment = {**os.environ, "SPECTRAFLOW_ACCELERATOR": "cpu"}
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.split() == []


def test_lightning_starts_without_the_metrics_it_asks_for_their_version():
    text = (
        "import sys; from spectraflow.training.devices import make_fabric; make_fabric(); "
        "print('torchmetrics' in sys.modules); import torchmetrics; print(hasattr(torchmetrics, 'MeanMetric'))"
    )
    environment = {**os.environ, "SPECTRAFLOW_ACCELERATOR": "cpu"}
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.split() == ["False", "True"]
