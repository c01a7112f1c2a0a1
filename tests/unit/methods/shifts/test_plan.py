import json
from types import SimpleNamespace

import pytest

from spectraflow.config import Config
from spectraflow.errors import ConfigError
from spectraflow.methods.shifts.plan import ShiftsPlan
from spectraflow.methods.shifts.settings import ShiftsRun
from spectraflow.settings import check

LOOKUP = {"label": "lookup", "model": {"kind": "environment_lookup"}}


def plan_of(*runs, data_version="1", base=None, external_queries=1000, **values) -> ShiftsPlan:
    shifts = {"base": base or {}, "runs": list(runs), "external_queries": external_queries}
    return ShiftsPlan(check(Config, {"shifts": shifts, **values}), data_version)


def only_id(plan: ShiftsPlan) -> str:
    (run,) = plan.jobs
    return run


def wildcards(plan: ShiftsPlan) -> SimpleNamespace:
    return SimpleNamespace(run=only_id(plan))


def test_a_label_or_the_name_of_a_split_changes_no_id():
    settings = {"kind": "random", "folds": 4}
    one = plan_of({"label": "a", "split": "x"}, splits={"x": settings, "random": settings})
    two = plan_of({"label": "b", "split": "y"}, splits={"y": settings, "random": settings})
    assert only_id(one) == only_id(two)


@pytest.mark.parametrize(
    "values", [{"name": "elsewhere"}, {"mirror": "/somewhere"}, {"processes": 1}, {"tracking": {"enabled": False}}]
)
def test_place_and_logging_change_no_id(values):
    assert only_id(plan_of({}, **values)) == only_id(plan_of({}))


@pytest.mark.parametrize(
    "difference",
    [
        {"molecules": "all_assigned"},
        {"computed_spectra": True},
        {"fold": 1},
        {"records": "train"},
        {"proton_weight": 0.0},
        {"model": {"kind": "environment_lookup"}},
        {"model": {"layers": 2}},
        {"model": {"dim": 64}},
        {"model": {"dropout": 0.5}},
        {"model": {"radius": 2}},
        {"training": {"epochs": 3}},
        {"training": {"learning_rate": 0.1}},
        {"training": {"seed": 1}},
    ],
)
def test_what_a_model_learns_from_and_how_changes_its_id(difference):
    assert only_id(plan_of(difference)) != only_id(plan_of({}))
    assert only_id(plan_of(difference)) == only_id(plan_of({}, base=difference)), "base or run: the same settings"


@pytest.mark.parametrize(
    "values",
    [{"data_version": "2"}, {"external_queries": 10}, {"splits": {"random": {"kind": "random", "seed": 7}}}],
)
def test_data_split_and_held_out_queries_change_the_id(values):
    assert only_id(plan_of({}, **values)) != only_id(plan_of({}))


def test_a_run_listed_twice_is_refused_by_both_labels():
    with pytest.raises(ConfigError, match="'first' and 'second' are the same run"):
        plan_of({"label": "first"}, LOOKUP, {"label": "second"})


def test_steps_get_the_settings_without_the_label():
    plan = plan_of({"label": "secret", "fold": 2, "model": {"layers": 3}})
    text = plan.run_settings(wildcards(plan))
    assert "secret" not in text
    assert plan.label(wildcards(plan)) == "secret"
    run = ShiftsRun.model_validate(json.loads(text))
    assert (run.fold, run.model.layers) == (2, 3)
    assert text == json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"))


def test_paths_of_a_run_follow_its_molecules_split_and_fold():
    plan = plan_of({"molecules": "all_assigned", "computed_spectra": True, "fold": 3})
    assert plan.of_run("{selection}/{split}-fold{fold}/{run}")(wildcards(plan)) == (
        f"all_assigned-computed/random-fold3/{only_id(plan)}"
    )
    assert plan_of({}).each_run("{selection}") == ["published_ids"]


def test_paths_that_runs_share_are_asked_for_once_in_the_order_of_the_configuration():
    plan = plan_of({"fold": 1}, LOOKUP, {"fold": 1, "model": {"layers": 2}})
    assert plan.each_run("{selection}-{fold}") == ["published_ids-1", "published_ids-0"]
    assert plan.each_run("{run}") == list(plan.jobs)


def test_only_models_of_the_published_list_have_external_queries():
    plan = plan_of({}, {"molecules": "all_assigned"}, LOOKUP)
    listed, _, lookup = plan.jobs
    assert plan.each_external_run("{run}") == [listed, lookup]
    assert plan.each_selection("{selection}") == ["published_ids", "all_assigned"]


def test_without_a_shift_model_nothing_is_counted():
    assert plan_of().counts == []
    assert len(plan_of({}).counts) == 2
