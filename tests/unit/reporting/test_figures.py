import math

import polars as pl
import pytest

from spectraflow.reporting import figures, theme
from spectraflow.reporting.runs import load_run


def texts(figure):
    svg = theme.figure_svg(figure, "f")
    assert "<svg" in svg
    return svg


def test_hit_curves_show_every_k_and_the_published_points(make_run):
    svg = texts(figures.hits_by_library(load_run(make_run("a")), {(100, 1): 0.95}))
    for label in ("hit@1", "hit@25", "published", "chance, k = 1", "candidates (molecules)", "10k"):
        assert label in svg


def test_ranks_are_all_counted():
    ranks = pl.DataFrame({"at_or_above": [0, 0, 1, 5, 99, 1000], "eligible": [1000] * 6})
    figure = figures.rank_histogram(ranks)
    bars = figure.axes[0].patches
    heights = [bar.get_height() for bar in bars if hasattr(bar, "get_height")]
    assert sum(heights) == 6
    chance = next(patch for patch in bars if not hasattr(patch, "get_height"))
    assert sum(chance.get_data().values) == pytest.approx(6, rel=0.01)


@pytest.mark.parametrize("library", [1, 2, 3, 50])
def test_small_libraries_are_drawn(library):
    ranks = pl.DataFrame({"at_or_above": [0, library], "eligible": [library] * 2})
    heights = [bar.get_height() for bar in figures.rank_histogram(ranks).axes[0].patches if hasattr(bar, "get_height")]
    assert sum(heights) == 2


def test_missing_numbers_leave_a_note(make_run):
    bare = load_run(make_run("a", retrieval=False))
    bare.measured.clear()
    assert "no library retrieval" in texts(figures.hits_by_library(bare, {}))
    assert "no exact-molecule rates" in texts(figures.accuracy_by_size(bare, {}))
    assert "no library ranks" in texts(figures.rank_histogram(None))


def test_curves_skip_epochs_without_numbers(make_run):
    run = load_run(make_run("a", epochs=4))
    broken = [dict(run.history[0]), {**run.history[1], "val/loss": math.nan}, {"epoch": 2, "val/loss": None}]
    object.__setattr__(run, "history", broken)
    line = next(line for line in figures.training_curves([run], {}).axes[0].lines if line.get_label() == "K-M3AID")
    assert list(line.get_xdata()) == [0]


def test_more_runs_than_colours_are_drawn(make_run):
    runs = [load_run(make_run(f"run{i}", {"training": {"seed": i}}, epochs=2)) for i in range(9)]
    figure = figures.training_curves(runs, {})
    assert len([line for line in figure.axes[1].lines if len(line.get_xdata()) == 2]) == 9


def test_stick_spectrum_stacks_equal_shifts_and_runs_from_high_to_low_ppm():
    figure = figures.stick_spectrum([128.5, 128.5, 20.0], [True, True, False])
    axes = figure.axes[0]
    left, right = axes.get_xlim()
    assert left > 128.5
    assert right < 20.0
    assert max(line.get_ydata()[0] for line in axes.lines if len(line.get_xdata()) == 1) == 2


def test_one_peak_is_drawn():
    assert "ppm" in texts(figures.stick_spectrum([30.0], [True]))


def test_colours_follow_the_page_and_files_do_not():
    svg = theme.figure_svg(figures.stick_spectrum([1.0, 2.0], [True, False]), "sticks")
    page, file = theme.for_page(svg, 'a "b" <c>'), theme.for_file(svg)
    assert 'aria-label="a &quot;b&quot; &lt;c>"' in page
    assert theme.SERIES[0] not in page.lower()
    assert "var(--series-1)" in page
    assert theme.SERIES[0] in file.lower()
    assert theme.figure_svg(figures.stick_spectrum([1.0, 2.0], [True, False]), "sticks") == svg
