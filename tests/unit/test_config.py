import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from spectraflow.config import Config, DemoSettings, load_config
from spectraflow.errors import ConfigError
from spectraflow.methods.km3aid.settings import Km3aidRun
from spectraflow.settings import TrainingSettings, check, hashed_settings, load_settings, merge

trees = st.recursive(
    st.integers(), lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3), max_leaves=8
)
mappings = st.dictionaries(st.sampled_from("abc"), trees, max_size=3)


@given(mappings, mappings)
def test_merge_keeps_both_arguments_and_is_idempotent(base, difference):
    before = json.dumps([base, difference])
    merged = merge(base, difference)
    assert json.dumps([base, difference]) == before
    assert merge(merged, difference) == merged
    assert merge(base, {}) == base
    assert merge({}, difference) == difference


def test_merge_replaces_lists_and_scalars_but_merges_mappings():
    assert merge({"a": {"x": 1, "y": [1]}, "b": 2}, {"a": {"y": [2]}, "b": {"c": 3}}) == {
        "a": {"x": 1, "y": [2]},
        "b": {"c": 3},
    }


def test_defaults_are_valid():
    config = check(Config, {})
    assert config.data == "demo"
    assert config.km3aid.runs == [Km3aidRun()]


def test_runs_start_from_base():
    config = check(
        Config,
        {"km3aid": {"base": {"model": {"dim": 64}}, "runs": [{"label": "a"}, {"model": {"layers": 3}}]}},
    )
    assert [(run.model.dim, run.model.layers) for run in config.km3aid.runs] == [(64, 5), (64, 3)]


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({"unknown": 1}, "unknown: unknown key"),
        ({"name": "a/b"}, "name"),
        ({"demo": {"molecules": "many"}}, "demo.molecules"),
        ({"km3aid": {"runs": "all"}}, "km3aid.runs"),
        ({"km3aid": {"runs": [{}, {"model": {"dim": 1}}]}}, "km3aid.runs.1.model.dim"),
        ({"km3aid": {"base": 3}}, "km3aid.base"),
        ({"km3aid": {"runs": [{"split": "nowhere"}]}}, "'nowhere', which is not in splits"),
        ({"km3aid": {"runs": [{"fold": 5}]}}, "fold 5 of 5"),
        ({"km3aid": {"runs": [{"spectrum_encoder": {"mode": "external"}}]}}, "weights must be given"),
        ({"km3aid": {"runs": [{"spectrum_encoder": {"weights": "x"}}]}}, "weights must be given"),
        ({"pathvars": {"elsewhere": "x"}}, "pathvars.elsewhere"),
        ({"matchnet": {"runs": [{"split": "nowhere"}]}}, "matchnet run 'SpecMol-MatchNet' names the split 'nowhere'"),
        ({"matchnet": {"runs": [{"split": "random", "fold": 5}]}}, "fold 5 of 5 of the split 'random'"),
        ({"matchnet": {"runs": [{"split": "random"}], "folds": [0, 9]}}, "fold 9 of 5"),
        (
            {"matchnet": {"grids": [{"label": "g", "vary": {"split": ["random", "nowhere"]}}]}},
            "matchnet grid 'g' names the split 'nowhere'",
        ),
        (
            {"splits": {"random": {}, "p": {"kind": "published_folds"}}, "matchnet": {"runs": [{"split": "p"}]}},
            "names the split 'p' of published folds",
        ),
        ({"matchnet": {"runs": [{"split": "listed"}]}}, "only matcs has a listed split"),
        ({"matchnet": {"runs": [{"dataset": "matcs"}]}}, "'tenths', which is not in splits"),
        ({"sources": {"matcs": {"file": "x"}}}, "sources.matcs.file: unknown key"),
    ],
)
def test_faults_name_their_key(values, key):
    with pytest.raises(ConfigError, match="faulty setting") as caught:
        check(Config, values)
    assert key in str(caught.value)


def test_the_listed_split_is_not_in_splits():
    config = check(Config, {"matchnet": {"runs": [{"dataset": "matcs", "split": "listed"}]}})
    assert [run.split for run in config.matchnet.runs] == ["listed"]
    assert "listed" not in config.splits


def test_a_base_that_no_run_starts_from_needs_no_split():
    assert check(Config, {"matchnet": {"base": {"split": "nowhere"}}}).matchnet.runs == []


def test_all_faults_are_listed_at_once():
    with pytest.raises(ConfigError, match="3 faulty"):
        check(Config, {"demo": {"molecules": 1, "seed": "x"}, "nmae": 1})


def test_fault_of_base_is_not_repeated_for_every_run():
    runs = [{}, {"fold": 1}, {"model": {"layers": 0}}]
    with pytest.raises(ConfigError, match="2 faulty") as caught:
        check(Config, {"km3aid": {"base": {"model": {"dim": 1}}, "runs": runs}})
    assert str(caught.value).count("model.dim") == 1
    assert "km3aid.runs.2.model.layers" in str(caught.value)


def test_settings_cannot_change():
    with pytest.raises(ValidationError):
        check(Config, {}).name = "other"


def test_later_files_lie_over_earlier_ones(tmp_path):
    (tmp_path / "a.yaml").write_text("name: a\ndemo: {molecules: 100, seed: 3}\n")
    (tmp_path / "b.yaml").write_text("demo: {molecules: 200}\n")
    (tmp_path / "empty.yaml").write_text("")
    config = load_config(tmp_path / "a.yaml", tmp_path / "b.yaml", tmp_path / "empty.yaml")
    assert (config.name, config.demo.molecules, config.demo.seed) == ("a", 200, 3)


@pytest.mark.parametrize("text", ["[1, 2]", "a: [", "- x"])
def test_unusable_files_are_named(tmp_path, text):
    (tmp_path / "bad.yaml").write_text(text)
    with pytest.raises(ConfigError, match=r"bad\.yaml"):
        load_config(tmp_path / "bad.yaml")


def test_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"absent\.yaml"):
        load_config(tmp_path / "absent.yaml")


def test_settings_come_inline_or_from_a_file(tmp_path):
    (tmp_path / "s.json").write_text('{"molecules": 60}')
    assert load_settings(DemoSettings, '{"molecules": 60}') == load_settings(DemoSettings, str(tmp_path / "s.json"))


def test_settings_that_are_not_json_are_refused():
    with pytest.raises(ConfigError, match="not JSON"):
        load_settings(DemoSettings, "{molecules: 60}")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"schedule": "milestones"}, "needs milestones"),
        ({"milestones": [5, 5]}, "must ascend"),
        ({"milestones": [0]}, "milestones.0"),
    ],
)
def test_unsound_milestones_are_refused(values, message):
    with pytest.raises(ConfigError, match=message):
        check(TrainingSettings, values)


def test_only_the_keys_of_the_schedule_in_use_enter_run_ids():
    def keys(**values):
        return hashed_settings({"training": TrainingSettings(**values).model_dump()})["training"].keys()

    assert not {"milestones", "warmup_steps"} & keys()
    assert {"milestones", "warmup_steps"} & keys(schedule="milestones", milestones=[3]) == {"milestones"}
    assert {"milestones", "warmup_steps"} & keys(schedule="inverse_root") == {"warmup_steps"}
    assert hashed_settings({"milestones": 3}) == {"milestones": 3}
