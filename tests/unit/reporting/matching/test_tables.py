import pytest

from spectraflow.reporting.matching.calibration_tables import calibration_tables, verdict_tables
from spectraflow.reporting.matching.cards import cards
from spectraflow.reporting.matching.costs import cost_rows, timings
from spectraflow.reporting.matching.examined_tables import retrieval_rows, robustness

VECTORS = {"network": {"spectra": "vectors"}}


def test_calibration_before_and_after_the_temperature(make_matching_entries):
    after = {"matching/near/calibrated_ece": 0.01}
    blind = ({"network": {"blind": "molecule"}}, {"label": "blind"})
    (table,) = calibration_tables(make_matching_entries(({}, {"extra": after}), blind))
    (row,) = table["rows"]
    assert row["temperature"] == "1.25"
    assert row["cells"][0]["after"] == "1.0"
    assert float(row["cells"][0]["before"]) > 1
    assert len(row["cells"]) == 10


def test_right_among_the_decided_leaves_out_what_stays_open(make_matching_entries):
    (table,) = verdict_tables(make_matching_entries(({}, {})))
    row = table["rows"][0]
    assert row["texts"][:3] == ["40.0", "30.0", "30.0"]
    assert row["texts"][3] == f"{100 * (0.9 - 0.3) / 0.7:.1f}"


def test_changes_are_told_from_the_run_that_was_examined(make_matching_entries):
    runs = [({"training": {"seed": seed}}, {"examined": seed == 0}) for seed in range(2)]
    entries = make_matching_entries(*runs, (VECTORS, {"label": "vectors", "examined": True}), ({"trees": 5}, {}))
    found = robustness(entries)
    assert [one["name"] for one in found["columns"]] == [entries[0].unique, "vectors"]
    first, last = found["rows"][0], found["rows"][-1]
    assert first["cells"][0]["change"] == "+0.0"
    assert [cell["change"] for cell in last["cells"]] == ["-20.0", "-20.0"]
    assert found["columns"][0]["plain"] == f"{100 * entries[0].first_run.measured['matching/near/auc'].value:.1f}"
    assert robustness(entries[2:]) is None


def test_lists_of_candidates_start_with_chance(make_matching_entries):
    found = retrieval_rows(make_matching_entries(({}, {"examined": True})))
    assert found["ks"] == [1, 5, 10, 20]
    chance, model = found["rows"][:2]
    assert chance["title"] == "256 random molecules, 200 query spectra; 80 % of the candidates trained on"
    assert "; 12.5 on average" in found["rows"][2]["title"]
    assert found["rows"][2]["cells"][0]["text"] == "8.0"
    assert [cell["text"] for cell in chance["cells"]] == ["0.4", "2.0", "3.9", "7.8"]
    assert model["cells"][0]["text"] == "25.0"
    assert (model["mrr"], model["swapped"]) == ("0.400", "0.4")
    assert retrieval_rows(make_matching_entries(({}, {}))) is None


def test_costs_name_both_ways_to_time_a_batch(make_matching_entries, nothing_published):
    entries = make_matching_entries(({}, {"examined": True}), ({"permuted_labels": True}, {}))
    (row,) = cost_rows(entries, nothing_published)
    assert timings(entries) == [("uncached", "16"), ("uncached", "32"), ("cached", "16"), ("cached", "32")]
    assert row["times"][0] == {"text": "24.0", "interval": "22.4 to 27.2"}
    assert (row["total"], row["trainable"], row["memory"]) == ("44.116 M", "1.616 M", "336 MB")
    assert row["training"] == "30 min"


def test_cards_show_the_best_model_and_what_it_adds_to_counting(make_matching_entries, nothing_published):
    counts = ({"kind": "line_counts"}, {"label": "counts", "quality": 0.6})
    entries = make_matching_entries(({}, {"quality": 0.7}), (VECTORS, {"label": "vectors"}), counts)
    near, diff, floor, gain = cards(entries, nothing_published)
    assert near.note.startswith("vectors, columns as vectors")
    assert float(diff.value) > float(near.value) > float(floor.value)
    assert "nothing learned" in floor.note
    assert float(gain.value) == pytest.approx(float(near.value) - float(floor.value), abs=0.11)
    assert gain.unit == "points"


def test_without_counting_lines_there_are_two_cards(make_matching_entries, nothing_published):
    assert len(cards(make_matching_entries(({}, {})), nothing_published)) == 2
