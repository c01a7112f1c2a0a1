"""The steps that render a data set: order, streaming, accounting, and molecules they cannot render."""

import json
from dataclasses import replace

import numpy as np
import pytest

from spectraflow.errors import InputError
from spectraflow.methods.matchnet import render as step
from spectraflow.methods.matchnet.render import render, render_changed
from spectraflow.methods.matchnet.settings import NUCLEI, RenderingSettings
from spectraflow.spectra.rendering import columns_of_lines
from spectraflow.spectra.rendering_changes import RenderingChange
from spectraflow.tables import MATCHING_SPECTRA, RENDERED, read_table
from tests.unit.conftest import write_rows
from tests.unit.spectra.rendered_molecules import MOLECULES, lines

DEFAULT = RenderingSettings()
PREFIX = {"1H": "proton", "13C": "carbon"}


def row(molecule_id, **lists):
    filled = {"first_block": molecule_id, "smiles": "C", "origin": "measured", **lists}
    return {"molecule_id": molecule_id, **filled}


def spectra_row(name):
    lists = {}
    for nucleus, prefix in PREFIX.items():
        ppm, area = lines(name, nucleus)
        lists |= {f"{prefix}_ppm": ppm.tolist(), f"{prefix}_area": area.tolist()}
    return row(f"x:{name}", **lists)


@pytest.fixture
def write(tmp_path):
    def table(*rows):
        return write_rows(tmp_path / "spectra.parquet", MATCHING_SPECTRA, list(rows))

    return table


@pytest.fixture
def five(write):
    return write(*(spectra_row(name) for name in MOLECULES))


def rendered(tmp_path, spectra, settings=DEFAULT):
    counts = render(settings, spectra, tmp_path / "rendered.parquet", tmp_path / "counts.json")
    assert counts == json.loads((tmp_path / "counts.json").read_text())
    return read_table(tmp_path / "rendered.parquet", RENDERED), counts


@pytest.mark.parametrize("batch_rows", [2, 2048])
def test_molecules_are_rendered_in_order(five, tmp_path, monkeypatch, batch_rows):
    monkeypatch.setattr(step, "BATCH_ROWS", batch_rows)
    table, counts = rendered(tmp_path, five)
    assert table["molecule_id"].to_pylist() == [f"x:{name}" for name in MOLECULES]
    for nucleus, prefix in PREFIX.items():
        for place, name in enumerate(MOLECULES):
            columns = columns_of_lines(*lines(name, nucleus), nucleus, DEFAULT)
            np.testing.assert_array_equal(table[f"{prefix}_high"][place].as_py(), columns.high)
            np.testing.assert_array_equal(table[f"{prefix}_low"][place].as_py(), columns.low)
    assert counts["molecules"] == 5
    assert counts["lines"] == {"1H": 19, "13C": 28}
    assert counts["lines_outside"] == {"1H": 0, "13C": 0}
    assert RenderingSettings(**counts["settings"]) == DEFAULT


def test_lines_outside_the_window_are_counted(five, tmp_path):
    narrow = RenderingSettings(proton_window=(10.0, -2.0), carbon_window=(170.0, -2.0))
    _, counts = rendered(tmp_path, five, narrow)
    assert counts["lines_outside"] == {"1H": 1, "13C": 2}


@pytest.mark.parametrize(
    ("lists", "message"),
    [
        ({"proton_ppm": [15.0], "proton_area": [1.0]}, "x:bad cannot be rendered: none of 1 1H lines"),
        ({"carbon_ppm": [], "carbon_area": []}, "x:bad cannot be rendered: no 13C lines"),
        ({"carbon_ppm": None, "carbon_area": None}, "x:bad cannot be rendered: no 13C lines"),
        ({"proton_ppm": [1.0, None], "proton_area": [1.0, 1.0]}, "x:bad cannot be rendered: .* impossible"),
        ({"proton_ppm": [1.0, 2.0], "proton_area": [1.0]}, "x:bad: 2 1H shifts, but 1 areas"),
    ],
)
def test_a_molecule_that_cannot_be_rendered_is_named(write, tmp_path, monkeypatch, lists, message):
    monkeypatch.setattr(step, "BATCH_ROWS", 2)
    spectra = write(
        *(spectra_row(name) for name in list(MOLECULES)[:3]), spectra_row("toluene") | row("x:bad", **lists)
    )
    with pytest.raises(InputError, match=f"{spectra}: {message}"):
        rendered(tmp_path, spectra)
    assert not (tmp_path / "rendered.parquet").exists()


def test_changed_renderings_follow_the_ids_asked_for(five):
    ids = ["x:aspirin", "x:ethanol", "x:aspirin"]
    change = RenderingChange(signal_to_noise=20.0, width_factor=2.0)
    found = render_changed(five, ids, DEFAULT, change, seed=3)
    again = render_changed(five, ids[1:2], DEFAULT, replace(change, seed=3))
    for nucleus in NUCLEI:
        assert found[nucleus].shape == (3, 2, 256)
        assert found[nucleus].dtype == np.float32
        np.testing.assert_array_equal(found[nucleus][0], found[nucleus][2])
        np.testing.assert_array_equal(found[nucleus][1], again[nucleus][0])
    plain = render_changed(five, ids, DEFAULT)["1H"]
    np.testing.assert_array_equal(plain[1, 0], columns_of_lines(*lines("ethanol", "1H"), "1H", DEFAULT).high)
    assert (plain != found["1H"]).any()
    assert render_changed(five, [], DEFAULT)["1H"].shape == (0, 2, 256)
    with pytest.raises(InputError, match="no molecule 'x:benzene'"):
        render_changed(five, ["x:ethanol", "x:benzene"], DEFAULT)


def test_an_empty_table_gives_an_empty_table(write, tmp_path):
    table, counts = rendered(tmp_path, write())
    assert table.num_rows == counts["molecules"] == 0
