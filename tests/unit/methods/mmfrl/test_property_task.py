import numpy as np
import pytest
import torch

from spectraflow.methods.mmfrl.molecular_graphs import MolecularGraphs
from spectraflow.methods.mmfrl.property_metrics import mean_score
from spectraflow.methods.mmfrl.property_model import build_model
from spectraflow.methods.mmfrl.property_store import PropertyStore
from spectraflow.methods.mmfrl.property_task import LAST_EPOCH, PropertyTask, Trained, network_outputs, to_predictions
from tests.unit.methods.mmfrl.small_tasks import NAMES, class_targets, make_settings, number_targets, write_task


def make_task(folder, targets, kind, selection="best_val"):
    settings = make_settings()
    tables = write_task(folder, targets, NAMES[: targets.shape[1]], kind)
    store = PropertyStore.read(tables)
    return PropertyTask(
        model=Trained(build_model(settings, len(store.names))),
        graphs=MolecularGraphs.read(tables.graphs),
        targets=store.targets,
        scale=store.scale,
        kind=store.kind,
        train_rows=store.parts["train"],
        val_rows=store.parts["val"],
        training=settings.training,
        selection=selection,
    )


def test_an_epoch_shows_every_training_molecule_once(tmp_path):
    task = make_task(tmp_path, number_targets(), "regression")
    seen = list(task.training_batches(torch.Generator().manual_seed(0), 0))
    assert len(seen) == task.steps_per_epoch == 3
    values = torch.cat([batch.targets for batch in seen])
    expected = task.scale.apply(task.targets[task.train_rows])
    torch.testing.assert_close(values.sort(dim=0).values, expected.sort(dim=0).values)
    assert not torch.equal(values, expected), "batches are shuffled"
    assert [len(batch.graph) for batch in seen] == [len(batch.targets) for batch in seen]


@pytest.mark.parametrize(
    ("targets", "kind", "name"),
    [(class_targets(), "classification", "auc"), (number_targets(), "regression", "rmse")],
    ids=["classes", "numbers"],
)
def test_validation_scores_in_original_units(targets, kind, name, tmp_path):
    task = make_task(tmp_path, targets, kind)
    model = task.model.eval()
    record = task.validate(model)
    predicted = to_predictions(network_outputs(model, task.graphs, task.val_rows), kind, task.scale)
    score = mean_score(targets[task.val_rows], predicted.numpy(), kind)
    assert record[f"val/{name}"] == pytest.approx(score)
    assert record[task.monitor] == pytest.approx(1 - score if name == "auc" else score)


def test_val_without_evaluable_targets_is_judged_by_its_loss(tmp_path):
    targets = class_targets()
    targets[0::5] = 1.0
    task = make_task(tmp_path, targets, "classification")
    record = task.validate(task.model.eval())
    assert record["val/error"] == record["val/loss"] > 0
    assert "val/auc" not in record


def test_outputs_that_are_no_numbers_are_the_worst(tmp_path):
    task = make_task(tmp_path, class_targets(), "classification")
    torch.nn.init.constant_(task.model.network.head.last.bias, float("nan"))
    assert np.isnan(task.validate(task.model.eval())["val/error"])


def test_the_last_epoch_is_kept_by_what_falls_with_every_epoch(tmp_path):
    task = make_task(tmp_path, class_targets(), "classification", selection="last")
    assert task.monitor == LAST_EPOCH
    values = []
    for epoch in range(3):
        list(task.training_batches(torch.Generator(), epoch))
        values.append(task.validate(task.model.eval())[LAST_EPOCH])
    assert values == sorted(values, reverse=True)
    assert len(set(values)) == 3
