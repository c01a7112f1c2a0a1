import shutil
from dataclasses import replace

import numpy as np
import pytest

from spectraflow.errors import ConfigError, InputError
from spectraflow.files import read_json
from spectraflow.methods.mmfrl.molecular_graphs import write_graphs
from spectraflow.methods.mmfrl.property_metrics import property_metrics
from spectraflow.methods.mmfrl.property_model import load_property_model
from spectraflow.methods.mmfrl.property_predictions import read_predictions
from spectraflow.methods.mmfrl.property_store import PropertyStore
from spectraflow.methods.mmfrl.property_task import PropertyTask
from spectraflow.methods.mmfrl.train import train
from spectraflow.tables import PROPERTIES, read_table, write_table
from spectraflow.training.run_folder import read_history
from tests.unit.methods.mmfrl.small_tasks import NAMES, class_targets, make_settings, number_targets, write_task


@pytest.fixture(scope="module")
def classes(tmp_path_factory):
    return write_task(tmp_path_factory.mktemp("classes"), class_targets(), NAMES, "classification")


@pytest.fixture(scope="module")
def numbers(tmp_path_factory):
    return write_task(tmp_path_factory.mktemp("numbers"), number_targets(), ["size"], "regression")


def run(settings, tables, folder, name="run"):
    train(settings, tables, folder / name, folder / "checkpoints")
    return read_json(folder / name / "metrics.json")


def score(metrics, name, part="test"):
    return metrics["parts"][part][f"property/{name}"]["value"]


@pytest.mark.parametrize("kind", ["dmpnn", "intermediate", "late"])
def test_visible_classes_are_learnt(kind, classes, tmp_path):
    settings = make_settings(kind=kind, encoders=1 if kind == "dmpnn" else 2, training={"epochs": 25})
    metrics = run(settings, classes, tmp_path)
    assert score(metrics, "auc") > 0.8
    history = read_history(tmp_path / "run")
    assert history[metrics["best_epoch"]]["val/auc"] == max(record["val/auc"] for record in history)
    assert score(metrics, "auc", "val") == pytest.approx(history[metrics["best_epoch"]]["val/auc"], abs=1e-4)


@pytest.mark.parametrize("kind", ["dmpnn", "attentivefp", "forest", "boosting", "mean", "chemprop"])
def test_every_kind_predicts_numbers(kind, numbers, tmp_path):
    settings = make_settings(kind=kind, training={"epochs": 12, "learning_rate": 1e-2, "schedule": "noam"})
    metrics = run(settings, numbers, tmp_path)
    spread = number_targets().std()
    assert score(metrics, "rmse") < (1.2 if kind == "mean" else 0.9) * spread
    assert metrics["status"] == "ok"
    table = read_predictions(tmp_path / "run" / "predictions.parquet", "test")
    store = PropertyStore.read(numbers)
    np.testing.assert_allclose(table.measured, store.measured("test"))
    if kind in ("dmpnn", "attentivefp"):
        model = load_property_model(tmp_path / "run", numbers.graphs)
        np.testing.assert_allclose(model.predict(store.parts["test"]), table.predicted, rtol=1e-5)
    else:
        with pytest.raises(InputError, match="not a network"):
            load_property_model(tmp_path / "run", numbers.graphs)


def test_the_network_is_as_good_as_chemprops_within_the_spread_of_seeds(numbers, tmp_path):
    errors = {}
    for kind in ("dmpnn", "chemprop"):
        fit = {"epochs": 30, "learning_rate": 1e-2, "schedule": "noam"}
        runs = [make_settings(kind=kind, training={**fit, "seed": seed}) for seed in range(3)]
        found = [score(run(one, numbers, tmp_path, f"{kind}{i}"), "rmse") for i, one in enumerate(runs)]
        errors[kind] = np.array(found)
    spread = np.sqrt(sum(values.var(ddof=1) for values in errors.values()) / 3)
    assert abs(errors["dmpnn"].mean() - errors["chemprop"].mean()) < 3 * spread
    assert max(values.mean() for values in errors.values()) < 0.6 * number_targets().std()


