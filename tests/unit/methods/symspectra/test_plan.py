import json
from types import SimpleNamespace

import pytest

from spectraflow.config import Config
from spectraflow.errors import ConfigError
from spectraflow.methods.symspectra.plan import SymspectraPlan
from spectraflow.settings import check

BASE = {"split": "random"}
CNN = {"kind": "cnn"}
TEXT = {"kind": "transformer"}


def plan_of(*runs, base=None, vectors=None, section=None, **values) -> SymspectraPlan:
    symspectra = {"base": {**BASE, **(base or {})}, "runs": list(runs), "vectors": vectors or {}, **(section or {})}
    return SymspectraPlan(check(Config, {"symspectra": symspectra, **values}))


def only_id(plan: SymspectraPlan) -> str:
    (run,) = plan.jobs
    return run


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
        {"kind": "cnn"},
        {"dataset": "open_exp"},
        {"modalities": ["IR"]},
        {"modalities": ["13C", "IR", "1H"]},
        {"required": ["IR"]},
        {"missing": "keep"},
        {"fold": 1},
        {"permuted": True},
        {"network": {"decoder": "gru"}},
        {"network": {"order": "random"}},
        {"network": {"order_seed": 1}},
        {"objective": {"beta": 0.0}},
        {"objective": {"truth_decay": 1.0}},
        {"imbalance": {"strategy": "focal"}},
        {"augmentation": {"kind": "vertical"}},
        {"subsample": {"group": "Enol", "kept": 0.5}},
        {"training": {"epochs": 3}},
        {"training": {"seed": 1}},
    ],
    ids=str,
)
def test_science_changes_the_id(difference):
    assert only_id(plan_of(difference)) != only_id(plan_of({}))
    assert only_id(plan_of(difference)) == only_id(plan_of({}, base=difference)), "base or run: the same settings"


@pytest.mark.parametrize(
    ("run", "section"),
    [
        ({}, {"baseline": {"dim": 64}}),
        (CNN, {"network": {"decoder": "gru"}}),
        (CNN, {"objective": {"beta": 0.5}}),
        ({"kind": "xgboost"}, {"network": {"order": "random"}}),
        (TEXT, {"objective": {"beta": 0.5}}),
    ],
)
def test_sections_that_a_kind_does_not_use_change_no_id(run, section):
    assert only_id(plan_of({**run, **section})) == only_id(plan_of(run))


@pytest.mark.parametrize(
    ("run", "section"),
    [
        (CNN, {"baseline": {"filters": [3, 4]}}),
        (TEXT, {"baseline": {"layers": 1}}),
        (TEXT, {"network": {"order": "frequency"}}),
    ],
)
def test_sections_that_it_uses_do(run, section):
    assert only_id(plan_of({**run, **section})) != only_id(plan_of(run))


@pytest.mark.parametrize(
    "values",
    [
        {"vectors": {"mass_sigma": 2.0}},
        {"splits": {"random": {"seed": 1}}},
        {"demo": {"seed": 8}},
        {"data": "published"},
    ],
)
def test_data_splits_and_vectors_change_the_id(values):
    assert only_id(plan_of({}, **values)) != only_id(plan_of({}))


def test_groups_change_the_id(tmp_path, monkeypatch):
    before = only_id(plan_of({}))
    (tmp_path / "groups.csv").write_text("number,name,smarts\n1,Alcohol,[OX2H]\n")
    monkeypatch.setattr("spectraflow.methods.symspectra.plan.GROUPS", tmp_path / "groups.csv")
    assert only_id(plan_of({})) != before


def test_equal_runs_are_refused():
    with pytest.raises(ConfigError, match="'one' and 'two' are the same run"):
        plan_of({"label": "one"}, {"label": "two"})


def test_seeds_and_folds_repeat_every_run_and_cell():
    grid = {"label": "beta", "vary": {"objective.beta": [0.0, 0.1]}}
    plan = plan_of({}, section={"seeds": [0, 1, 2], "folds": [0, 3], "grids": [grid]})
    assert len(plan.jobs) == 3 * 3 * 2
    repeats = {(job.settings["training"]["seed"], job.fold) for job in plan.jobs.values()}
    assert repeats == {(seed, fold) for seed in (0, 1, 2) for fold in (0, 3)}


