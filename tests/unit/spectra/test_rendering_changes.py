"""What each change of the rendering does to the columns, and that random ones depend on the molecule alone."""

from dataclasses import replace

import numpy as np
import pytest

from spectraflow.methods.matchnet.settings import NUCLEI, RenderingSettings
from spectraflow.spectra.rendering import columns_of_line_lists, columns_of_lines, image_of_columns
from spectraflow.spectra.rendering_changes import CHANGES, RenderingChange
from tests.unit.spectra.rendered_molecules import MOLECULES, lines

DEFAULT = RenderingSettings()


def columns(name="caffeine", nucleus="13C", change=None):
    return columns_of_lines(*lines(name, nucleus), nucleus, DEFAULT, change, name)


def all_columns(change, names=tuple(MOLECULES)):
    """Columns of several molecules in one batch."""
    found = [lines(name, "13C") for name in names]
    ppm, area = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return columns_of_line_lists(ppm, area, [len(one[0]) for one in found], "13C", DEFAULT, change, list(names))


def peaks(columns):
    """Number of columns that stand above both neighbours."""
    high = columns.high
    return int(((high[1:-1] > high[:-2]) & (high[1:-1] >= high[2:]) & (high[1:-1] > 0.2)).sum())


def test_the_default_changes_nothing():
    assert RenderingChange().settings(DEFAULT) == DEFAULT
    np.testing.assert_array_equal(columns().high, columns(change=RenderingChange()).high)


@pytest.mark.parametrize("name", CHANGES)
def test_every_change_changes_a_picture_and_stays_within_0_and_1(name):
    change, different = CHANGES[name], []
    for nucleus in NUCLEI:
        plain, changed = columns("aspirin", nucleus), columns("aspirin", nucleus, change)
        images = [
            image_of_columns(one.high, one.low, style)
            for one, style in ((plain, DEFAULT), (changed, change.settings(DEFAULT)))
        ]
        different.append(bool((images[0] != images[1]).any()))
        assert (changed.low <= changed.high).all()
        assert changed.low.min() >= 0
        assert changed.high.max() == pytest.approx(change.vertical_scale)
    assert different == [not name.startswith("13C"), not name.startswith("1H")]


def test_the_named_changes_are_those_of_the_examination():
    assert len(CHANGES) == 2 + 4 + 4 + 3 + 3 + 2
    widths = [CHANGES[f"lines {word} as wide"].width_factor for word in ("half", "twice")]
    assert widths == [0.5, 2.0]
    assert CHANGES["13C 1 ppm lower"].carbon_shift_ppm == -1


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_width_factor_scales_the_inked_columns(factor):
    plain, changed = (
        columns_of_lines([100.0], [1], "13C", DEFAULT, change)
        for change in (None, RenderingChange(width_factor=factor))
    )
    assert (changed.high > 0).sum() == pytest.approx(factor * (plain.high > 0).sum(), abs=2)


def test_shift_moves_lines_of_one_nucleus_towards_higher_ppm():
    change = RenderingChange(proton_shift_ppm=2 * 14.05 / 256, carbon_shift_ppm=-3 * 232 / 256)
    for nucleus, places in (("1H", -2), ("13C", 3)):
        moved = np.roll(columns("ethyl acetate", nucleus).high, places)
        np.testing.assert_allclose(columns("ethyl acetate", nucleus, change).high, moved, atol=1e-5)


def test_a_line_shifted_out_of_the_window_still_shows_its_flank():
    high = columns_of_lines([12.04], [1], "1H", DEFAULT, RenderingChange(proton_shift_ppm=0.05)).high
    assert high.argmax() == 0
    assert high.max() == 1


def test_reversed_axis_and_vertical_scale():
    np.testing.assert_array_equal(columns(change=RenderingChange(reversed_axis=True)).high, columns().high[::-1])
    np.testing.assert_array_equal(columns(change=RenderingChange(vertical_scale=0.5)).low, columns().low / 2)


