"""Spectra as columns and pictures: against a direct computation, golden bytes, and what must not matter."""

import hashlib
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spectraflow.methods.matchnet.settings import NUCLEI, RenderingSettings
from spectraflow.spectra.rendering import (
    UnrenderableSpectrum,
    columns_of_arrays,
    columns_of_line_lists,
    columns_of_lines,
    image_of_columns,
    lines_inside,
)
from tests.unit.spectra.rendered_molecules import MOLECULES, lines

REAL = Path(__file__).parents[4] / "shared" / "data" / "alberts" / "example_data_1.parquet"
DEFAULT = RenderingSettings()
FILL = RenderingSettings(style="fill")
SMALL = RenderingSettings(columns=32, oversampling=4)
WINDOWS = {"1H": (12.05, -2.0), "13C": (230.0, -2.0)}
GOLDEN = {
    ("ethanol", "1H", "trace"): "ff3df9cd1d81e4dc936e25aa0319602feec24becb27bdf2ad13ca18fffb3865d",
    ("ethanol", "1H", "fill"): "d7091fac1bd7e7713f990f1874ed2dbed4cb15b26fd6096943af28e163bbde96",
    ("ethanol", "13C", "trace"): "ec9a9dc1cc7d9de9fabab9b7df453f9f48d2e44191882a2e0807f37fa53ffdbb",
    ("ethanol", "13C", "fill"): "03dceae30e59103a3001400edd3ba97cc157a8c91fcec63148b824e6ec223ca8",
    ("ethyl acetate", "1H", "trace"): "70d6d6908e37f1a8e043e979763abc621501678b072a395f4149d5bda00636da",
    ("ethyl acetate", "1H", "fill"): "420fcc6d9dfb456c3e4e6131a2f98be15bbc8ebafc7f5f143d48111f2a3d3ccc",
    ("ethyl acetate", "13C", "trace"): "ea3578a8e87090555d73ac1598dee66c0a1fdc0d241207bd80a65521758b2a9a",
    ("ethyl acetate", "13C", "fill"): "16bb449c6f4e0a6f1edc5f9da02e6a550381161fa250c66ecb2f10d18a33053d",
    ("toluene", "1H", "trace"): "e4a352e7b6a8547ee5a465928e54d1d19f4258b2efb2198875c777988f74bf10",
    ("toluene", "1H", "fill"): "d92f99f7603552488125f79abd3f2140b03f5e33fcf7281a595f47037130877e",
    ("toluene", "13C", "trace"): "6d4736b5aa473b0110d5c8d9581a9126549dbb126fd9a488b11374a6802a51ad",
    ("toluene", "13C", "fill"): "317277dcaafbdbf0cc19c51ee46f73fa2ac4286f6e226d750a70237b797101d8",
    ("caffeine", "1H", "trace"): "ba643166dbe89593c18d4d7990f305487df0b775dee5b4178db924667dff4559",
    ("caffeine", "1H", "fill"): "70d1aec0350addb8696bf4429bfa3b6ab8e118d07a07fb809adc7cef2fa69dfc",
    ("caffeine", "13C", "trace"): "b81d22fc0e9ea25a5ce37904cea9e02898f1fe8a1772f695ed6abeb8c0f31bd1",
    ("caffeine", "13C", "fill"): "3d177930530ac8fb01e63d3fa0f23cb230d1c3882ace3ed34a084ec11beb7172",
    ("aspirin", "1H", "trace"): "ce0807948a2dec31dd6a52e7974a49a30939ef25bd63fd126e72a09651dacb4b",
    ("aspirin", "1H", "fill"): "8614b00a9b2d1ea07fdaaa24bfa221098b99830aa17f499d60a7c9dab5fe75ce",
    ("aspirin", "13C", "trace"): "d23068827a388cbf2ba42237e67a6a4e7ad99b3466674947902fc8152bf2c389",
    ("aspirin", "13C", "fill"): "44bbef1cbd5b4dbf0efce398563ff281d356e8ef2e2a4d0eac7baacada3a53ff",
}
"""SHA-256 of the pictures: other bytes are another version of the specification."""


