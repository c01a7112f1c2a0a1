import polars as pl
import pytest

from spectraflow.reporting.matching import figures
from spectraflow.reporting.theme import figure_svg
from spectraflow.tables import RENDERED, read_table

VECTORS = {"network": {"spectra": "vectors"}}


@pytest.fixture
def entries(make_matching_entries):
    return make_matching_entries(
        ({}, {"examined": True}),
        (VECTORS, {"label": "vectors", "examined": True}),
        ({"kind": "line_counts"}, {"label": "counts"}),
    )


def test_counting_lines_is_drawn_behind_the_models(entries):
    figure = figures.auc_by_set(entries[:2], entries[2])
    (axes,) = figure.axes
    assert len(axes.containers) == 2
    floors = [line.get_segments()[0][0][1] for line in axes.collections if len(line.get_segments()) == 1]
    assert entries[2].measure("matching/near/auc").value in floors
    svg = figure_svg(figure, "x")
    assert all(name in svg for name in ("vectors", "counts", "isomers"))


def test_reliability_has_a_panel_a_set(entries):
    figure = figures.reliability(entries[:2])
    assert [axes.get_title(loc="left") for axes in figure.axes] == [
        "near",
        "uniform",
        "dissimilar",
        "nearest",
        "isomers",
    ]
    assert [len(axes.lines) for axes in figure.axes] == [3] * 5


def test_changes_are_points_left_and_right_of_none(entries):
    (axes,) = figures.change_dots(entries).axes
    losses = axes.lines[1].get_xdata()
    assert losses[0] == pytest.approx(0)
    assert losses[-1] == pytest.approx(-20)


def test_maps_bear_their_numbers():
    positions = pl.DataFrame({"label": [True, False], "x": [0.0, 1.0], "y": [0.0, 1.0]})
    figure = figures.pair_maps([("one", "probe 90", positions), ("two", "probe 80", positions)])
    assert [axes.get_xlabel() for axes in figure.axes] == ["probe 90", "probe 80"]


def test_rendered_spectra_run_from_high_to_low_ppm(rendered):
    rows = pl.DataFrame(pl.from_arrow(read_table(rendered, RENDERED))).to_dicts()
    figure = figures.rendered_spectra(rows, {"proton": (12.05, -2.0), "carbon": (230.0, -2.0)})
    assert [axes.get_xlim() for axes in figure.axes[:2]] == [(12.05, -2.0), (230.0, -2.0)]
    assert len(figure.axes) == 4


def test_without_input_nothing_is_drawn(make_matching_entries):
    (one,) = make_matching_entries(({}, {}))
    assert figures.change_dots([one]) is None
    assert figures.auc_by_set([], None) is None
    assert figures.reliability([]) is None
    assert figures.pair_maps([]) is None
    assert figures.rendered_spectra([], {}) is None
