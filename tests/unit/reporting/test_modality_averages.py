import pytest

from spectraflow.reporting.experiments import group_runs
from spectraflow.reporting.modality_averages import modality_averages
from spectraflow.reporting.published_mmfrl import AVERAGED
from spectraflow.reporting.runs import load_run
from tests.unit.reporting.property_runs import every_modality, pretrained, write_property_run


@pytest.fixture
def make(tmp_path):
    return lambda name, *args, **options: write_property_run(tmp_path / name, *args, **options)


def averages(runs):
    return modality_averages(group_runs([load_run(folder) for folder in runs]))


def test_splits_that_a_modality_lacks_are_left_out(make):
    runs = every_modality(make, scores={("image", 0): 0.3, ("peak", 1): None})
    (one,) = averages(runs)
    assert one.settings["modalities"] == AVERAGED
    found = one.measure("property/auc")
    assert found.value == pytest.approx(0.7)
    assert found.low is None
    assert one.measure("property/rmse") is None


def test_only_modalities_that_differ_in_nothing_else_are_averaged(make):
    assert averages(every_modality(make)[:-2]) == []
    other = [
        make(f"wide-{seed}", {"task": "bbbp", "split_seed": seed, "head": 64, "pretraining": pretrained("peak")})
        for seed in (0, 1)
    ]
    runs = [
        folder
        for folder in every_modality(lambda name, *a, **k: make(f"again-{name}", *a, **k))
        if "peak" not in folder.name
    ]
    assert averages([*runs, *other]) == []


def test_what_peaks_alone_use_may_differ(make):
    runs = every_modality(make)
    kernel = {"loss": {"peak_kernel": "laplace"}}
    for seed in (0, 1):
        differences = {"task": "bbbp", "split_seed": seed, "pretraining": pretrained("peak", **kernel)}
        runs.append(make(f"laplace-{seed}", differences, score=0.3))
    published, laplace = averages(runs)
    assert published.settings["pretraining.loss.peak_kernel"] == "published"
    assert laplace.settings["pretraining.loss.peak_kernel"] == "laplace"
    assert laplace.measure("property/auc").value < published.measure("property/auc").value
    (alone,) = averages([run for run in runs if "peak" not in run.name])
    assert alone.settings["pretraining.loss.peak_kernel"] == "laplace"