def picture(name, nucleus, style=DEFAULT):
    columns = columns_of_lines(*lines(name, nucleus), nucleus, style)
    return image_of_columns(columns.high, columns.low, style)


def directly(ppm, area, nucleus, style):
    """Section by section, point by point: the specification without a thought of speed."""
    left, right = WINDOWS[nucleus]
    width = style.proton_width if nucleus == "1H" else style.carbon_width
    count = style.columns * style.oversampling
    points = left - (np.arange(count) + 0.5) * (left - right) / count
    total = np.zeros(count)
    for at, height in zip(ppm, area, strict=True):
        distance = np.abs(points - at)
        line = height / (1 + (distance / (width / 2)) ** 2)
        total += np.where(distance <= 25 * width, line, 0)
    total = (total / total.max()).reshape(style.columns, style.oversampling)
    return total.max(axis=1), total.min(axis=1)


def column_of(ppm, nucleus, count=256):
    left, right = WINDOWS[nucleus]
    return int((left - ppm) / (left - right) * count)


line_lists = st.lists(st.tuples(st.floats(-2, 12), st.integers(1, 9)), min_size=1, max_size=12)


@pytest.mark.parametrize("style", [DEFAULT, SMALL, RenderingSettings(proton_width=4.0, carbon_width=40.0)])
@pytest.mark.parametrize("nucleus", NUCLEI)
@pytest.mark.parametrize("name", MOLECULES)
def test_equals_the_direct_computation(name, nucleus, style):
    ppm, area = lines(name, nucleus)
    columns = columns_of_lines(ppm, area, nucleus, style)
    high, low = directly(ppm, area if nucleus == "1H" else np.ones(len(ppm)), nucleus, style)
    np.testing.assert_allclose(columns.high, high, atol=1e-6)
    np.testing.assert_allclose(columns.low, low, atol=1e-6)
    assert columns.high.dtype == columns.low.dtype == np.float32
    assert columns.high.max() == 1
    assert columns.low.min() >= 0


@pytest.mark.parametrize(("name", "nucleus", "style"), list(GOLDEN))
def test_pictures_are_the_golden_bytes(name, nucleus, style):
    found = picture(name, nucleus, RenderingSettings(style=style))
    assert found.dtype == np.uint8
    assert found.shape == (256, 256)
    assert hashlib.sha256(found.tobytes()).hexdigest() == GOLDEN[name, nucleus, style]


@settings(max_examples=30, deadline=None)
@given(line_lists, st.randoms(use_true_random=False))
def test_order_of_lines_does_not_matter(peaks, random):
    other = list(peaks)
    random.shuffle(other)
    one, two = (columns_of_lines(*zip(*found, strict=True), "1H", SMALL) for found in (peaks, other))
    np.testing.assert_array_equal(one.high, two.high)
    np.testing.assert_array_equal(one.low, two.low)


@settings(max_examples=30, deadline=None)
@given(line_lists, st.floats(0.01, 100))
def test_scale_of_all_areas_does_not_matter(peaks, factor):
    ppm, area = (np.array(values, np.float64) for values in zip(*peaks, strict=True))
    one, two = (columns_of_lines(ppm, areas, "1H", SMALL) for areas in (area, area * factor))
    np.testing.assert_allclose(one.high, two.high, atol=1e-6)
    np.testing.assert_allclose(one.low, two.low, atol=1e-6)


