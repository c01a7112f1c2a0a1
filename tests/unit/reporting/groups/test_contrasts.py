import polars as pl
import pytest

from spectraflow.reporting.comparison import SCHEMA, compare_runs
from spectraflow.reporting.groups.contrasts import ablations, gains, label_orders

NOTHING = pl.DataFrame(schema=SCHEMA)


def single(name, quality):
    return {"modalities": [name], "required": ["IR", "13C", "1H"]}, {"quality": quality}


def test_gain_of_several_spectra_is_told_with_its_interval(make_entries):
    (text,) = gains(make_entries(({}, {"quality": 0.95}), single("IR", 0.7), single("1H", 0.8)))
    assert "all three spectra (IR, 13C, 1H)" in text
    assert "1H alone, the best of 2" in text
    assert text.endswith(": a gain.")


def test_a_loss_and_a_tie_are_said(make_entries):
    assert gains(make_entries(({}, {"quality": 0.6}), single("IR", 0.9)))[0].endswith(": a loss.")
    assert "no difference" in gains(make_entries(({}, {}), single("IR", 0.9)))[0]


def test_single_spectra_of_other_settings_do_not_count(make_entries):
    other = {"modalities": ["IR"], "network": {"fusion": 16}}
    assert gains(make_entries(({}, {}), (other, {}))) == []


def test_ablations_say_what_a_part_brings(make_entries):
    entries = make_entries(
        ({}, {"quality": 0.95}),
        ({"network": {"gate": "off"}, "objective": {"beta": 0.0}}, {"quality": 0.8}),
        ({"objective": {"sample_scale": 0.0, "feature_scale": 0.0}, "network": {"auxiliary": "none"}}, {}),
        ({"network": {"decoder": "none"}}, {}),
        ({"objective": {"beta": 0.0}}, {}),
        ({"network": {"order": "frequency"}}, {}),
        ({"kind": "cnn"}, {}),
        ({"network": {"fusion": 8, "decoder": "none"}}, {}),
    )
    found = ablations(entries)
    names = [row["name"] for row in found["rows"]]
    assert names == ["gate and bottleneck off", "no dynamic weights", "no decoder", "gate kept, no bottleneck"]
    assert found["rows"][0]["cells"][0]["apart"]
    assert found["rows"][0]["cells"][0]["value"].startswith("+")


def test_nothing_to_contrast_is_none(make_entries):
    assert ablations(make_entries(({"kind": "cnn"}, {}))) is None
    assert label_orders(make_entries(({}, {})), NOTHING) == []


def test_orders_stand_beside_published_ones(tmp_path, make_entries, real_published):
    changes = ({}, {"order": "gnn"}, {"order": "random", "order_seed": 3}, {"decoder": "none"}, {"decoder": "gru"})
    entries = make_entries(*(({"network": change}, {}) for change in changes))
    runs = [run.folder for one in entries for run in one.experiment.runs]
    comparison = compare_runs(real_published, runs, tmp_path / "c.csv", data="published")
    (table,) = label_orders(entries, comparison)
    assert [row["name"] for row in table["rows"]] == [
        "IUPAC seniority",
        "graph network",
        "random 3",
        "none: all at once",
    ]
    assert [row["cells"][1]["published"] for row in table["rows"]] == ["94.2", "88.3", "", "88.4"]
    assert dict(table["groups"])["Imine"] == str(
        entries[0].first_run.metrics["parts"]["test"]["groups/label/Imine/f1"]["n"]
    )
    assert float(table["rows"][0]["cells"][0]["text"]) == pytest.approx(
        100 * entries[0].measure("groups/micro_f1").value, abs=0.06
    )
