import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from spectraflow.errors import InputError
from spectraflow.methods.mmfrl.property_store import PropertyStore, Scale
from spectraflow.tables import PROPERTIES, SPLITS, read_table, write_table
from tests.unit.methods.mmfrl.small_tasks import NAMES, SMILES, class_targets, number_targets, write_task


@pytest.fixture(scope="module")
def classes(tmp_path_factory):
    return write_task(tmp_path_factory.mktemp("classes"), class_targets(), NAMES, "classification")


@pytest.fixture(scope="module")
def numbers(tmp_path_factory):
    return write_task(tmp_path_factory.mktemp("numbers"), number_targets(), ["size"], "regression")


def test_labels_keep_their_gaps(classes):
    store = PropertyStore.read(classes)
    np.testing.assert_array_equal(store.targets.numpy(), class_targets())
    assert store.names == NAMES
    assert store.smiles == SMILES
    assert sorted(torch.cat(list(store.parts.values())).tolist()) == list(range(len(store)))
    np.testing.assert_array_equal(store.measured("val"), class_targets()[store.parts["val"]])
    assert torch.equal(store.scale.apply(store.targets).isnan(), store.targets.isnan())


def test_numbers_are_standardised_by_the_training_part(numbers):
    store = PropertyStore.read(numbers)
    training = number_targets()[store.parts["train"]]
    assert float(store.scale.mean) == pytest.approx(training.mean(), rel=1e-5)
    assert float(store.scale.sd) == pytest.approx(training.std(), rel=1e-5)
    assert training.mean() != pytest.approx(number_targets().mean(), rel=1e-4)
    torch.testing.assert_close(store.scale.invert(store.scale.apply(store.targets)), store.targets)


def test_scale_ignores_gaps_and_survives_constant_and_empty_targets():
    nan = torch.nan
    values = torch.tensor([[1.0, 5.0, nan], [nan, 5.0, nan], [3.0, 5.0, nan]])
    scale = Scale.of(values, "regression")
    assert scale.mean.tolist() == [2, 5, 0]
    assert scale.sd.tolist() == [1, 1, 1]
    assert Scale.of(values, "classification").mean.tolist() == [0, 0, 0]


def test_fewer_training_molecules_are_drawn_by_the_seed(numbers):
    whole = PropertyStore.read(numbers)
    one, again, other = (PropertyStore.read(numbers, molecules=20, seed=seed) for seed in (0, 0, 1))
    assert len(one.parts["train"]) == 20
    assert set(one.parts["train"].tolist()) < set(whole.parts["train"].tolist())
    assert one.parts["train"].tolist() == again.parts["train"].tolist() != other.parts["train"].tolist()
    assert one.parts["test"].tolist() == whole.parts["test"].tolist()
    assert float(one.scale.mean) == pytest.approx(number_targets()[one.parts["train"]].mean(), rel=1e-5)


def changed(tables, tmp_path, **columns):
    path = tmp_path / "changed.parquet"
    write_table(path, PROPERTIES, {**read_table(tables.properties, PROPERTIES).to_pydict(), **columns})
    return replace(tables, properties=path)


@pytest.mark.parametrize(
    ("place", "values", "message"),
    [
        (3, [1.0, 0.0], "moleculenet_esol:3 has 2 targets, the task has 3"),
        (5, [1.0, float("inf"), None], "moleculenet_esol:5 has a value that is not finite"),
        (7, [None, None, float("nan")], "moleculenet_esol:7 has a value that is not finite"),
        (9, [2.0, None, 0.0], "moleculenet_esol:9 has a label that is neither 0 nor 1"),
        (2, None, "moleculenet_esol:2 has 0 targets, the task has 3"),
    ],
)
def test_unsound_targets_are_named(classes, tmp_path, place, values, message):
    targets = read_table(classes.properties, PROPERTIES)["targets"].to_pylist()
    targets[place] = values
    with pytest.raises(InputError, match=message):
        PropertyStore.read(changed(classes, tmp_path, targets=targets))


def test_a_split_of_other_molecules_or_without_a_part_is_an_error(classes, tmp_path):
    rows, path = read_table(classes.split, SPLITS).to_pydict(), tmp_path / "split.parquet"
    write_table(path, SPLITS, {**rows, "part": ["train" if part == "val" else part for part in rows["part"]]})
    with pytest.raises(InputError, match="no molecules in val"):
        PropertyStore.read(replace(classes, split=path))
    write_table(path, SPLITS, {**rows, "molecule_id": [name.replace("esol", "bbbp") for name in rows["molecule_id"]]})
    with pytest.raises(InputError, match="moleculenet_bbbp:0 and 241 more molecules are not in"):
        PropertyStore.read(replace(classes, split=path))


@pytest.mark.parametrize(
    "value", [{}, {"kind": "ranking", "targets": ["a"]}, {"kind": "regression", "targets": []}, []]
)
def test_other_json_is_no_counts_file(classes, tmp_path, value):
    path = tmp_path / "counts.json"
    with pytest.raises(InputError, match="no such file"):
        PropertyStore.read(replace(classes, counts=path))
    path.write_text(json.dumps(value))
    with pytest.raises(InputError, match=r"counts\.json"):
        PropertyStore.read(replace(classes, counts=path))
