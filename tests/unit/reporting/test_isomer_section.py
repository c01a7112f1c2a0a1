import json

import polars as pl
import pytest

from spectraflow.errors import InputError
from spectraflow.reporting.comparison import SCHEMA, compare_runs, read_comparison
from spectraflow.reporting.experiments import group_runs
from spectraflow.reporting.isomer_section import isomer_section
from spectraflow.reporting.runs import load_pooled, load_run

EMPTY = pl.DataFrame(schema=SCHEMA)


def section_of(*folders, pooled=(), comparison=EMPTY):
    runs = [load_run(folder) for folder in folders]
    return isomer_section(runs[0], group_runs(runs, [load_pooled(path) for path in pooled]), comparison)


def test_run_without_isomers_has_no_section(make_run):
    assert section_of(make_run("a")) is None


def test_published_groups_are_apart_and_missing_figures_are_dashes(make_run):
    section = section_of(make_run("a", isomers=True))
    assert [row["formula"] for row in section["published"]] == ["C4H6O"]
    assert [row["formula"] for row in section["others"]] == ["C2H6O"]
    assert section["published"][0]["texts"] == ["60.0", "70.0", "80.0", "–", "90.0", "10.0"]
    assert [row["title"].split(",")[0] for row in section["sums"]] == [
        "all listed molecules of a formula",
        "the published formulas",
    ]
    assert section["folds"] == 1


def test_folds_together_replace_those_of_one_run(make_run, make_pooled):
    runs = [make_run(name, {"fold": fold}, isomers=True) for fold, name in enumerate("ab")]
    section = section_of(*runs, pooled=[make_pooled("a", "b")])
    assert section["folds"] == 2
    assert section["sums"][0]["texts"][0] == "95.0"


def test_published_accuracy_and_group_size_stand_beside(tmp_path, make_run, real_published):
    run = make_run("a", isomers=True)
    compare_runs(real_published, [run], tmp_path / "c.csv", data="published")
    section = section_of(run, comparison=read_comparison(tmp_path / "c.csv"))
    assert section["published"][0]["published"] == "100.0 of 15"


def test_comparison_answers_isomer_cells_from_folds_together(tmp_path, make_run, make_pooled, real_published):
    runs = [make_run(name, {"fold": fold}, isomers=True) for fold, name in enumerate("ab")]
    pooled = [make_pooled("a", "b")]
    table = compare_runs(real_published, runs, tmp_path / "c.csv", data="published", pooled=pooled)
    rows = table.filter((pl.col("metric") == "isomers/C4H6O/rank1") & (pl.col("method") == "K-M3AID"))
    assert rows["measured"].to_list() == pytest.approx([95.0])
    assert rows["published"].to_list() == [100.0]


def test_other_files_are_no_pooled_isomers(tmp_path, make_run):
    with pytest.raises(InputError, match="not a file of pooled isomers"):
        load_pooled(make_run("a", isomers=True) / "isomers.json")


def test_run_without_large_groups_has_no_sums(make_run):
    run = make_run("a", isomers=True)
    (run / "isomers.json").write_text(json.dumps({"least_members": 10, "metrics": {}, "groups": []}))
    section = section_of(run)
    assert (section["sums"], section["published"], section["least"]) == ([], [], 10)
