"""AUC under changes of the rendering, beside what the run was tested with."""

import numpy as np
import pytest

from spectraflow.methods.matchnet import rendering_robustness
from spectraflow.methods.matchnet.data import MatchStore
from spectraflow.methods.matchnet.pair_table import read_pairs
from spectraflow.methods.matchnet.rendering_robustness import auc_under_changes, chosen_pairs
from spectraflow.methods.matchnet.settings import ExaminationSettings
from spectraflow.spectra.rendering_changes import RenderingChange
from tests.unit.methods.matchnet.matching_files import small_run, untrained, write_matching_files

FEW = {
    "13C 20 ppm higher": RenderingChange(carbon_shift_ppm=20.0),
    "lines twice as wide": RenderingChange(width_factor=2.0),
}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return write_matching_files(tmp_path_factory.mktemp("robustness"), 40)


@pytest.fixture(scope="module")
def store(files):
    return MatchStore.read(files.spectra, files.rendered)


@pytest.fixture(scope="module")
def tested(files, store):
    return read_pairs(files.pairs, store, "test")


@pytest.fixture
def under_changes(files, store, tested, monkeypatch):
    monkeypatch.setattr(rendering_robustness, "CHANGES", FEW)

    def ask(settings, **asked):
        matcher = untrained(settings)
        return matcher, auc_under_changes(matcher, store, tested, files.inputs(), ExaminationSettings(**asked), None)

    return ask


def test_changes_are_scored_on_both_sets(under_changes):
    _, found = under_changes(small_run())
    assert list(found["changes"]) == ["none", *FEW]
    assert found["changed_spectra"] == 8
    for sets in found["changes"].values():
        assert list(sets) == ["near", "diff"]
        assert {auc["auc"]["n"] for auc in sets.values()} == {16}
    values = [sets["near"]["auc"]["value"] for sets in found["changes"].values()]
    assert len(set(values)) > 1


def test_lists_skip_what_is_drawn(under_changes):
    _, found = under_changes(small_run(network={"spectra": "peaks"}))
    assert list(found["changes"]) == ["none", "13C 20 ppm higher"]


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        (small_run(dataset="alberts"), "the spectra of alberts are arrays: there are no lines to draw otherwise"),
        (small_run(network={"blind": "spectra"}), "the model sees no spectra"),
    ],
)
def test_where_nothing_can_change_it_says_why(under_changes, settings, reason):
    assert under_changes(settings)[1] == {"changes": {}, "changes_reason": reason}


def test_lists_of_alberts_can_change(under_changes):
    _, found = under_changes(small_run(dataset="alberts", network={"spectra": "peaks"}))
    assert "none" in found["changes"]


def test_the_same_few_owners_are_asked_every_time(tested):
    few = chosen_pairs(tested, ExaminationSettings(changed_spectra=3))
    assert len(np.unique(few.owners)) == 3
    assert set(few.sets.tolist()) == {"true", "near", "diff"}
    assert len(few) == 9
    again = chosen_pairs(tested, ExaminationSettings(changed_spectra=3))
    assert few.ids.tolist() == again.ids.tolist()
    other = chosen_pairs(tested, ExaminationSettings(changed_spectra=3, seed=1))
    assert set(other.owners.tolist()) != set(few.owners.tolist())
