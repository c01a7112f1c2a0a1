import pytest

from spectraflow.errors import ConfigError
from spectraflow.methods.shifts.settings import ShiftsRun, ShiftsSection
from spectraflow.settings import check


def section(**values) -> ShiftsSection:
    return check(ShiftsSection, values)


def test_a_run_takes_from_the_base_what_it_does_not_say():
    one, two = section(
        base={"fold": 2, "model": {"layers": 3, "dim": 64}, "training": {"epochs": 7}},
        runs=[{"label": "wide", "model": {"dim": 128}}, {"training": {"seed": 5}}],
    ).runs
    assert (one.label, one.fold, one.model.layers, one.model.dim, one.training.epochs) == ("wide", 2, 3, 128, 7)
    assert (two.fold, two.model.layers, two.model.dim, two.training.epochs, two.training.seed) == (2, 3, 64, 7, 5)


def test_an_empty_run_is_the_base():
    found = section(base={"proton_weight": 0.5}, runs=[{}])
    assert found.runs == [found.base]
    assert found.runs[0].proton_weight == 0.5


def test_no_run_is_trained_unless_one_is_listed():
    assert section(base={"fold": 1}).runs == []


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"runs": [{"layers": 3}]}, "layers"),
        ({"runs": [{"model": {"kind": "oracle"}}]}, "kind"),
        ({"base": {"fold": -1}}, "fold"),
        ({"base": {"model": {"layers": 0}}}, "layers"),
        ({"runs": ["network"]}, "runs.0"),
        ({"runs": 3}, "runs"),
        ({"base": "network", "runs": [{}]}, "base"),
        ({"external_queries": 0}, "external_queries"),
    ],
)
def test_faults_name_their_key(values, named):
    with pytest.raises(ConfigError, match=named):
        section(**values)


def test_a_written_run_is_read_back_as_it_was():
    run = section(base={"fold": 3, "model": {"kind": "environment_lookup"}}, runs=[{"label": "x"}]).runs[0]
    assert ShiftsRun.model_validate(run.model_dump(mode="json")) == run
