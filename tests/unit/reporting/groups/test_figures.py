import polars as pl
import pytest

from spectraflow.reporting.groups import figures
from spectraflow.reporting.theme import figure_svg


@pytest.fixture
def entries(make_entries):
    return make_entries(({}, {}), ({"kind": "cnn"}, {"quality": 0.7}))


@pytest.mark.parametrize("draw", [figures.f1_by_positives, figures.exact_by_count, figures.tier_bars])
def test_models_are_drawn_by_name(entries, draw):
    svg = figure_svg(draw(entries), "x")
    assert "SymSpectra" in svg
    assert "1D-CNN" in svg or "model cnn" in svg


def test_subsampled_groups_end_at_the_whole(make_entries):
    part = {"subsample": {"group": "Amide", "kept": 0.5}}
    entries = make_entries(({}, {"quality": 0.95}), (part, {"quality": 0.7}), ({"kind": "cnn", **part}, {}))
    (axes,) = figures.subsampling(entries).axes
    assert [list(lines[0].get_xdata()) for lines in axes.containers] == [[0.5, 1.0], [0.5]]
    assert axes.get_title(loc="left") == "Amide"


def test_augmentations_stand_beside_none_of_equal_settings(make_entries):
    entries = make_entries(
        ({}, {}), ({"augmentation": {"kind": "vertical"}}, {}), ({"kind": "cnn"}, {}), ({"modalities": ["IR"]}, {})
    )
    (axes,) = figures.augmentation_bars(entries).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["none", "vertical"]


def test_nothing_to_draw_is_none(entries):
    assert figures.subsampling(entries) is None
    assert figures.augmentation_bars(entries) is None
    assert figures.scaffold_map(pl.DataFrame(schema={"part": pl.String, "x": pl.Float32, "y": pl.Float32})) is None


def test_parts_of_a_map_are_counted():
    rows = {"part": ["train", "test", "train"], "x": [0.0, 1.0, 2.0], "y": [1.0, 0.0, 1.0]}
    assert "train, 2" in figure_svg(figures.scaffold_map(pl.DataFrame(rows)), "x")
