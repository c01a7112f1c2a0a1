import shutil
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest

from spectraflow.errors import InputError
from spectraflow.evaluation.classification import count_labels, micro_f1
from spectraflow.files import read_json
from spectraflow.methods.symspectra.fitting import GroupTask
from spectraflow.methods.symspectra.models import load_model
from spectraflow.methods.symspectra.settings import Kind
from spectraflow.methods.symspectra.train import make_context, read_data, train
from spectraflow.settings import merge
from spectraflow.tables import SPLITS, group_predictions_schema, read_table, write_table
from spectraflow.training.run_folder import read_history
from tests.unit.methods.symspectra.conftest import LEARNING
from tests.unit.methods.symspectra.small_spectra import NAMES, make_settings, write_tables


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    return write_tables(tmp_path_factory.mktemp("tables"), no_IR=[0, 5, 10], no_13C=[3])


def run(settings, tables, folder, name="run"):
    train(settings, tables, folder / name, folder / "checkpoints")
    return read_json(folder / name / "metrics.json")


def score(metrics, name="groups/micro_f1", part="test"):
    return metrics["parts"][part][name]["value"]


def without_times(records):
    return [{name: value for name, value in record.items() if "seconds" not in name} for record in records]


def test_visible_groups_are_learnt(trained_run):
    assert score(trained_run.metrics) > 0.95
    assert score(trained_run.metrics, "groups/exact_match") > 0.85
    best = trained_run.metrics["best_epoch"]
    history = read_history(trained_run.folder)
    assert history[best]["val/micro_f1"] == max(record["val/micro_f1"] for record in history)
    assert score(trained_run.metrics, part="val") == pytest.approx(history[best]["val/micro_f1"])


def test_spectra_of_other_molecules_teach_nothing(trained_run, tmp_path):
    settings = merge(LEARNING, {"network": {"attention": False}, "permuted": True})
    control = run(make_settings(**settings), trained_run.tables, tmp_path)
    floor = run(make_settings(kind="commonest", baseline={"commonest": 0}), trained_run.tables, tmp_path, "floor")
    assert score(control) < score(floor) + 0.1
    assert score(control) < score(trained_run.metrics) - 0.2


def test_a_run_leaves_all_its_files(trained_run):
    folder, metrics = trained_run.folder, trained_run.metrics
    table = read_table(folder / "predictions.parquet", group_predictions_schema(len(NAMES)))
    split = {row["molecule_id"]: row["part"] for row in read_table(trained_run.tables.split, SPLITS).to_pylist()}
    rows = table.to_pylist()
    assert {row["molecule_id"]: row["part"] for row in rows} == {
        name: part for name, part in split.items() if part != "train"
    }
    test = [row for row in rows if row["part"] == "test"]
    probabilities, labels = (np.array([row[name] for row in test]) for name in ("probability", "label"))
    assert float(micro_f1(count_labels(labels, probabilities >= 0.5))) == pytest.approx(score(metrics))
    settings = read_json(folder / "settings.json")
    assert settings["groups"] == NAMES
    assert [NAMES[k] for k in settings["order"]] == ["Carboxylic acid", "Nitrile", "Ketone", "Alcohol"]
    assert settings["molecules"] == {"train": 220, "val": 55, "test": 55}
    assert settings["method"] == "symspectra"
    assert settings["parameters"]["trainable"] > 0
    assert metrics["epochs"] == len(read_history(folder)) == 6
    assert metrics["cost"]["peak_memory_gb"] > 0
    assert "tuned/groups/micro_f1" in metrics["parts"]["test"]
    assert not list((folder.parent / "checkpoints").glob("*")), "a finished run leaves no checkpoint"


