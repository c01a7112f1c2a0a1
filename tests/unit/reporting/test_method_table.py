import json

import polars as pl
import pytest

from spectraflow.reporting.comparison import SCHEMA, compare_runs, read_comparison
from spectraflow.reporting.experiments import group_runs
from spectraflow.reporting.labels import run_names
from spectraflow.reporting.method_table import load_references, method_table, queries_tables
from spectraflow.reporting.runs import load_run


@pytest.fixture
def make_lookup(make_run):
    """A run of another method: no history, no epochs, two scorings and external queries, an error in ppm."""

    def make(name, mae=2.8):
        folder = make_run(name, label="lookup", ranks=False)
        (folder / "metrics.jsonl").unlink()
        info = json.loads((folder / "settings.json").read_text())
        (folder / "settings.json").write_text(json.dumps({**info, "method": "shifts", "settings": {"mae": mae}}))
        test = {"shift/mae_13C": {"value": mae, "low": mae - 0.1, "high": mae + 0.1, "n": 9}, "atom/published": 0.5}
        (folder / "metrics.json").write_text(json.dumps({"parts": {"test": test}}))
        found = json.loads((folder / "retrieval.json").read_text())
        hits = found["scorings"]["embedding"]
        found |= {"main_scoring": "set", "scorings": {"set": hits, "sorted_lists": hits}}
        (folder / "retrieval.json").write_text(json.dumps(found))
        (folder / "retrieval_external.json").write_text(json.dumps(found))
        return folder

    return make


def table_of(*folders, comparison=None):
    runs = [load_run(folder) for folder in folders]
    empty = pl.DataFrame(schema=SCHEMA)
    return method_table(
        group_runs(runs), run_names(runs, repetitions=False), empty if comparison is None else comparison
    )


def column(table, title, kind="text"):
    place = table["columns"].index(title)
    return [row["cells"][place][kind] for row in table["rows"]]


def test_every_scoring_has_a_row(make_run, make_lookup):
    table = table_of(make_run("a"), make_lookup("b"))
    assert [(row["name"], row["detail"]) for row in table["rows"]] == [
        ("K-M3AID", ""),
        ("lookup", ""),
        ("lookup", "scored by sorted lists"),
    ]
    assert column(table, "atoms, published metric") == ["89.0", "50.0", "–"]
    assert "–" not in column(table, "hit@1 of 1,000")


def test_best_is_the_largest_but_the_smallest_error(make_run, make_lookup):
    table = table_of(make_run("a"), make_lookup("b", 2.8), make_lookup("c", 1.9))
    assert column(table, "atoms, published metric", "best")[:2] == [True, False]
    mae = dict(zip(column(table, "MAE ¹³C, ppm"), column(table, "MAE ¹³C, ppm", "best"), strict=True))
    assert mae["1.90"] is True
    assert mae["2.80"] is False
    assert "MAE ¹H, ppm" not in table["columns"]


def test_lone_number_is_not_marked_best(make_run):
    assert not any(column(table_of(make_run("a")), "atoms, published metric", "best"))


def test_cells_of_grids_are_left_out(make_run):
    cell = make_run("b", {"objective": {"alpha": 0.5}}, label="alpha", grids=["alpha"])
    assert len(table_of(make_run("a", grids=["alpha"]), cell)["rows"]) == 1
    assert table_of(cell) is None


def test_published_model_stands_on_top(tmp_path, make_run, real_published):
    run = make_run("a")
    compare_runs(real_published, [run], tmp_path / "c.csv", data="published")
    table = table_of(run, comparison=read_comparison(tmp_path / "c.csv"))
    place = table["columns"].index("hit@1 of 1,000")
    assert table["published"][place] == "80.4 ± 3.9"
    assert table_of(run)["published"] is None


def test_other_readings_of_the_assignment_have_rows(make_run):
    folder = make_run("b", {"model": {"shift_head": True}, "objective": {"shift_weight": 1.0}}, label="joint")
    metrics = json.loads((folder / "metrics.json").read_text())
    test = metrics["parts"]["test"]
    test["shift/mae_13C"] = {"value": 1.7, "low": 1.6, "high": 1.8, "n": 9}
    test |= {"atom_head/hungarian": 0.7, "atom_joint/hungarian": 0.97, "exact_joint/published/<=10": 0.8}
    (folder / "metrics.json").write_text(json.dumps(metrics))
    table = table_of(make_run("a"), folder)
    assert [(row["name"], row["detail"]) for row in table["rows"]] == [
        ("K-M3AID", ""),
        ("joint", ""),
        ("joint", "assigned by predicted shifts"),
        ("joint", "assigned by alignment and predicted shifts together"),
    ]
    assert column(table, "atoms, one-to-one") == ["90.0", "90.0", "70.0", "97.0"]
    assert column(table, "atoms, one-to-one", "best") == [False, False, False, True]
    assert column(table, "every peak right, ≤ 10 C")[3] == "80.0"
    assert column(table, "MAE ¹³C, ppm") == ["–", "1.70", "–", "–"]


def test_references_follow_last_and_are_never_best(tmp_path, make_run):
    path = tmp_path / "published_ids.json"
    path.write_text(json.dumps({"molecules": 974, "metrics": {"atom/published": {"value": 0.99, "n": 974}}}))
    none = tmp_path / "none.json"
    none.write_text(json.dumps({"molecules": 0, "metrics": {}}))
    run = load_run(make_run("a"))
    table = method_table(
        group_runs([run]), {run.run_id: "A"}, pl.DataFrame(schema=SCHEMA), load_references([path, none])
    )
    assert [row["name"] for row in table["rows"]] == ["A", "a second measured spectrum"]
    assert "974 molecules" in table["rows"][1]["protocol"]
    assert column(table, "atoms, published metric") == ["89.0", "99.0"]
    assert column(table, "atoms, published metric", "best") == [False, False]


def test_other_queries_have_tables_of_their_own(make_run, make_lookup):
    runs = [load_run(folder) for folder in (make_run("a"), make_lookup("b"))]
    (table,) = queries_tables(group_runs(runs), run_names(runs, repetitions=False))
    assert table["title"] == "External queries"
    assert [(row["name"], row["detail"]) for row in table["rows"]] == [
        ("lookup", ""),
        ("lookup", "scored by sorted lists"),
    ]
    assert table["columns"][0] == "hit@1 of 100"
    assert queries_tables(group_runs(runs[:1]), run_names(runs)) == []
