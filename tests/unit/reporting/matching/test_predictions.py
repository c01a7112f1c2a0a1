import pytest

from spectraflow.errors import InputError
from spectraflow.reporting.experiments import group_runs
from spectraflow.reporting.matching.predictions import mean_auc, read_predicted
from spectraflow.reporting.runs import load_run


@pytest.fixture
def predicted(make_matching_run):
    def read(*values, name="run"):
        runs = [load_run(make_matching_run(f"{name}{n}", *one[:1], **one[1])) for n, one in enumerate(values)]
        (experiment,) = group_runs(runs)
        return experiment, read_predicted(experiment)

    return read


def test_a_set_holds_its_negatives_and_the_true_pairs_of_their_owners(predicted):
    _, one = predicted(({}, {}))
    (near,) = one.of_set("near")
    assert len(near.pairs) == 240
    assert near.labels.sum() == 120
    assert {name.split(":")[0] for name in near.pairs} == {"true", "near"}
    assert one.of_set("listed_rand") == []


def test_auc_is_that_of_the_metrics_and_averaged_over_seeds_and_folds(predicted):
    values = [({"fold": fold, "training": {"seed": seed}}, {}) for fold in (0, 1) for seed in (0, 1)]
    experiment, one = predicted(*values)
    folds = one.of_set("near")
    assert [fold.logits.shape for fold in folds] == [(2, 240)] * 2
    assert mean_auc(folds).value == pytest.approx(experiment.measure("matching/near/auc").value)
    assert mean_auc(folds).n == 240


def test_unscored_pairs_count_as_undecided_and_can_be_left_out(predicted):
    _, whole = predicted(({}, {}), name="whole")
    experiment, part = predicted(({}, {"unscored": 120, "quality": 2.0}), name="part")
    (near,) = part.of_set("near")
    assert (near.logits[:, ~near.scored] == 0).all()
    assert mean_auc([near]).value == pytest.approx(experiment.measure("matching/near/auc").value)
    assert near.scored.sum() == 180
    assert part.minus(whole, "near", where_scored=True).value > part.minus(whole, "near").value


def test_equal_models_do_not_differ(predicted):
    _, one = predicted(({}, {}), name="a")
    _, two = predicted(({}, {}), name="b")
    difference = one.minus(two, "near")
    assert (difference.value, difference.low, difference.high) == (0, 0, 0)


def test_predictions_may_be_missing(make_matching_run):
    folder = make_matching_run("a")
    (folder / "predictions.parquet").unlink()
    assert read_predicted(group_runs([load_run(folder)])[0]) is None


def test_seeds_of_one_fold_need_the_same_pairs(predicted):
    with pytest.raises(InputError, match="other test pairs"):
        predicted(({}, {}), ({"training": {"seed": 1}}, {"molecules": 60}))
