import json

from spectraflow.reporting.reranking_section import reranking_section
from spectraflow.reporting.runs import load_run


def figures(value: float) -> dict:
    return {
        "recall": {str(k): {"value": value, "low": value - 0.01, "high": value + 0.01, "n": 50} for k in (10, 1)},
        "weights": [1.0],
        "calibration": {
            "expected_error": 0.034,
            "log_loss": {"value": 1.5, "low": 1.4, "high": 1.6, "n": 50},
            "bins": [{"low": 0.2, "high": 0.3, "stated": 0.26, "happened": 0.31, "n": 1200}],
        },
    }


def section_of(make_run, readings: dict):
    folder = make_run("a")
    content = {"queries": 50, "fitted_on": 40, "truth_absent": 3, "readings": readings}
    (folder / "reranking.json").write_text(json.dumps(content))
    run = load_run(folder)
    return reranking_section([run], {run.run_id: "A"})


def test_readings_have_recall_in_the_order_of_k_and_calibration(make_run):
    section = section_of(make_run, {"search": figures(0.1), "search+shifts": figures(0.8)})
    assert section["k"] == ["1", "10"]
    (table,) = section["tables"]
    assert [row["title"] for row in table["rows"]] == ["the search alone", "search and shifts"]
    assert table["rows"][1]["texts"][0] == "80.0 [79.0, 81.0]"
    assert table["rows"][0]["error"] == "3.4"
    assert table["rows"][0]["log_loss"] == "1.50 [1.40, 1.60]"
    assert table["rows"][0]["bins"] == [{"range": "20–30", "stated": "26.0", "happened": "31.0", "n": "1,200"}]
    assert ("truths not found", "3") in table["counts"]


def test_nothing_fitted_or_nothing_run_is_no_section(make_run):
    assert section_of(make_run, {}) is None
    run = load_run(make_run("b"))
    assert reranking_section([run], {run.run_id: "B"}) is None