@pytest.mark.parametrize("nucleus", NUCLEI)
def test_batch_does_not_matter(nucleus, monkeypatch):
    rng = np.random.default_rng(1)
    counts = rng.integers(1, 20, 90)
    ppm = rng.uniform(-2, 12, counts.sum())
    area = rng.integers(1, 7, counts.sum())
    whole = columns_of_line_lists(ppm, area, counts, nucleus, DEFAULT)
    starts = np.concatenate([[0], counts.cumsum()])
    for row in range(0, 90, 7):
        part = slice(starts[row], starts[row + 1])
        alone = columns_of_lines(ppm[part], area[part], nucleus, DEFAULT)
        np.testing.assert_array_equal(alone.high, whole.high[row])
        np.testing.assert_array_equal(alone.low, whole.low[row])
    monkeypatch.setattr("spectraflow.spectra.rendering.POINTS_AT_ONCE", 5 * 4096)
    by_five = columns_of_line_lists(ppm, area, counts, nucleus, DEFAULT)
    np.testing.assert_array_equal(by_five.high, whole.high)
    np.testing.assert_array_equal(by_five.low, whole.low)


@pytest.mark.parametrize(
    ("nucleus", "ppm"), [("1H", 7.26), ("1H", 0.0), ("1H", 11.9), ("13C", 77.16), ("13C", 199.5), ("13C", 1.0)]
)
def test_a_line_inks_its_column(nucleus, ppm):
    columns = columns_of_lines([ppm], [1], nucleus, DEFAULT)
    column = column_of(ppm, nucleus)
    assert columns.high.argmax() == column
    image = image_of_columns(columns.high, columns.low, DEFAULT)
    assert np.flatnonzero((image[:120] == 0).any(axis=0)).tolist() == [column]


@pytest.mark.parametrize("nucleus", NUCLEI)
def test_window_holds_both_of_its_ends(nucleus):
    left, right = WINDOWS[nucleus]
    beyond = [left + 0.01, right - 0.01]
    columns = columns_of_lines([left, right, *beyond], [1, 1, 9, 9], nucleus, DEFAULT)
    assert columns.outside == 2
    assert columns.high[[0, -1]].min() > 0.9
    assert columns.high[5:-5].max() < 0.02
    assert lines_inside([left, right, *beyond], nucleus, DEFAULT) == 2
    assert lines_inside(beyond, nucleus, DEFAULT) == 0


def test_lines_end_25_widths_away():
    high = columns_of_lines([5.0], [1], "1H", DEFAULT).high
    inked = np.flatnonzero(high)
    reach = 25 * 0.02 / (14.05 / 256)
    assert len(inked) == pytest.approx(2 * reach, abs=2)
    assert inked.mean() == pytest.approx(column_of(5.0, "1H"), abs=1)


def test_heights_are_protons_but_single_carbons():
    ppm, area = [2.0, 8.0], [6, 2]
    at = [column_of(one, "1H") for one in ppm]
    low = columns_of_lines(ppm, area, "1H", DEFAULT).high[at]
    assert low[1] / low[0] == pytest.approx(1 / 3, abs=0.03)
    even = columns_of_lines(ppm, area, "1H", RenderingSettings(proton_area="unit")).high[at]
    assert even.min() > 0.9
    ppm, at = [20.0, 120.0], [column_of(one, "13C") for one in (20.0, 120.0)]
    assert columns_of_lines(ppm, area, "13C", DEFAULT).high[at].min() > 0.85
    counted = columns_of_lines(ppm, area, "13C", RenderingSettings(carbon_area="count")).high[at]
    assert counted[1] / counted[0] == pytest.approx(1 / 3, abs=0.05)


def test_lists_of_no_use_are_named_by_their_row():
    with pytest.raises(UnrenderableSpectrum, match="no 13C lines"):
        columns_of_lines([], [], "13C", DEFAULT)
    with pytest.raises(UnrenderableSpectrum, match=r"none of 2 1H lines lies inside .*12\.05 to -2 ppm") as caught:
        columns_of_line_lists([1.0, 20.0, -5.0], [1, 1, 1], [1, 2], "1H", DEFAULT)
    assert caught.value.row == 1
    for ppm, area in ((np.nan, 1), (np.inf, 1), (1.0, 0), (1.0, -1), (1.0, np.nan)):
        with pytest.raises(UnrenderableSpectrum, match="impossible") as caught:
            columns_of_line_lists([1.0, 2.0, ppm], [1, 1, area], [1, 1, 1], "1H", DEFAULT)
        assert caught.value.row == 2
    with pytest.raises(ValueError, match="3 lines counted, 2 shifts"):
        columns_of_line_lists([1.0, 2.0], [1, 1], [3], "1H", DEFAULT)


