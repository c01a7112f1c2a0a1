import pytest

from spectraflow.reporting.matching.entries import line_counts_of, named_entries, place_words, reference_of
from spectraflow.reporting.matching_labels import set_name

COUNTS = ({"kind": "line_counts"}, {"label": "counts"})
BLIND = ({"network": {"blind": "molecule"}}, {"label": "blind"})
SHUFFLED = ({"permuted_labels": True}, {"label": "shuffled"})
VECTORS = ({"network": {"spectra": "vectors"}}, {"label": "vectors"})


def test_floors_controls_and_models_are_told_apart(make_matching_entries):
    entries = make_matching_entries(COUNTS, BLIND, SHUFFLED, VECTORS, ({}, {}))
    assert [one.is_floor for one in entries] == [True, True, True, False, False]
    assert [one.control for one in entries] == [None, "molecule", "labels", None, None]
    assert [one.is_full for one in entries] == [False, False, False, False, True]
    assert reference_of(entries).name == "SpecMol-MatchNet"
    assert reference_of(entries[:4]).name == "vectors"
    assert reference_of(entries[:1]).name == "counts"


def test_counting_lines_is_found_on_the_same_spectra(make_matching_entries):
    matcs = {"dataset": "matcs", "split": "listed"}
    entries = make_matching_entries(({**matcs, "kind": "line_counts"}, {"label": "counts"}), ({}, {}), (matcs, {}))
    assert line_counts_of(entries, entries[1]) is None
    assert line_counts_of(entries, entries[2]) is entries[0]


def test_names_hold_no_data_set_within_one(make_matching_entries):
    entries = make_matching_entries(({}, {}), ({"dataset": "alberts"}, {}))
    assert [one.name for one in entries] == ["SpecMol-MatchNet"] * 2
    assert entries[0].unique != entries[1].unique
    assert named_entries([]) == []
    assert place_words(("alberts", "tenths")) == "Simulated spectra (Alberts 2024), split tenths"


def test_what_decides_nothing_keeps_no_two_models_apart(make_matching_entries):
    images, vectors, other = make_matching_entries(
        ({"network": {"channels": 8, "backbone": {"name": "tiny"}}}, {}),
        ({"network": {"spectra": "vectors", "spectrum_dim": 32}}, {}),
        ({"network": {"spectra": "vectors", "hidden": 99}}, {}),
    )
    assert images.agrees_with(vectors, "network.spectra")
    assert not images.agrees_with(vectors)
    assert not images.agrees_with(other, "network.spectra")


def test_differences_need_the_same_pairs(make_matching_entries):
    good, bad, fewer = make_matching_entries(
        ({}, {}), ({"network": {"graph": "gcn"}}, {"quality": 0.3}), (VECTORS[0], {"molecules": 60})
    )
    assert good.minus(bad, "matching/near/auc").low > 0
    assert good.minus(fewer, "matching/near/auc") is None
    assert good.minus(bad, "matching/near/f1") is None


@pytest.mark.parametrize(
    ("name", "words"),
    [("diff", "dissimilar"), ("nmrshiftdb2_any_near", "nmrshiftdb2_any: near"), ("listed_rand", "listed, rand")],
)
def test_transferred_sets_name_their_data(name, words):
    assert set_name(name) == words
