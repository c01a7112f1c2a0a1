import json
import math

import numpy as np
import pytest
from scipy import stats

from spectraflow.errors import InputError
from spectraflow.evaluation.paired_scores import DrawnScore
from spectraflow.methods.mmfrl.comparisons import (
    bootstrap_difference,
    compare_runs,
    corrected_resampled_t,
    summary,
)
from spectraflow.tables import PROPERTY_PREDICTIONS, write_table


def write_run(folder, task, value, *, protocol="scaffold_balanced", split_seed=0, kind="regression", predicted=None):
    """A finished run as far as a comparison reads it: eight test molecules whose measured values are 0 and 1."""
    folder.mkdir(parents=True)
    settings = {"task": task, "cleaning": "paper", "protocol": protocol, "split_seed": split_seed}
    described = {"settings": settings, "molecules": {"train": 64, "val": 8, "test": 8}, "kind": kind}
    (folder / "settings.json").write_text(json.dumps(described))
    name = "property/rmse" if kind == "regression" else "property/auc"
    (folder / "metrics.json").write_text(json.dumps({"parts": {"test": {name: {"value": value}}}}))
    if predicted is not None:
        rows = {
            "molecule_id": [f"m{i}" for i in range(8)],
            "part": ["test"] * 8,
            "measured": [[i % 2] for i in range(8)],
        }
        write_table(
            folder / "predictions.parquet", PROPERTY_PREDICTIONS, {**rows, "predicted": [[p] for p in predicted]}
        )
    return folder


def runs(folder, task, values, **more):
    return [write_run(folder / f"{task}-{i}", task, v, split_seed=i, **more) for i, v in enumerate(values)]


def test_corrected_t_widens_the_plain_test():
    gains = np.array([0.02, 0.01, 0.03, -0.01, 0.02, 0.015, 0.0, 0.025, 0.01, 0.02])
    found = corrected_resampled_t(gains, 0.125)
    statistic = gains.mean() / math.sqrt(gains.var(ddof=1) * (0.1 + 0.125))
    assert found.p == pytest.approx(2 * stats.t.sf(statistic, 9))
    assert found.p > stats.ttest_1samp(gains, 0).pvalue
    assert found.gain == pytest.approx(gains.mean())
    assert found.low < found.gain < found.high
    plain = corrected_resampled_t(gains, 0.0)
    assert plain.p == pytest.approx(stats.ttest_1samp(gains, 0).pvalue)
    interval = stats.ttest_1samp(gains, 0).confidence_interval(0.95)
    assert (plain.low, plain.high) == pytest.approx((interval.low, interval.high))


def test_few_or_equal_splits():
    single = corrected_resampled_t([0.1], 0.125)
    assert single.gain == 0.1
    assert math.isnan(single.p)
    assert corrected_resampled_t([0.0, 0.0, 0.0], 0.125).p == 1
    assert corrected_resampled_t([0.1, 0.1, 0.1], 0.125).p == 0


def test_bootstrap_gain_is_positive_where_the_one_is_better():
    draws = np.random.default_rng(0).normal(0, 0.01, 2000)
    one, other = DrawnScore(0.8, 0.8 + draws, 50), DrawnScore(0.7, 0.7 - draws, 50)
    better = bootstrap_difference(one, other, higher_is_better=True)
    assert better.gain == pytest.approx(0.1)
    assert better.p < 0.01
    assert bootstrap_difference(one, other, higher_is_better=False).gain == pytest.approx(-0.1)
    same = bootstrap_difference(one, one, higher_is_better=True)
    assert same.p == 1


def test_splits_are_paired_and_errors_turned(tmp_path):
    one = runs(tmp_path / "one", "esol", [0.9, 1.0, 1.1, 0.8]) + runs(tmp_path / "one", "lipo", [0.7])
    other = runs(tmp_path / "other", "esol", [1.0, 1.1, 1.05, 0.9, 5.0]) + runs(tmp_path / "other", "bace", [0.7])
    (found,), skipped = compare_runs(one, other)
    assert (found.task, found.score) == ("esol", "rmse")
    assert found.one == pytest.approx(0.95)
    assert found.other == pytest.approx(1.0125), "the fifth split has no partner"
    assert found.difference.gain == pytest.approx(0.0625)
    assert (found.wins, found.ties, found.losses) == (3, 0, 1)
    assert [point.split_seed for point in found.points] == [0, 1, 2, 3]
    assert found.p_holm == found.difference.p
    assert skipped == [f"{task}/paper/scaffold_balanced: runs of one model alone" for task in ("bace", "lipo")]


def test_verdicts_follow_holm_within_a_protocol(tmp_path):
    generator = np.random.default_rng(0)
    one, other = [], []
    for task, gap in {"bbbp": 0.2, "bace": 0.0, "tox21": -0.2}.items():
        base = 0.7 + generator.normal(0, 0.01, 10)
        one += runs(tmp_path / "one", task, base + gap + generator.normal(0, 0.01, 10), kind="classification")
        other += runs(tmp_path / "other", task, base, kind="classification")
    found, _ = compare_runs(one, other)
    assert {one.task: one.verdict for one in found} == {"bbbp": "win", "bace": "tie", "tox21": "loss"}
    assert summary(found) == {"scaffold_balanced/paper": {"win": 1, "tie": 1, "loss": 1}}
    smallest = min(found, key=lambda one: one.difference.p)
    assert smallest.p_holm == pytest.approx(3 * smallest.difference.p)
    assert all(one.as_dict()["verdict"] == one.verdict for one in found)


def test_a_single_split_is_compared_over_its_molecules_and_seeds(tmp_path):
    good, bad = [0.1, 0.9] * 4, [0.4, 0.6, 0.6, 0.4] * 2
    more = {"protocol": "scaffold_deterministic"}
    one = [write_run(tmp_path / f"one-{i}", "esol", 0.1, predicted=good, **more) for i in range(2)]
    other = [write_run(tmp_path / "other", "esol", 0.5, predicted=bad, split_seed=3, **more)]
    (found,), _ = compare_runs(one, other, draws=500)
    assert found.difference.gain > 0
    assert found.difference.low > 0
    assert found.difference.p < 0.05
    assert found.as_dict()["difference"]["wilcoxon_p"] is None


def test_undefined_scores_and_other_molecules(tmp_path):
    one, other = (runs(tmp_path / name, "muv", [None], kind="classification") for name in ("one", "other"))
    assert compare_runs(one, other) == ([], ["muv/paper/scaffold_balanced: no split on which both scores are defined"])
    more = {"protocol": "scaffold_deterministic", "predicted": [0.5] * 8}
    first, second = (write_run(tmp_path / f"b-{i}", "esol", 0.5, **more) for i in range(2))
    rows = {"molecule_id": ["x"], "part": ["test"], "measured": [[1.0]], "predicted": [[1.0]]}
    write_table(second / "predictions.parquet", PROPERTY_PREDICTIONS, rows)
    with pytest.raises(InputError, match="tested on other molecules than"):
        compare_runs([first], [second])
    with pytest.raises(InputError, match=r"not a finished run|not a run folder"):
        compare_runs([tmp_path], [first])
