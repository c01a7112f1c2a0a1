import json
import shutil

from spectraflow.reporting.controls_section import controls_section
from spectraflow.reporting.runs import load_run


def test_run_without_retrieval_has_no_controls(make_run):
    run = load_run(make_run("a", retrieval=False))
    assert controls_section([run], {"a": "A"}) is None


def test_every_retrieval_has_all_its_controls(make_run):
    folder = make_run("a")
    found = json.loads((folder / "retrieval.json").read_text())
    found["scorings"]["embedding"]["permuted_among_queries"] = {"100": {"1": 0.0123}}
    (folder / "retrieval_external.json").write_text(json.dumps(found))
    shutil.copy(folder / "retrieval.json", folder / "retrieval_protons.json")
    run = load_run(folder)
    section = controls_section([run], {run.run_id: "A"})
    assert section["sizes"] == ["100", "1,000"]
    assert section["chance"] == ["1.00", "0.10"]
    assert {row["queries"] for row in section["rows"]} == {
        "held-out queries",
        "external queries",
        "queries with ¹H shifts",
    }
    assert len(section["rows"]) == 3 * 5
    swapped = next(row for row in section["rows"] if row["queries"][0] == "e" and "own" in row["control"])
    assert swapped["texts"] == ["1.23", "–"]
    random = next(row for row in section["rows"] if row["control"] == "random scores")
    assert random["texts"] == ["1.00", "0.10"]