def test_style_is_one_of_the_pictures_alone():
    change = RenderingChange(style="fill")
    assert change.settings(DEFAULT).style == "fill"
    np.testing.assert_array_equal(columns(change=change).high, columns().high)


def test_a_missing_line_is_one_but_never_the_only_one():
    change = RenderingChange(missing_line=True)
    assert peaks(columns(change=change)) == peaks(columns()) - 1
    alone = [columns_of_lines([100.0], [1], "13C", DEFAULT, one, "x").high for one in (None, change)]
    np.testing.assert_array_equal(*alone)
    outside = [columns_of_lines([100.0, 300.0], [1, 1], "13C", DEFAULT, one, "x").high for one in (None, change)]
    np.testing.assert_array_equal(*outside)
    gone = {columns(change=replace(change, seed=seed)).high.tobytes() for seed in range(40)}
    assert len(gone) == len(MOLECULES["caffeine"]["13C"])


def test_a_missing_line_does_not_depend_on_the_order_of_lines():
    ppm, area = lines("caffeine", "13C")
    change = RenderingChange(missing_line=True)
    found = [
        columns_of_lines(ppm[order], area[order], "13C", DEFAULT, change, "x").high
        for order in (slice(None), slice(None, None, -1))
    ]
    np.testing.assert_array_equal(*found)


def test_solvent_is_one_line_more_at_its_place():
    for nucleus, ppm, window in (("1H", 7.26, (12.05, 14.05)), ("13C", 77.16, (230.0, 232.0))):
        plain, changed = (columns("ethanol", nucleus, one) for one in (None, RenderingChange(solvent_line=True)))
        column = int((window[0] - ppm) / window[1] * 256)
        assert plain.high[column] == 0
        expected = 1 / 3 if nucleus == "1H" else 1
        assert changed.high[column] == pytest.approx(expected, abs=0.08)
    narrow = RenderingSettings(proton_window=(5.0, 0.0))
    with_solvent = columns_of_lines([1.0], [1], "1H", narrow, RenderingChange(solvent_line=True)).high
    np.testing.assert_array_equal(with_solvent, columns_of_lines([1.0], [1], "1H", narrow).high)


def test_noise_has_the_stated_ratio():
    change = RenderingChange(signal_to_noise=20.0)
    noisy = columns_of_lines([229.0], [1], "13C", DEFAULT, change, "x")
    baseline = noisy.high[20:]
    # the highest of 16 normal numbers is 1.77 deviations above their mean
    assert baseline.mean() == pytest.approx(1.77 / 20, rel=0.15)
    assert (noisy.low[20:] == 0).mean() > 0.99
    assert noisy.high.argmax() == 1


@pytest.mark.parametrize("change", [RenderingChange(signal_to_noise=10.0), RenderingChange(missing_line=True)])
def test_random_changes_depend_on_molecule_and_seed_alone(change, monkeypatch):
    whole, names = all_columns(change), list(MOLECULES)
    monkeypatch.setattr("spectraflow.spectra.rendering.POINTS_AT_ONCE", 2 * 4096)
    np.testing.assert_array_equal(all_columns(change).high, whole.high)
    np.testing.assert_array_equal(all_columns(change, names[::-1]).high[::-1], whole.high)
    np.testing.assert_array_equal(columns("aspirin", change=change).high, whole.high[names.index("aspirin")])
    assert (all_columns(replace(change, seed=1)).high != whole.high).any()
    twins = [columns_of_lines(*lines("aspirin", "13C"), "13C", DEFAULT, change, f"x:{n}").high for n in range(9)]
    assert any((one != twins[0]).any() for one in twins[1:])
    with pytest.raises(ValueError, match="needs the ids"):
        columns_of_lines(*lines("aspirin", "13C"), "13C", DEFAULT, change)


@pytest.mark.parametrize("wrong", [{"width_factor": 0.0}, {"vertical_scale": 1.5}, {"signal_to_noise": 0.0}])
def test_impossible_changes_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        RenderingChange(**wrong)
