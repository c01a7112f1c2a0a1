import numpy as np
import pytest

from spectraflow.errors import InputError
from spectraflow.reporting.experiments import group_runs
from spectraflow.reporting.groups.predictions import read_predicted
from spectraflow.reporting.runs import load_run


@pytest.fixture
def predicted(make_group_run):
    def read(*values):
        runs = [load_run(make_group_run(f"run{n}", *one[:1], **one[1])) for n, one in enumerate(values)]
        (experiment,) = group_runs(runs)
        return read_predicted(experiment)

    return read


def test_seeds_are_stacked_and_folds_put_together(predicted):
    one = predicted(*(({"fold": fold, "training": {"seed": seed}}, {}) for fold in (0, 1) for seed in (0, 1, 2)))
    assert one.predictions.shape == (3, 120, 8)
    assert one.labels.shape == (120, 8)
    assert len(one.molecules) == 120
    assert not np.array_equal(one.predictions[0], one.predictions[1])


def test_the_least_repeated_fold_decides(predicted):
    one = predicted(({"fold": 0}, {}), ({"fold": 0, "training": {"seed": 1}}, {}), ({"fold": 1}, {}))
    assert one.predictions.shape[0] == 1


def test_scores_agree_with_metrics(predicted, make_group_run):
    one = predicted(({}, {}))
    run = load_run(make_group_run("again"))
    assert one.scores["groups/micro_f1"].value == pytest.approx(run.measured["groups/micro_f1"].value)
    assert one.scores["groups/tier/high/f1"].value == pytest.approx(run.measured["groups/tier/high/f1"].value)


def test_seeds_of_a_fold_must_share_their_molecules(predicted):
    with pytest.raises(InputError, match="different molecules"):
        predicted(({}, {}), ({"training": {"seed": 1}}, {"molecules": 50}))


def test_missing_predictions_are_none(make_group_run):
    folder = make_group_run("a")
    (folder / "predictions.parquet").unlink()
    (experiment,) = group_runs([load_run(folder)])
    assert read_predicted(experiment) is None
