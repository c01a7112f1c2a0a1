import pytest

from spectraflow.reporting.experiments import average, group_runs
from spectraflow.reporting.runs import Measured, load_pooled, load_run


def test_folds_and_seeds_are_one_experiment(make_run):
    runs = [
        load_run(make_run("a")),
        load_run(make_run("b", {"fold": 1}, label="other", scale=0.9)),
        load_run(make_run("c", {"objective": {"alpha": 0.5}})),
    ]
    first, second = group_runs([*runs, runs[0]])
    assert [run.run_id for run in first.runs] == ["a", "b"]
    assert [run.run_id for run in second.runs] == ["c"]
    assert first.measure("atom/published").value == pytest.approx(0.89 * 0.95)
    assert second.measure("atom/published").low == pytest.approx(0.88)
    assert second.measure("unknown") is None


def test_pooled_folds_go_before_their_average(make_run, make_pooled):
    runs = [load_run(make_run(name, {"fold": fold}, isomers=True)) for fold, name in enumerate("ab")]
    pooled = load_pooled(make_pooled("a", "b"))
    assert group_runs(runs)[0].measure("isomers/listed/rank1").value == pytest.approx(0.6)
    assert group_runs(runs, [pooled])[0].measure("isomers/listed/rank1").value == pytest.approx(0.95)
    assert group_runs(runs[:1], [pooled])[0].measure("isomers/listed/rank1").value == pytest.approx(0.6)


def test_average_has_the_spread_of_repetitions():
    assert average([]) is None
    assert average([Measured(0.5, 0.4, 0.6, 9)]) == Measured(0.5, 0.4, 0.6, 9)
    mean = average([Measured(0.4), Measured(0.6)])
    assert (mean.value, mean.n) == (pytest.approx(0.5), 2)
    assert mean.high - mean.value == pytest.approx(0.02**0.5)
