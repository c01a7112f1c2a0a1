import polars as pl
import pytest

from spectraflow.reporting import sections
from spectraflow.reporting.comparison import SCHEMA, compare_runs, read_comparison
from spectraflow.reporting.experiments import group_runs
from spectraflow.reporting.grid_figures import grid_figure
from spectraflow.reporting.grids import grid_tables
from spectraflow.reporting.runs import load_run

EMPTY = pl.DataFrame(schema=SCHEMA)


@pytest.fixture
def alpha_runs(make_run):
    base = make_run("base", grids=["alpha"])
    cells = [
        make_run(
            f"a{n}", {"objective": {"alpha": alpha}, "fold": fold}, label="alpha", grids=["alpha"], scale=1 - alpha / 9
        )
        for n, (alpha, fold) in enumerate([(1.0, 0), (0.0, 0), (0.0, 1)])
    ]
    return [base, *cells]


def tables_of(folders, comparison=EMPTY):
    return grid_tables(group_runs([load_run(folder) for folder in folders]), comparison)


def test_cells_are_ordered_by_what_varies_and_average_folds(alpha_runs):
    (table,) = tables_of(alpha_runs)
    assert (table.label, table.keys) == ("alpha", ("objective.alpha",))
    assert [(cell.values, cell.runs) for cell in table.cells] == [((0.0,), 2), ((0.2,), 1), ((1.0,), 1)]
    assert table.cells[2].measured["atom/published"].value == pytest.approx(0.89 * 8 / 9)


def test_published_values_stand_in_cells_of_their_own_table(tmp_path, alpha_runs, real_published):
    compare_runs(real_published, alpha_runs, tmp_path / "c.csv", data="published")
    (table,) = tables_of(alpha_runs, read_comparison(tmp_path / "c.csv"))
    graph = [cell.published["in_batch/spectrum_to_molecule"].value for cell in table.cells]
    assert graph == pytest.approx([0.007, 0.947, 0.946])
    section = sections.grid_section(table, "grid_alpha")
    assert section["columns"].count("published") == 2
    assert section["rows"][0]["texts"][1] == "0.7 ± 0.3"


def test_grid_without_published_values_has_no_column_for_them(alpha_runs):
    section = sections.grid_section(tables_of(alpha_runs)[0], "x")
    assert "published" not in section["columns"]
    assert all(len(row["texts"]) == len(section["columns"]) for row in section["rows"])


def test_one_cell_is_no_table(make_run):
    assert tables_of([make_run("a", grids=["alone"])]) == []
    assert tables_of([make_run("b")]) == []


def test_one_number_is_drawn_as_a_curve(alpha_runs):
    figure = grid_figure(tables_of(alpha_runs)[0])
    (axes,) = figure.axes
    assert axes.get_xlabel() == "α"
    assert list(axes.lines[0].get_xdata()) == [0.0, 0.2, 1.0]


def tau_run(make_run, name, tau1, tau2):
    objective = {"tau1": tau1, "tau2": tau2}
    return make_run(name, {"objective": objective}, label="tau", grids=["tau"], retrieval=False, ranks=False)


def test_two_numbers_are_drawn_as_a_map_with_every_cell(make_run):
    runs = [tau_run(make_run, f"{i}{j}", 10.0**-i, 10.0**j) for i in (1, 2) for j in (1, 2, 3)]
    figure = grid_figure(tables_of(runs)[0])
    assert [len(axes.patches) for axes in figure.axes] == [6, 6]
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["0.01", "0.1"]
    assert grid_figure(tables_of(runs[1:])[0]) is None  # a hole


def test_words_are_not_drawn(make_run):
    runs = [
        make_run(str(n), {"spectrum_encoder": {"mode": mode}}, label="modes", grids=["modes"])
        for n, mode in enumerate(["joint", "graph_fold", "cress_fold"])
    ]
    (table,) = tables_of(runs)
    assert grid_figure(table) is None
    assert [cell.values for cell in table.cells] == [("cress_fold",), ("graph_fold",), ("joint",)]