def test_the_saved_model_predicts_what_the_run_predicted(trained_run):
    fitted = load_model(trained_run.folder / "model.safetensors")
    assert fitted.settings == trained_run.settings
    data = read_data(trained_run.settings, trained_run.tables)
    labels, probabilities = fitted.predict(data.store, data.parts["test"])
    rows = read_table(trained_run.folder / "predictions.parquet", group_predictions_schema(len(NAMES))).to_pylist()
    test = [row for row in rows if row["part"] == "test"]
    np.testing.assert_allclose(probabilities, [row["probability"] for row in test], atol=1e-6)
    assert np.array_equal(labels, [row["label"] for row in test])


def test_equal_seeds_give_equal_numbers(tables, tmp_path):
    one, again = (run(make_settings(), tables, tmp_path, name) for name in ("one", "again"))
    assert one["parts"] == again["parts"]
    other = run(make_settings(training={"seed": 1}), tables, tmp_path, "other")
    assert other["parts"] != one["parts"]


@pytest.mark.parametrize("epochs_before", [1, 2])
def test_a_killed_run_ends_as_an_undisturbed_one(tables, tmp_path, monkeypatch, epochs_before):
    settings = make_settings(
        training={"epochs": 3}, augmentation={"kind": "vertical"}, network={"attention": False, "dropout": 0.3}
    )
    expected = run(settings, tables, tmp_path, "whole")
    validate, seen = GroupTask.validate, []

    def killed(task, model):
        seen.append(model)
        if len(seen) > epochs_before:
            raise KeyboardInterrupt
        return validate(task, model)

    monkeypatch.setattr(GroupTask, "validate", killed)
    with pytest.raises(KeyboardInterrupt):
        run(settings, tables, tmp_path, "killed")
    assert list((tmp_path / "checkpoints").iterdir()), "a checkpoint is left"
    shutil.rmtree(tmp_path / "killed")  # as Snakemake does with the outputs of a failed job
    monkeypatch.setattr(GroupTask, "validate", validate)
    found = run(settings, tables, tmp_path, "killed")
    assert found["parts"] == expected["parts"]
    assert found["best_epoch"] == expected["best_epoch"]
    whole, resumed = (read_history(tmp_path / name) for name in ("whole", "killed"))
    assert without_times(whole) == without_times(resumed)
    assert found["cost"]["seconds"] == pytest.approx(sum(record["seconds"] for record in resumed))
    assert not list((tmp_path / "checkpoints").iterdir())