def test_lines_narrower_than_the_grid_are_refused():
    with pytest.raises(UnrenderableSpectrum, match="nothing of the 1H spectrum"):
        columns_of_lines([5.0], [1], "1H", RenderingSettings(proton_width=1e-6))


def is_connected(image):
    """Whether the ink of each column touches or overlaps that of the column before it, without a gap inside."""
    ends = []
    for column in (image == 0).T:
        rows = np.flatnonzero(column)
        assert len(rows)
        assert len(rows) == rows[-1] - rows[0] + 1
        ends.append((rows[0], rows[-1]))
    return all(a[0] <= b[1] and b[0] <= a[1] for a, b in pairwise(ends))


@pytest.mark.parametrize("nucleus", NUCLEI)
@pytest.mark.parametrize("name", MOLECULES)
def test_traces_are_connected_from_row_8_to_248(name, nucleus):
    image = picture(name, nucleus)
    assert set(np.unique(image)) == {0, 255}
    assert is_connected(image)
    inked = np.flatnonzero((image == 0).any(axis=1))
    assert (inked[0], inked[-1]) == (8, 248)


def test_traces_meet_the_column_before():
    high = np.array([0.0, 1.0, 0.0, 0.5], np.float32).repeat(4)[:16]
    small = RenderingSettings(columns=16)
    image = image_of_columns(high, high, small)
    assert is_connected(image)
    rows = [np.flatnonzero(column == 0).tolist() for column in image.T]
    assert rows[3] == [15]
    assert rows[4] == list(range(16))
    assert rows[5] == [0]
    assert rows[8] == list(range(16))


@pytest.mark.parametrize("size", [16, 100, 256, 1024])
def test_every_size_of_picture_holds_its_ink(size):
    style = RenderingSettings(columns=size, style="fill")
    columns = columns_of_lines([5.0], [1], "1H", style)
    image = image_of_columns(columns.high, columns.low, style)
    inked = np.flatnonzero((image == 0).any(axis=1))
    assert inked[-1] == 248 * size // 256
    assert len(inked) == 240 * size // 256 + 1


def test_fill_inks_down_to_the_baseline():
    columns = columns_of_lines(*lines("aspirin", "1H"), "1H", FILL)
    image = picture("aspirin", "1H", FILL)
    assert (image[248] == 0).all()
    assert (image[249:] == 255).all()
    np.testing.assert_array_equal((image == 0).argmax(axis=0), 248 - np.rint(240 * columns.high))
    assert is_connected(image)


def test_pictures_of_a_batch_are_those_of_its_spectra():
    found = [columns_of_lines(*lines(name, "13C"), "13C", DEFAULT) for name in MOLECULES]
    batch = image_of_columns(np.stack([one.high for one in found]), np.stack([one.low for one in found]), DEFAULT)
    for image, name in zip(batch, MOLECULES, strict=True):
        np.testing.assert_array_equal(image, picture(name, "13C"))


def long_spectrum(*peaks):
    """A spectrum of 10,000 points from 10 to -2 ppm with single points of some height."""
    values = np.zeros((1, 10_000), np.float32)
    for ppm, height in peaks:
        values[0, round((10 - ppm) / 12 * 9_999)] = height
    return values


def test_long_spectra_are_pooled_by_their_highest_point():
    columns = columns_of_arrays(long_spectrum((7.0, 2.0), (1.0, 0.5), (4.0, -3.0)), (10.0, -2.0), "1H", DEFAULT)
    assert np.flatnonzero(columns.high[0]).tolist() == [column_of(7.0, "1H"), column_of(1.0, "1H")]
    assert columns.high[0].max() == 1
    assert columns.high[0, column_of(1.0, "1H")] == 0.25
    assert not columns.low.any()


