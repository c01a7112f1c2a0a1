"""Spectra drawn otherwise, as each kind of network reads them."""

import numpy as np
import pytest
import torch

from spectraflow.errors import InputError
from spectraflow.methods.matchnet import changed_spectra
from spectraflow.methods.matchnet.changed_spectra import changeable
from spectraflow.methods.matchnet.data import MatchStore
from spectraflow.methods.matchnet.trained_network import open_extractor
from spectraflow.spectra.rendering_changes import CHANGES, RenderingChange
from tests.unit.methods.matchnet.matching_files import RENDERING, small_run, write_matching_files

ROWS = np.array([1, 4, 11])


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return write_matching_files(tmp_path_factory.mktemp("changed"), 20)


@pytest.fixture(scope="module")
def store(files):
    return MatchStore.read(files.spectra, files.rendered, files.features())


def lines(store, nucleus, row):
    values, _, _ = store.peaks[nucleus].take(torch.tensor([row]))
    return values.numpy()


@pytest.fixture(scope="module")
def lists(store, files):
    return changeable(store, ROWS, small_run(network={"spectra": "peaks"}), files.spectra, None)


def test_lines_move(lists, store):
    changed = lists.changed(RenderingChange(proton_shift_ppm=0.05, carbon_shift_ppm=-1))
    for row in ROWS:
        for nucleus, shift in (("1H", 0.05), ("13C", -1)):
            np.testing.assert_allclose(
                lines(changed, nucleus, row), lines(store, nucleus, row) + np.array([shift, 0]), atol=1e-4
            )
    assert len(lines(changed, "1H", 0)) == 0, "only what is asked for is changed"


def test_lines_go_and_come(lists, store):
    fewer = lists.changed(RenderingChange(missing_line=True))
    more = lists.changed(RenderingChange(solvent_line=True))
    for row in ROWS:
        held = lines(store, "13C", row)
        kept = lines(fewer, "13C", row)
        assert len(kept) == len(held) - 1
        assert set(kept[:, 0].tolist()) < set(held[:, 0].tolist())
        added = lines(more, "13C", row)
        assert set(added[:, 0].tolist()) - set(held[:, 0].tolist()) == {np.float32(77.16)}
        assert np.all(np.diff(added[:, 0]) > 0)


def test_how_lines_are_drawn_is_nothing_to_a_list(lists):
    seen = [name for name, change in CHANGES.items() if lists.changed(change) is not None]
    assert seen == [name for name in CHANGES if "ppm" in name or name in ("one line missing", "solvent line")]
    assert len(seen) == 10


@pytest.fixture(scope="module")
def vectors(store, files):
    return changeable(store, ROWS, small_run(), files.spectra, None)


def test_columns_of_the_asked_molecules_alone_change(vectors, store):
    changed = vectors.changed(RenderingChange(vertical_scale=0.5))
    others = np.setdiff1d(np.arange(len(store)), ROWS)
    for nucleus, held in store.columns.items():
        torch.testing.assert_close(changed.columns[nucleus][ROWS], held[ROWS] / 2)
        torch.testing.assert_close(changed.columns[nucleus][others], held[others], rtol=0, atol=0)
    torch.testing.assert_close(vectors.changed(RenderingChange()).columns, store.columns, rtol=0, atol=1e-6)


def test_columns_of_other_lines_are_refused(store, files):
    other = store.with_columns({nucleus: held.flip(-1) for nucleus, held in store.columns.items()})
    with pytest.raises(InputError, match=r"spectra\.parquet: the rendered 1H spectra are not those of its lines"):
        changeable(other, ROWS, small_run(), files.spectra, None)


@pytest.fixture(scope="module")
def images(store, files):
    settings = small_run(network={"spectra": "images"})
    extractor = open_extractor(files.features(), settings, torch.device("cpu"))
    return changeable(store, ROWS, settings, files.spectra, extractor)


def gathered(store):
    return store.features.gather(torch.from_numpy(ROWS))


def test_unchanged_images_are_not_seen_again(images, store, monkeypatch):
    monkeypatch.setattr(changed_spectra, "maps_of", lambda *_: pytest.fail("the backbone was asked"))
    found, held = gathered(images.changed(RenderingChange())), gathered(store)
    for nucleus in held:
        torch.testing.assert_close(found[nucleus], held[nucleus], rtol=0, atol=0)


def test_a_change_of_one_nucleus_changes_its_maps_alone(images, store):
    found, held = gathered(images.changed(RenderingChange(carbon_shift_ppm=20))), gathered(store)
    torch.testing.assert_close(found["1H"], held["1H"], rtol=0, atol=0)
    assert ((found["13C"] - held["13C"]).flatten(1).abs().amax(1) > 0).all()


def test_maps_are_those_of_images_with_the_changed_style(images):
    wide_and_filled = RenderingChange(style="fill", width_factor=20)
    found, drawn = gathered(images.changed(wide_and_filled)), images.columns.drawn(wide_and_filled)
    filled = RENDERING.model_copy(update={"style": "fill"})
    for nucleus in ("1H", "13C"):
        pictures = changed_spectra.images_of(drawn[nucleus], filled)
        assert (pictures != changed_spectra.images_of(drawn[nucleus], RENDERING)).any()
        torch.testing.assert_close(found[nucleus].float(), images.extractor.maps(pictures), rtol=2e-3, atol=2e-3)
