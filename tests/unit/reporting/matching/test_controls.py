import pytest

from spectraflow.reporting.matching.controls import control_tables, judge, missing_controls, verdict_sentence
from spectraflow.reporting.runs import Measured


def test_the_limit_is_two_deviations_of_a_score_that_tells_nothing():
    judged = judge(Measured(0.5), 2 * 4332)
    assert judged.sd == pytest.approx(0.0062, abs=5e-5)
    assert judge(Measured(0.5 + 1.9 * judged.sd), 8664).within
    assert not judge(Measured(0.5 + 2.1 * judged.sd), 8664).within
    assert not judge(Measured(0.5 - 2.1 * judged.sd), 8664).within
    assert judge(Measured(0.5), 0) is None


def test_a_blind_model_is_at_one_half_exactly(make_matching_entries):
    (table,) = control_tables(make_matching_entries(({"network": {"blind": "molecule"}}, {"label": "blind"})))
    assert {cell["text"] for cell in table["rows"][0]["cells"]} == {"50 exactly"}
    assert "blind" in table["sentences"][0]
    assert table["sentences"][0].startswith("Within 50 ± 2 sd on every test set")


def test_a_control_outside_its_interval_is_called_so(make_matching_entries):
    leak = {"matching/near/auc": {"value": 0.7, "low": 0.6, "high": 0.8, "n": 240}}
    entries = make_matching_entries(({"permuted_labels": True}, {"label": "shuffled", "extra": leak}))
    (table,) = control_tables(entries)
    row = table["rows"][0]
    assert row["cells"][0] == {"text": "70.0", "verdict": "outside"}
    assert row["cells"][1]["verdict"] == "within"
    (text,) = [text for text in table["sentences"] if text.startswith("shuffled")]
    assert "outside 50 ± 2 sd on near (70.0, +5.4 sd)" in text
    assert "within on uniform" in text


def test_sentences_name_what_is_outside_first():
    found = {"near": judge(Measured(0.5), 100), "sim": judge(Measured(0.9), 100)}
    assert verdict_sentence(found).startswith("outside 50 ± 2 sd on nearest (90.0")


def test_models_bring_their_own_controls(make_matching_entries):
    (table,) = control_tables(make_matching_entries(({}, {})))
    assert [row["words"] for row in table["rows"]] == ["spectra swapped between owners", "candidate in train or val?"]
    assert len(missing_controls(make_matching_entries(({}, {})))) == 3
    shuffled = make_matching_entries(({"permuted_labels": True}, {}))
    assert missing_controls(shuffled) == ["blind to the molecule", "blind to the spectra"]