@pytest.mark.parametrize(("nucleus", "ends"), [("1H", (10.0, -2.0)), ("13C", (230.0, -20.0))])
def test_long_spectra_have_the_highest_value_of_each_column(nucleus, ends):
    values = np.random.default_rng(0).uniform(0, 1, (3, 10_000)).astype(np.float32)
    style = RenderingSettings(proton_window=(10.0, -2.0))
    left, right = style.proton_window if nucleus == "1H" else style.carbon_window
    ppm = np.linspace(*ends, 10_000)
    edges = left - np.arange(257) * (left - right) / 256
    inside = [(ppm <= edges[at]) & (ppm > edges[at + 1]) for at in range(256)]
    expected = np.stack([values[:, one].max(axis=1) for one in inside], axis=1)
    expected /= expected.max(axis=1, keepdims=True)
    high = columns_of_arrays(values, ends, nucleus, style).high
    assert (np.abs(high - expected) < 1e-6).mean() > 0.99  # a point on an edge may fall to either side


def test_long_spectra_may_be_shorter_or_coarser_than_the_window():
    flat = columns_of_arrays(np.ones((1, 10_000)), (10.0, -2.0), "1H", DEFAULT)
    inside = column_of(10.0, "1H")
    assert not flat.high[0, :inside].any()
    assert (flat.high[0, inside:] == 1).all()
    assert (flat.low[0, inside + 1 :] == 1).all()
    coarse = columns_of_arrays(np.linspace(1, 2, 40)[None], (10.0, -2.0), "1H", DEFAULT)
    assert (np.diff(coarse.high[0, inside:]) >= 0).all()
    assert coarse.low[0, inside + 1 :].min() > 0.5


def test_windows_cut_long_spectra():
    narrow = RenderingSettings(proton_window=(6.0, 2.0))
    columns = columns_of_arrays(long_spectrum((7.0, 2.0), (4.0, 0.5)), (10.0, -2.0), "1H", narrow)
    assert np.flatnonzero(columns.high[0]).tolist() == [128]
    with pytest.raises(UnrenderableSpectrum, match="nothing of the 1H"):
        columns_of_arrays(long_spectrum((7.0, 2.0)), (10.0, -2.0), "1H", narrow)


def test_long_spectra_of_no_use_are_named_by_their_row():
    good = long_spectrum((7.0, 1.0))
    for bad, message in ((good * 0, "nothing"), (-good, "nothing"), (good * np.nan, "not finite")):
        with pytest.raises(UnrenderableSpectrum, match=message) as caught:
            columns_of_arrays(np.concatenate([good] * 70 + [bad]), (10.0, -2.0), "1H", DEFAULT)
        assert caught.value.row == 70
    with pytest.raises(UnrenderableSpectrum, match="no point"):
        columns_of_arrays(good, (40.0, 30.0), "1H", DEFAULT)


@pytest.mark.real_data
@pytest.mark.skipif(not REAL.exists(), reason="no real data beside the project")
def test_real_carbonyl_carbons_are_on_the_left():
    table = pq.read_table(REAL, columns=["smiles", "c_nmr_spectra", "h_nmr_spectra"])
    carbon, proton = (np.stack(table[name].to_numpy()) for name in ("c_nmr_spectra", "h_nmr_spectra"))
    columns = columns_of_arrays(carbon, (230.0, -20.0), "13C", DEFAULT)
    carbonyl = np.array(["C(=O)" in text for text in table["smiles"].to_pylist()])
    left = columns.high[:, column_of(215, "13C") : column_of(160, "13C")].max(axis=1) > 0.05
    assert left[carbonyl].mean() > 0.8
    assert left[~carbonyl].mean() < 0.4
    style = RenderingSettings(proton_window=(10.0, -2.0))
    images = columns_of_arrays(proton, (10.0, -2.0), "1H", style)
    images = image_of_columns(images.high, images.low, style)
    assert images.shape == (100, 256, 256)
    assert all(is_connected(image) for image in images[:10])
