import json
import math

import pytest

from spectraflow.errors import InputError
from spectraflow.reporting.runs import Measured, as_measured, load_run


def test_numbers_of_the_test_part_and_of_retrieval_are_found(make_run):
    run = load_run(make_run("0123456789ab"))
    assert run.run_id == "0123456789ab"
    assert run.measured["atom/published"] == pytest.approx((0.89, 0.88, 0.90, 300))
    assert run.measured["in_batch/chance"] == Measured(1 / 128)
    assert run.measured["retrieval/1000/5"].n == 300
    assert len(run.history) == 30


def test_optional_files_may_be_missing(make_run):
    folder = make_run("a", retrieval=False)
    (folder / "metrics.jsonl").unlink()
    run = load_run(folder)
    assert run.retrieval is None
    assert not run.history
    assert not [name for name in run.measured if name.startswith("retrieval")]


@pytest.mark.parametrize("value", [None, "high", True, math.nan, {"low": 1}, {"value": None, "low": None}])
def test_what_is_no_number_is_not_measured(value):
    assert as_measured(value) is None


def test_values_that_are_null_are_left_out(make_run):
    folder = make_run("a")
    metrics = {"parts": {"test": {"exact/published/>20": {"value": None, "low": None, "high": None, "n": 0}}}}
    (folder / "metrics.json").write_text(json.dumps(metrics))
    assert "exact/published/>20" not in load_run(folder).measured


def test_a_broken_history_names_the_line(make_run):
    folder = make_run("a")
    (folder / "metrics.jsonl").write_text('{"epoch": 0}\n{"epoch":')
    with pytest.raises(InputError, match="line 2"):
        load_run(folder)


def test_matching_models_bring_numbers_of_their_own(make_run):
    folder = make_run("a", retrieval=False)
    info = json.loads((folder / "settings.json").read_text())
    info |= {"method": "matchnet", "parameters": {"trainable": 10, "total": 44_115_669}}
    (folder / "settings.json").write_text(json.dumps(info))
    (folder / "examination.json").write_text(json.dumps({"map": {"silhouette": 0.2}, "cost": {}}))
    measured = load_run(folder).measured
    assert measured["cost/parameters_m"] == Measured(44.116)
    assert measured["map/silhouette"] == Measured(0.2)
    assert "cost/parameters_m" not in load_run(make_run("b")).measured
