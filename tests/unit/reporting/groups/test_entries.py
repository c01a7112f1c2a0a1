from spectraflow.reporting.groups.entries import reference_of, same_test
from spectraflow.reporting.named_experiments import by_dataset

PERMUTED = ({"permuted": True}, {"label": "permuted"})
COMMONEST = ({"kind": "commonest"}, {"label": "commonest"})


def test_floors_and_models_are_told_apart(make_entries):
    entries = make_entries(COMMONEST, PERMUTED, ({"kind": "cnn"}, {"label": "cnn"}), ({}, {}))
    assert [one.is_floor for one in entries] == [True, True, False, False]
    assert reference_of(entries).name == "SymSpectra"
    assert reference_of(entries[:3]).name == "cnn"
    assert reference_of(entries[:1]).name == "commonest"


def test_a_cell_of_a_grid_is_no_reference(make_entries):
    entries = make_entries(({}, {"label": "g", "grids": ["g"]}), ({"network": {"fusion": 8}}, {}))
    assert [one.only_cell for one in entries] == [True, False]
    assert reference_of(entries) is entries[1]


def test_differences_need_the_same_molecules(make_entries):
    full, worse, other = make_entries(
        ({}, {}), ({"kind": "cnn"}, {"quality": 0.6}), ({"kind": "xgboost"}, {"molecules": 40})
    )
    assert full.minus(worse, "groups/micro_f1").low > 0
    assert full.minus(other, "groups/micro_f1") is None
    assert [len(group) for group in same_test([full, worse, other])] == [2, 1]


def test_science_leaves_out_what_a_kind_does_not_use(make_entries):
    (cnn,) = make_entries(({"kind": "cnn"}, {}))
    assert not [key for key in cnn.science() if key.startswith("network.")]
    assert "modalities" not in cnn.science("modalities")
    assert "baseline.dense" in cnn.science()


def test_data_sets_keep_their_order(make_entries):
    entries = make_entries(({"dataset": "open_exp", "modalities": ["MS"]}, {}), ({}, {}))
    assert list(by_dataset(entries)) == ["open_exp", "alberts"]