def test_no_training_is_longer_than_the_section_says():
    plan = plan_of({"training": {"epochs": 2}}, {"training": {"epochs": 9}}, section={"epochs": 5})
    assert [job.settings["training"]["epochs"] for job in plan.jobs.values()] == [2, 5]


def test_a_cell_that_is_a_run_is_trained_once_and_stands_in_every_grid():
    grids = [
        {"label": "Table 5", "vary": {"objective.aux_encoder_grad": [0.0, -1.0]}},
        {"label": "Fig. 11", "vary": {"objective.beta": [1e-6, 1e-3]}},
    ]
    plan = plan_of({"label": "main"}, section={"grids": grids})
    assert len(plan.jobs) == 3
    main = next(iter(plan.jobs.values()))
    assert main.grids == ("Table 5", "Fig. 11")
    assert plan.label(SimpleNamespace(run=main.run)) == ["main", "Table 5", "Fig. 11"]
    assert plan.each_examined_run("{run}") == [main.run], "a run is looked into even if it is a cell as well"


def test_only_symspectra_on_its_own_spectra_is_examined():
    plan = plan_of({}, {"permuted": True}, CNN, section={"grids": [{"label": "g", "vary": {"objective.beta": [0.0]}}]})
    (examined,) = plan.each_examined_run("{run}")
    assert plan.jobs[examined].settings["permuted"] is False
    assert len(plan.each_run("{run}")) == 4


@pytest.mark.parametrize(
    ("run", "reads"),
    [
        ({}, False),
        (CNN, False),
        (TEXT, True),
        ({"kind": "multimodal_transformer"}, True),
        ({"kind": "multimodal_transformer", "baseline": {"text": False}}, False),
    ],
)
def test_only_models_of_text_wait_for_peaks(run, reads):
    plan = plan_of(run)
    wanted = ["<results>/tables/alberts/peaks.parquet"] if reads else []
    assert plan.peaks(SimpleNamespace(run=only_id(plan))) == wanted


def test_what_a_rule_gets():
    plan = plan_of({"label": "a", "fold": 2, "dataset": "open_exp", "modalities": ["MS", "13C"]})
    wildcards = SimpleNamespace(run=only_id(plan))
    assert plan.of_run("{dataset}/{split}-fold{fold}")(wildcards) == "open_exp/random-fold2"
    settings = json.loads(plan.run_settings(wildcards))
    assert "label" not in settings
    assert settings["modalities"] == ["MS", "13C"]
    assert plan.data_version(wildcards) == plan.versions["open_exp"]
    assert plan.all_counts == plan.counts("open_exp")
    assert len(plan.all_counts) == 3


def test_runs_on_sdbs_wait_for_an_export(tmp_path):
    runs = ({}, {"dataset": "sdbs", "modalities": ["MS"]})
    plan = plan_of(*runs, data="published")
    assert (len(plan.jobs), plan.left_out) == (1, 1)
    supplied = plan_of(*runs, data="published", sources={"sdbs": {"folder": str(tmp_path)}})
    assert (len(supplied.jobs), supplied.left_out) == (2, 0)


def test_splits_by_clusters_are_drawn():
    splits = {"random": {}, "far": {"kind": "scaffold_clusters"}}
    plan = plan_of({}, {"split": "far"}, {"split": "far", "training": {"seed": 1}}, splits=splits)
    assert plan.each_cluster_split("{dataset}/{split}-fold{fold}") == ["alberts/far-fold0"]


def test_of_repetitions_one_is_examined():
    plan = plan_of({}, {"network": {"decoder": "gru"}}, section={"seeds": [0, 1, 2], "folds": [0, 1]})
    examined = [plan.jobs[run] for run in plan.each_examined_run("{run}")]
    assert [job.settings["network"]["decoder"] for job in examined] == ["lstm", "gru"]
    assert {(job.settings["training"]["seed"], job.fold) for job in examined} == {(0, 0)}