def test_a_run_leaves_all_its_files_and_scores_that_can_be_recomputed(classes, tmp_path):
    metrics = run(make_settings(training={"epochs": 2}), classes, tmp_path)
    for part in ("val", "test"):
        table = read_predictions(tmp_path / "run" / "predictions.parquet", part)
        found = property_metrics(table.measured, table.predicted, "classification", NAMES)
        assert {name: one.as_dict() for name, one in found.items()} == metrics["parts"][part]
    settings = read_json(tmp_path / "run" / "settings.json")
    assert settings["method"] == "mmfrl"
    assert settings["targets"] == NAMES
    assert settings["parameters"]["trainable"] > 0
    assert sum(settings["molecules"].values()) == len(class_targets())
    assert metrics["epochs"] == len(read_history(tmp_path / "run")) == 2
    assert metrics["targets"]["test"]["evaluable"] == 3
    assert not list((tmp_path / "checkpoints").glob("*"))


def test_the_last_epoch_is_kept_on_demand(classes, tmp_path):
    training = {"epochs": 4, "early_stopping": 1, "learning_rate": 0.05}
    metrics = run(make_settings(selection="last", training=training), classes, tmp_path)
    assert metrics["best_epoch"] == 3
    assert score(metrics, "auc", "val") == pytest.approx(read_history(tmp_path / "run")[-1]["val/auc"], abs=1e-4)


def test_equal_seeds_give_equal_numbers(classes, tmp_path):
    settings = make_settings(training={"epochs": 2})
    one, again = (run(settings, classes, tmp_path, name) for name in ("one", "again"))
    assert one["parts"] == again["parts"]
    assert run(make_settings(training={"epochs": 2, "seed": 1}), classes, tmp_path, "other")["parts"] != one["parts"]


def test_a_killed_run_ends_as_an_undisturbed_one(classes, tmp_path, monkeypatch):
    settings = make_settings(encoder={"dropout": 0.2}, training={"epochs": 3, "schedule": "noam"})
    expected = run(settings, classes, tmp_path, "whole")
    validate, seen = PropertyTask.validate, []

    def killed(task, model):
        seen.append(model)
        if len(seen) > 1:
            raise KeyboardInterrupt
        return validate(task, model)

    monkeypatch.setattr(PropertyTask, "validate", killed)
    with pytest.raises(KeyboardInterrupt):
        run(settings, classes, tmp_path, "killed")
    assert list((tmp_path / "checkpoints").iterdir())
    shutil.rmtree(tmp_path / "killed")
    monkeypatch.setattr(PropertyTask, "validate", validate)
    found = run(settings, classes, tmp_path, "killed")
    assert found["parts"] == expected["parts"]
    assert not list((tmp_path / "checkpoints").iterdir())


@pytest.mark.parametrize("kind", ["mean", "dmpnn"])
def test_a_test_part_of_one_class_is_undefined_and_no_crash(kind, tmp_path):
    targets = class_targets(0.0)[:, :1]
    targets[1::5] = 1.0
    tables = write_task(tmp_path / "task", targets, ["oxygen"], "classification")
    metrics = run(make_settings(kind=kind, training={"epochs": 1}), tables, tmp_path)
    assert metrics["status"] == "undefined"
    assert score(metrics, "auc") is None
    assert metrics["targets"]["test"]["not_evaluable"] == ["oxygen"]
    assert metrics["targets"]["val"]["status"] == "ok"


def test_what_does_not_fit_is_an_error(classes, numbers, tmp_path):
    with pytest.raises(InputError, match="a dmpnn model reads graphs: give the graphs of the task"):
        run(make_settings(), replace(classes, graphs=None), tmp_path)
    with pytest.raises(InputError, match="1 pre-trained encoders are asked for, 0 are given"):
        run(make_settings(pretraining=[{}]), classes, tmp_path)
    few = tmp_path / "few.parquet"
    write_table(few, PROPERTIES, read_table(numbers.properties, PROPERTIES).slice(0, 5))
    write_graphs(few, tmp_path / "few.st")
    with pytest.raises(InputError, match="not the molecules of"):
        run(make_settings(), replace(numbers, graphs=tmp_path / "few.st"), tmp_path)


def test_a_fit_that_diverges_says_so(numbers, tmp_path, monkeypatch):
    monkeypatch.setattr(PropertyTask, "loss", lambda task, model, batch: (model(batch).sum() * float("nan"), {}))
    with pytest.raises(ConfigError, match="the fit diverged"):
        run(make_settings(training={"epochs": 1}), numbers, tmp_path)
