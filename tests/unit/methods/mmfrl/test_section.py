import pytest

from spectraflow.errors import ConfigError
from spectraflow.methods.mmfrl.section import MmfrlSection
from spectraflow.settings import check

TWO = [{"label": "scratch"}, {"label": "fused", "kind": "late", "modalities": ["nmr", "peak"]}]


def section(**values):
    return check(MmfrlSection, {"tasks": ["esol", "bbbp"], "seeds": [0, 4], "runs": TWO, **values})


def test_every_model_is_trained_on_every_split_of_every_task():
    planned = list(section().planned())
    assert [(run.task, run.split_seed, run.label) for run in planned] == [
        (task, seed, label) for task in ("esol", "bbbp") for seed in (0, 4) for label in ("scratch", "fused")
    ]
    assert all(run.training.seed == run.split_seed for run in planned)


def test_a_split_without_seeds_is_trained_on_with_several_model_seeds():
    planned = list(section(protocols=["scaffold_deterministic"], tasks=["esol"]).planned())
    assert {(run.split_seed, run.training.seed) for run in planned} == {(0, 0), (0, 4)}


def test_a_budget_holds_for_its_task_alone():
    planned = list(section(budgets={"bbbp": {"molecules": 50, "epochs": 2, "seeds": [7]}}).planned())
    cut = [run for run in planned if run.task == "bbbp"]
    assert {(run.molecules, run.training.epochs, run.split_seed) for run in cut} == {(50, 2, 7)}
    assert {(run.molecules, run.training.epochs) for run in planned if run.task == "esol"} == {(None, 100)}


def test_each_modality_is_pretrained_by_the_settings_of_the_model():
    runs = [{"label": "a", "kind": "late", "modalities": ["nmr", "peak"], "pretraining": {"molecules": 9}}]
    (run, *_) = section(runs=runs).planned()
    assert [(one.modality, one.molecules) for one in run.pretraining] == [("nmr", 9), ("peak", 9)]


def test_the_reference_is_the_first_network_from_scratch_unless_named():
    assert section().compared_with() == "scratch"
    assert section(reference="fused").compared_with() == "fused"
    assert section(runs=[TWO[1]]).compared_with() is None


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"runs": [TWO[0], TWO[0]]}, "models of one label: scratch"),
        ({"reference": "x"}, "no model has the label x"),
        ({"explained": {"tasks": ["esol"], "arms": ["y"]}}, "no model has the label y"),
        ({"runs": [{"label": "a", "modalities": ["nmr", "peak"]}]}, "dmpnn takes one pre-trained encoder"),
        ({"runs": [{"label": "a", "kind": "late", "modalities": ["nmr", "nmr"]}]}, "a modality is named twice"),
        ({"runs": [{"label": "a", "kind": "forest", "modalities": ["nmr"]}]}, "takes no pre-trained encoder"),
        (
            {"runs": [{"label": "a", "modalities": ["nmr"], "released": {"peak": {"weights": "p", "sha256": "0"}}}]},
            "modalities that are not used: peak",
        ),
    ],
)
def test_what_cannot_be_trained_is_refused(values, message):
    with pytest.raises(ConfigError, match=message):
        section(**values)
