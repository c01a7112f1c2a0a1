import numpy as np
import pytest
import torch

from spectraflow.methods.symspectra.data import SpectraStore
from spectraflow.methods.symspectra.fitting import EVALUATED_AT_ONCE, Augmenter, GroupTask, Trained, predict
from spectraflow.methods.symspectra.imbalance import PlainLoss
from spectraflow.methods.symspectra.settings import AugmentationSettings
from spectraflow.settings import TrainingSettings
from tests.unit.methods.symspectra.small_spectra import make_model, make_spectra


def make_store(count=40, groups=4) -> SpectraStore:
    generator = np.random.default_rng(0)
    labels = generator.random((count, groups)) < 0.4
    vectors = torch.from_numpy(make_spectra(labels, 2, generator))
    ones = torch.ones(count, dtype=torch.bool)
    ids, names = [f"m{row}" for row in range(count)], [f"g{k}" for k in range(groups)]
    truth = torch.from_numpy(labels).float()
    return SpectraStore(
        ids, ["IR", "13C"], names, vectors, ones[:, None].expand(-1, 2), ones, truth, torch.arange(count)
    )


def make_task(kind="none", batch_size=8) -> GroupTask:
    store, rows = make_store(), torch.arange(30)
    augmenter = Augmenter(AugmentationSettings(kind=kind), store, rows)
    settings = TrainingSettings(batch_size=batch_size)
    return GroupTask(Trained(make_model(2, 4)), store, augmenter, torch.arange(30, 40), PlainLoss(), settings)


def epoch(task, seed=0, number=0):
    return list(task.training_batches(torch.Generator().manual_seed(seed), number))


def test_an_epoch_is_shuffled_full_batches_of_the_training_part():
    task = make_task()
    batches = epoch(task, number=5)
    assert [len(batch.rows) for batch in batches] == [8, 8, 8]
    rows = torch.cat([batch.rows for batch in batches])
    assert len(rows.unique()) == 24
    assert int(rows.max()) < 30
    assert {batch.epoch for batch in batches} == {5}
    again, other = (torch.cat([b.rows for b in epoch(task, seed)]) for seed in (0, 1))
    assert torch.equal(rows, again)
    assert not torch.equal(rows, other)
    for batch in batches:
        assert torch.equal(batch.vectors, task.store.vectors[batch.rows])


@pytest.mark.parametrize("kind", ["horizontal", "vertical", "smoothing", "combination"])
def test_an_epoch_shows_every_sample_and_one_changed_copy(kind):
    task = make_task(kind, batch_size=60)
    (batch,) = epoch(task)
    assert batch.rows.unique(return_counts=True)[1].tolist() == [2] * 30
    same = (batch.vectors == task.store.vectors[batch.rows]).all(dim=(1, 2))
    changed = 30 if kind != "combination" else int((task.augmenter.partners != torch.arange(30)).sum())
    assert int(same.sum()) == 60 - changed
    assert changed > 10
    assert torch.equal(batch.labels, task.store.labels[batch.rows])


def test_combined_spectra_have_the_same_labels():
    augmenter, store = make_task("combination").augmenter, make_store()
    assert torch.equal(store.labels[augmenter.partners], store.labels[:30])


def test_augmented_copies_are_repeatable():
    task = make_task("vertical")
    for one, other in zip(epoch(task), epoch(task), strict=True):
        assert torch.equal(one.vectors, other.vectors)


def test_the_validation_error_is_one_minus_micro_f1():
    task = make_task()
    task.model.eval()
    found = task.validate(task.model)
    labels, probabilities = predict(task.model, task.store, task.val_rows)
    hits = ((probabilities >= 0.5) & labels).sum()
    expected = 2 * hits / ((probabilities >= 0.5).sum() + labels.sum())
    assert found["val/micro_f1"] == pytest.approx(expected)
    assert found[task.monitor] == pytest.approx(1 - expected)


def test_predictions_are_those_of_single_molecules():
    task = make_task()
    task.model.eval()
    rows = torch.arange(40).repeat(EVALUATED_AT_ONCE // 40 + 1)
    labels, probabilities = predict(task.model, task.store, rows)
    assert np.array_equal(labels, task.store.labels[rows].numpy() > 0.5)
    one = predict(task.model, task.store, torch.tensor([7]))[1]
    np.testing.assert_allclose(probabilities[7::40], np.repeat(one, len(rows) // 40, 0), atol=1e-5)
