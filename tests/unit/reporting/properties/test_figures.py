import polars as pl
import pytest

from spectraflow.reporting.comparison import SCHEMA
from spectraflow.reporting.properties.contrasts import contrasts
from spectraflow.reporting.properties.figures import gain_points, pretraining_curves, score_dots
from spectraflow.reporting.properties.score_tables import PublishedScores
from spectraflow.reporting.runs import load_run

NOTHING = PublishedScores(pl.DataFrame(schema=SCHEMA))


def test_gains_point_right_where_the_error_is_smaller(entries):
    runs = [({"split_seed": seed}, {"label": "plain", "score": 1.0}) for seed in (0, 1)]
    runs += [({"split_seed": seed, "head": 64}, {"label": "wide", "score": 0.75}) for seed in (0, 1)]
    figure = gain_points(contrasts(entries(*runs), ["plain"]))
    axes = figure.axes[0]
    splits, mean = axes.lines[1:]
    assert list(splits.get_xdata()) == pytest.approx([0.25, 0.25])
    assert list(mean.get_xdata()) == pytest.approx([0.25])


def test_a_panel_a_task_and_a_line_a_model(entries):
    found = entries(
        ({"task": "esol"}, {}), ({"task": "bbbp"}, {}), ({"task": "bbbp", "kind": "mean"}, {"label": "mean"})
    )
    figure = score_dots(found, NOTHING)
    assert [axes.get_title(loc="left") for axes in figure.axes if axes.axison] == ["BBBP", "ESOL"]
    assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == ["D-MPNN"]


def test_nothing_to_draw(entries):
    assert score_dots(entries(({"task": "bbbp"}, {"score": None})), NOTHING) is None
    assert gain_points([]) is None
    assert pretraining_curves([], {}) is None


def test_curves_of_pretraining_mark_the_epoch_that_was_kept(make_encoder):
    run = load_run(make_encoder("a" * 12))
    figure = pretraining_curves([run], {run.run_id: "NMR spectrum"})
    curve, kept = figure.axes[0].lines
    assert len(curve.get_xdata()) == 3
    assert list(kept.get_xdata()) == [1]
