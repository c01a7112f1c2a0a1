import pytest

from spectraflow.reporting.labels import metric_name
from spectraflow.reporting.property_labels import number, signed, task_name, task_place


def test_tasks_are_printed_and_sorted_as_in_the_paper():
    assert [task_name("freesolv"), task_name("unknown")] == ["FreeSolv", "unknown"]
    assert sorted(["lipo", "other", "bbbp", "esol"], key=task_place) == ["bbbp", "esol", "lipo", "other"]


@pytest.mark.parametrize(
    ("value", "score", "text", "difference"),
    [(0.9234, "auc", "92.3", "+92.3"), (1.0504, "rmse", "1.050", "+1.050"), (-0.0001, "auc", "-0.0", "+0.0")],
)
def test_scores_in_their_units(value, score, text, difference):
    assert (number(value, score), signed(value, score)) == (text, difference)


def test_metrics_in_words():
    assert metric_name("property/auc") == "ROC-AUC"
    assert metric_name("property/target/NR-AR/pr_auc") == "average precision, NR-AR"