def test_a_checkpoint_of_other_settings_is_not_gone_on_from(tables, tmp_path, monkeypatch):
    validate = GroupTask.validate
    monkeypatch.setattr(GroupTask, "validate", lambda task, model: validate(task, model) and 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run(make_settings(kind="cnn"), tables, tmp_path, "killed")
    monkeypatch.setattr(GroupTask, "validate", validate)
    monkeypatch.setattr(GroupTask, "loss", lambda task, model, batch: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run(make_settings(kind="cnn", training={"seed": 1}), tables, tmp_path, "other")


@pytest.mark.parametrize("kind", get_args(Kind))
def test_every_kind_of_model_trains(kind, tables, tmp_path):
    metrics = run(make_settings(kind=kind, training={"epochs": 1}), tables, tmp_path)
    assert 0 <= score(metrics) <= 1
    fitted = load_model(tmp_path / "run" / "model.safetensors")
    assert fitted.settings.kind == kind
    data = read_data(fitted.settings, tables)
    _, probabilities = fitted.predict(data.store, data.parts["test"])
    rows = read_table(tmp_path / "run" / "predictions.parquet", group_predictions_schema(len(NAMES))).to_pylist()
    np.testing.assert_allclose(probabilities, [row["probability"] for row in rows if row["part"] == "test"], atol=1e-5)
    assert len(read_history(tmp_path / "run")) == (0 if kind in ("xgboost", "commonest") else 1)


@pytest.mark.parametrize(
    "difference",
    [
        {"imbalance": {"strategy": "mlsmote"}},
        {"imbalance": {"strategy": "inverse_frequency"}},
        {"imbalance": {"strategy": "focal"}},
        {"augmentation": {"kind": "horizontal"}},
        {"augmentation": {"kind": "combination"}},
        {"subsample": {"group": "Nitrile", "kept": 0.25}},
        {"missing": "keep"},
        {"modalities": ["13C"]},
        {"network": {"decoder": "transformer"}},
        {"network": {"gate": "off"}, "objective": {"beta": 0.0}},
        {"objective": {"bound": "conditional_kl", "conditional_tokens": "masked_pass"}},
        {"training": {"precision": "bf16-mixed"}},
    ],
    ids=str,
)
def test_every_experiment_runs(difference, tables, tmp_path):
    settings = make_settings(training={"epochs": 1, **difference.pop("training", {})}, **difference)
    assert 0 <= score(run(settings, tables, tmp_path)) <= 1
    (record,) = read_history(tmp_path / "run")
    assert all(np.isfinite(value) for value in record.values())


def test_parts_are_molecules_with_all_required_spectra(tables):
    """Of 80, 20 and 20 molecules, 0 and 3 in train, 10 in val and 5 in test lack a spectrum."""
    counts = {part: len(rows) for part, rows in read_data(make_settings(), tables).parts.items()}
    assert counts == {"train": 78, "val": 19, "test": 19}
    kept = read_data(make_settings(missing="keep"), tables)
    assert {part: len(rows) for part, rows in kept.parts.items()} == {"train": 80, "val": 19, "test": 19}
    assert not kept.store.present[kept.parts["train"]].all()
    single = read_data(make_settings(modalities=["13C"]), tables)
    assert {part: len(rows) for part, rows in single.parts.items()} == {"train": 79, "val": 20, "test": 20}
    equal = read_data(make_settings(modalities=["13C"], required=["IR", "13C"]), tables)
    assert {part: len(rows) for part, rows in equal.parts.items()} == counts


def test_fewer_positives_and_synthetic_samples_change_the_training_part_alone(tables):
    plain = read_data(make_settings(), tables)
    positives = int(plain.store.labels[plain.parts["train"], 3].sum())
    fewer = read_data(make_settings(subsample={"group": "Nitrile", "kept": 0.0}), tables)
    assert len(fewer.parts["train"]) == 78 - positives
    assert not fewer.store.labels[fewer.parts["train"], 3].any()
    more = read_data(make_settings(imbalance={"strategy": "mlsmote"}), tables)
    assert 0 < len(more.parts["train"]) - 78 <= 0.25 * 78
    assert all(more.store.molecule_ids[row].startswith("synthetic:") for row in more.parts["train"][78:])
    for data in (fewer, more):
        for part in ("val", "test"):
            assert data.parts[part].tolist() == plain.parts[part].tolist()


def test_order_and_rates_come_from_the_training_part(tables):
    settings = make_settings(network={"order": "frequency"})
    data = read_data(settings, tables)
    context = make_context(settings, data)
    rates = data.store.labels[data.parts["train"]].mean(0)
    assert context.base_rates == pytest.approx(rates.tolist())
    assert context.order == sorted(range(4), key=lambda k: -float(rates[k]))


@pytest.mark.parametrize("kind", ["transformer", "multimodal_transformer"])
def test_models_of_text_need_peaks(kind, tables, tmp_path):
    with pytest.raises(InputError, match=f"the {kind} reads peak lists: give the peaks table"):
        run(make_settings(kind=kind), replace(tables, peaks=None), tmp_path)


def test_an_empty_part_or_an_unknown_group_is_an_error(tables, tmp_path):
    rows = read_table(tables.split, SPLITS).to_pydict()
    split = tmp_path / "split.parquet"
    write_table(split, SPLITS, {**rows, "part": ["train" if part == "val" else part for part in rows["part"]]})
    with pytest.raises(InputError, match="no molecules with all required spectra in val"):
        run(make_settings(), replace(tables, split=split), tmp_path)
    with pytest.raises(InputError, match="no functional group 'Amine'; known: Alcohol"):
        run(make_settings(subsample={"group": "Amine"}), tables, tmp_path)
