from spectraflow.reporting.comparison import compare_runs
from spectraflow.reporting.groups.cost_table import cost_table


def test_time_and_memory_stand_beside_published_ones(tmp_path, make_entries, real_published):
    cell = {"label": "grid", "grids": ["grid"]}
    entries = make_entries(({}, {}), ({"kind": "xgboost"}, {}), ({"network": {"fusion": 8}}, cell))
    folders = [one.first_run.folder for one in entries]
    comparison = compare_runs(real_published, folders, tmp_path / "c.csv", data="published")
    full, trees = cost_table(entries, comparison)
    assert (full["time"], full["published_time"]) == ("2.0 h", "2.7 h")
    assert (trees["memory"], trees["published_memory"]) == ("5.5 GB", "209 GB")
    assert (full["molecules"], full["spectra"]) == ("480", 3)
