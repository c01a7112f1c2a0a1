from spectraflow.reporting.properties.pretraining_tables import encoder_names, encoder_rows, overlap_tables
from spectraflow.reporting.runs import load_run
from tests.unit.reporting.properties.conftest import OVERLAP


def test_a_row_says_what_a_pretraining_reached(make_encoder):
    (row,) = encoder_rows([load_run(make_encoder("a" * 12, dedupe="none", training={"epochs": 3}))])
    assert row["name"] == "NMR spectrum"
    assert row["notes"] == "leaky; pre-trained for at most 3 epochs instead of 200"
    assert (row["excess"], row["spearman"], row["neighbours"]) == ("0.1234", "0.567", "16.0")
    assert (row["molecules"], row["epoch"], row["targets"]) == ("950 / 50", "1 of 3", "nmr: 0.0312")
    assert row["time"] == "60 s"
    released = {"weights": "a.pt", "sha256": "0"}
    (row,) = encoder_rows([load_run(make_encoder("b" * 12, released=released, training={"epochs": 3}))])
    assert row["notes"] == "released by the authors, not trained here"


def test_encoders_of_one_modality_are_told_apart(make_encoder):
    runs = [
        load_run(make_encoder("a" * 12)),
        load_run(make_encoder("b" * 12)),
        load_run(make_encoder("c" * 12, "peak")),
    ]
    assert list(encoder_names(runs).values()) == ["NMR spectrum (aaaaaa)", "NMR spectrum (bbbbbb)", "NMR peak"]


def test_overlap_is_told_task_by_task(written):
    (table,) = overlap_tables([written("union.overlap.json", OVERLAP)])
    assert [row["name"] for row in table["rows"]] == ["BBBP", "ESOL"]
    assert table["rows"][1] == {
        **{"name": "ESOL", "molecules": "1,115", "seen": "579", "share": "51.9", "pretraining": "590", "left": "0"}
    }
    assert ("removed", "2,911") in table["facts"]
    assert ("unusable: no complete spectrum", "3") in table["facts"]
