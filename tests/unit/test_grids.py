import pytest

from spectraflow.config import Config
from spectraflow.errors import ConfigError
from spectraflow.grids import Grid, nested
from spectraflow.methods.km3aid.settings import Km3aidSection
from spectraflow.settings import check


def planned(**section):
    return list(check(Km3aidSection, section).planned())


def grid(vary, **more):
    return {"label": "some grid", "vary": vary, **more}


def test_dotted_keys_become_nested_mappings():
    assert nested("a.b.c", 1) == {"a": {"b": {"c": 1}}}
    assert nested("a", [1]) == {"a": [1]}


def test_cells_are_all_combinations_over_what_they_share():
    cells = list(Grid(label="g", set={"x": {"y": 0}}, vary={"x.a": [1, 2], "b": [3, 4]}).cells())
    assert cells == [{"x": {"y": 0, "a": a}, "b": b} for a in (1, 2) for b in (3, 4)]


def test_grid_cells_start_from_base_and_follow_the_runs():
    found = planned(
        base={"model": {"dim": 64}},
        runs=[{"label": "own"}],
        grids=[
            grid({"objective.alpha": [0.0, 1.0]}, set={"model": {"layers": 3}}),
            grid({"fold": [1]}, retrieval=True),
        ],
    )
    runs = [one.run for one in found]
    assert [(run.label, run.model.dim, run.model.layers, run.objective.alpha, run.fold) for run in runs] == [
        ("own", 64, 5, 0.2, 0),
        ("some grid", 64, 3, 0.0, 0),
        ("some grid", 64, 3, 1.0, 0),
        ("some grid", 64, 5, 0.2, 1),
    ]
    assert [one.complete for one in found] == [True, False, False, True]
    assert [one.grid for one in found] == [None, "some grid", "some grid", "some grid"]


def test_folds_repeat_runs_and_cells():
    found = planned(folds=[0, 2], grids=[grid({"objective.alpha": [0.0, 1.0]})])
    assert [(one.run.objective.alpha, one.run.fold) for one in found] == [
        (0.2, 0),
        (0.2, 2),
        (0.0, 0),
        (0.0, 2),
        (1.0, 0),
        (1.0, 2),
    ]


def test_epochs_shorten_and_never_lengthen():
    base = {"training": {"epochs": 50}, "spectrum_encoder": {"training": {"epochs": 4}}}
    (one,) = planned(base=base, epochs=7)
    assert (one.run.training.epochs, one.run.spectrum_encoder.training.epochs) == (7, 4)
    (own,) = planned(base=base)
    assert own.run.training.epochs == 50


@pytest.mark.parametrize(
    ("section", "text"),
    [
        ({"grids": [grid({"objective.alfa": [0.1]})]}, "grids.0 'some grid': objective.alfa: unknown key"),
        ({"grids": [grid({"objective.alpha": [0.1, 2]})]}, "grids.0 'some grid': objective.alpha:"),
        ({"grids": [grid({"fold": [0]}, set={"modle": {}})]}, "grids.0 'some grid': modle: unknown key"),
        ({"grids": [grid({"objective.alpha": []})]}, "grids.0.vary: Value error, objective.alpha has no values"),
        ({"grids": [grid({"objective.alpha": [0.1, 0.1]})]}, "objective.alpha has a value twice"),
        ({"grids": [grid({})]}, "grids.0.vary"),
        ({"grids": [{"vary": {"fold": [0]}}]}, "grids.0.label"),
        ({"folds": []}, "folds"),
        ({"folds": [1, 1]}, "named twice"),
        ({"folds": [-1]}, "folds.0"),
        ({"epochs": 0}, "epochs"),
    ],
)
def test_faults_name_grid_and_key(section, text):
    with pytest.raises(ConfigError) as caught:
        check(Km3aidSection, section)
    assert text in str(caught.value)


def test_fault_shared_by_all_cells_is_said_once():
    with pytest.raises(ConfigError) as caught:
        check(Km3aidSection, {"grids": [grid({"objective.alpha": [0.1, 0.2, 0.3]}, set={"modle": {}})]})
    assert str(caught.value).count("modle: unknown key") == 1


@pytest.mark.parametrize(
    ("section", "text"),
    [
        ({"folds": [0, 5]}, "fold 5 of 5 of the split 'random'"),
        ({"grids": [grid({"fold": [7]})]}, "km3aid grid 'some grid' names fold 7"),
        ({"grids": [grid({"split": ["nowhere"]})]}, "km3aid grid 'some grid' names the split 'nowhere'"),
    ],
)
def test_folds_and_splits_of_grids_must_exist(section, text):
    with pytest.raises(ConfigError) as caught:
        check(Config, {"km3aid": section})
    assert text in str(caught.value)
