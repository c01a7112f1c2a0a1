"""Rate of the fit loop of SymSpectra against its bare network stepping on one batch, at the published sizes.

In CPU seconds of one thread, which other jobs of the machine change little.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
import torch
from torch import nn

from spectraflow.methods.symspectra.batch import SpectraBatch
from spectraflow.methods.symspectra.data import SpectraStore
from spectraflow.methods.symspectra.fitting import Augmenter, GroupTask, Trained
from spectraflow.methods.symspectra.imbalance import PlainLoss
from spectraflow.methods.symspectra.models import Context, build_model
from spectraflow.methods.symspectra.settings import SymspectraRun
from spectraflow.settings import TrainingSettings, merge
from spectraflow.training.devices import make_fabric
from spectraflow.training.fit import Record
from spectraflow.training.recorded_fit import recorded_fit
from spectraflow.training.tracking import Mirror

BAR = 0.9
MOLECULES, GROUPS, EPOCHS = 2048, 37, 5
BATCHES = 2


@dataclass
class TimedTask(GroupTask):
    """A task that notes the CPU seconds from the first batch of an epoch to its validation, then those of `bare`."""

    bare: Callable[[], float] = float
    seconds: list[tuple[float, float]] = field(default_factory=list)
    started: float = 0.0

    def training_batches(self, generator: torch.Generator, epoch: int) -> Iterator[SpectraBatch]:
        self.started = time.process_time()
        yield from super().training_batches(generator, epoch)

    def validate(self, model: nn.Module) -> Record:
        ours = time.process_time() - self.started
        with torch.enable_grad():
            self.seconds.append((ours, self.bare()))
        return super().validate(model)


def make_store() -> SpectraStore:
    generator = torch.Generator().manual_seed(0)
    vectors = torch.rand(MOLECULES, 3, 600, generator=generator)
    labels = (torch.rand(MOLECULES, GROUPS, generator=generator) < 0.15).float()
    ones = torch.ones(MOLECULES, 3, dtype=torch.bool)
    ids, names = [str(row) for row in range(MOLECULES)], [f"group {k}" for k in range(GROUPS)]
    rows = torch.arange(MOLECULES)
    return SpectraStore(ids, ["IR", "13C", "1H"], names, vectors, ones, ones[:, 0], labels, rows)


def make_task(settings: SymspectraRun, store: SpectraStore) -> TimedTask:
    """Return the task of a training part of BATCHES batches, drawn from all molecules."""
    rows = torch.randperm(MOLECULES, generator=torch.Generator().manual_seed(1))
    training = rows[: BATCHES * settings.training.batch_size]
    context = Context(store.names, list(range(GROUPS)), store.labels.mean(0).tolist(), [])
    augmenter = Augmenter(settings.augmentation, store, training)
    model = Trained(build_model(settings, context))
    return TimedTask(model, store, augmenter, rows[-64:], PlainLoss(), settings.training)


def bare_epoch(task: GroupTask, optimizer: torch.optim.Optimizer, settings: TrainingSettings) -> float:
    """Return the CPU seconds of BATCHES steps of the network on a batch that stays where it is."""
    batch = task.store.batch(torch.arange(settings.batch_size))
    task.model.train()
    started = time.process_time()
    for _ in range(BATCHES):
        loss, _ = task.model.model.loss(batch, task.element_loss)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(task.model.parameters(), settings.gradient_clip)
        optimizer.step()
    return time.process_time() - started


@pytest.mark.benchmark
def test_rate_of_training(tmp_path, monkeypatch):
    monkeypatch.setenv("SPECTRAFLOW_ACCELERATOR", "cpu")
    changes = {"training": {"epochs": EPOCHS, "schedule": "constant"}}
    settings = SymspectraRun.model_validate(merge(SymspectraRun().model_dump(), changes))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        store, fabric = make_store(), make_fabric()
        bare, task = make_task(settings, store), make_task(settings, store)
        optimizer = torch.optim.AdamW(bare.model.parameters(), lr=3e-4, weight_decay=0.0, fused=True)
        task.bare = lambda: bare_epoch(bare, optimizer, settings.training)
        task.bare()  # warms up what the fit loop then finds warm
        mirror = Mirror(tmp_path, None)
        recorded_fit(task, settings.training, fabric, tmp_path, tmp_path / "checkpoints", "bench", mirror)
    finally:
        torch.set_num_threads(threads)
    size = BATCHES * settings.training.batch_size
    ours, theirs = (size / min(times) for times in zip(*task.seconds, strict=True))
    print(
        f"\nbatches of {settings.training.batch_size}: fit loop {ours:.1f} molecules a CPU second, "
        f"bare network {theirs:.1f}, ratio {ours / theirs:.3f} (bar {BAR})"
    )
    assert ours / theirs >= BAR
