import pytest

from spectraflow.methods.mmfrl.settings import MODALITIES
from spectraflow.reporting.properties.entries import AVERAGE, by_family, labels_of, reference_label, tasks_of
from tests.unit.reporting.property_runs import pretrained


def test_seeds_are_one_entry_and_tasks_are_several(entries):
    found = entries(
        ({"task": "esol", "split_seed": 0}, {}),
        ({"task": "esol", "split_seed": 1}, {}),
        ({"task": "bbbp"}, {}),
    )
    assert [(one.task, one.repetitions, one.main) for one in found] == [("esol", 2, "rmse"), ("bbbp", 1, "auc")]
    assert tasks_of(found) == ["bbbp", "esol"]


@pytest.mark.parametrize(
    ("values", "words", "fusion"),
    [
        ({}, "D-MPNN, from scratch", False),
        ({"kind": "intermediate", "encoders": 5}, "intermediate fusion of 5 encoders, from scratch", False),
        ({"kind": "forest"}, "random forest on ECFP4", False),
        ({"pretraining": pretrained("nmr")}, "D-MPNN, pre-trained: NMR spectrum", False),
        ({"pretraining": pretrained("early")}, "D-MPNN, pre-trained: early fusion", True),
        (
            {"kind": "late", "pretraining": pretrained("nmr", "peak")},
            "late fusion, pre-trained: NMR spectrum, NMR peak",
            True,
        ),
    ],
)
def test_models_in_words(entries, values, words, fusion):
    (one,) = entries((values, {}))
    assert (one.words, one.is_fusion) == (words, fusion)


def test_the_average_stands_behind_the_modalities(entries):
    runs = [({"pretraining": pretrained(name)}, {"label": name}) for name in MODALITIES]
    found = entries(*runs, ({"kind": "late", "pretraining": pretrained(*MODALITIES)}, {"label": "late"}))
    assert labels_of(found) == [*MODALITIES, AVERAGE, "late"]
    assert found[-1].is_average
    assert not found[-1].is_single


def test_the_reference_is_the_one_asked_for_or_from_scratch(entries):
    found = entries(
        ({"kind": "forest"}, {"label": "forest"}),
        ({"pretraining": pretrained("nmr")}, {"label": "nmr"}),
        ({}, {"label": "plain"}),
    )
    assert reference_label(found, "forest") == "forest"
    assert reference_label(found, "no such model") == "plain"
    assert reference_label(found[:2], None) is None


def test_splits_and_cleanings_are_families(entries):
    found = entries(({}, {}), ({"protocol": "scaffold_deterministic"}, {}), ({"cleaning": "strict"}, {}))
    assert list(by_family(found)) == [
        ("scaffold_balanced", "paper"),
        ("scaffold_deterministic", "paper"),
        ("scaffold_balanced", "strict"),
    ]


def test_two_models_of_one_label_are_told_apart(entries):
    found = entries(({}, {"label": "a"}), ({"head": 64}, {"label": "a"}))
    assert [one.label for one in found] == ["a", "a (000000)"]
