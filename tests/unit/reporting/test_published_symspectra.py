import json

import polars as pl
import pytest

from spectraflow.reporting.comparison import compare_runs
from spectraflow.reporting.published_symspectra import unused_settings

OPEN = {"dataset": "open_exp", "modalities": ["MS", "13C", "1H_wide"]}


@pytest.fixture
def compared(tmp_path, real_published):
    def compare(*runs, audits=()):
        table = compare_runs(real_published, list(runs), tmp_path / "c.csv", data="published", audits=audits)
        return table.filter(pl.col("paper") == "symspectra")

    return compare


def cell(found, /, **values):
    return found.filter(*(pl.col(name) == value for name, value in values.items()))


def test_a_model_stands_beside_the_cells_of_its_spectra(make_group_run, compared):
    runs = [
        make_group_run("full"),
        make_group_run("infrared", {"modalities": ["IR"]}, quality=0.7),
        make_group_run("cnn", {"kind": "cnn"}, quality=0.8),
    ]
    table = cell(compared(*runs), table="Table 1")
    assert dict(table.select("setting", "run_ids").filter(pl.col("run_ids") != "cnn").iter_rows()) == {
        "modalities=IR;data=alberts": "infrared",
        "modalities=IR+13C+1H;data=alberts": "full",
    }
    assert cell(table, method="1D-CNN")["published"].to_list() == [90.0]
    assert set(table["unit"]) == {"%"}
    full = cell(table, run_ids="full").row(0, named=True)
    assert (full["published"], full["published_sd"]) == (97.0, 1.8)
    metrics = json.loads((runs[0] / "metrics.json").read_text())
    assert full["measured"] == pytest.approx(100 * metrics["parts"]["test"]["groups/micro_f1"]["value"])
    assert full["deviations"] == ""


def test_modalities_count_in_any_order(make_group_run, compared):
    table = compared(make_group_run("a", {"modalities": ["1H", "IR", "13C"]}))
    assert len(cell(table, table="Table 1")) == 1


@pytest.mark.parametrize(
    "differences",
    [
        {"permuted": True},
        {"imbalance": {"strategy": "focal"}},
        {"augmentation": {"kind": "vertical"}},
        {"subsample": {"group": "Amide", "kept": 0.5}},
        {"network": {"gate": "off"}, "objective": {"beta": 0.0}},
        {"network": {"decoder": "none"}},
        {"network": {"order": "frequency"}},
        {"network": {"attention": False}},
        {"objective": {"sample_scale": 0.0, "feature_scale": 0.0}},
        {"objective": {"aux_encoder_grad": -0.1}},
    ],
)
def test_a_control_or_an_ablation_never_answers_a_plain_cell(make_group_run, compared, differences):
    table = compared(make_group_run("other", differences))
    plain = table.filter(pl.col("table").is_in(["Table 1", "Table 10", "Table 11"]))
    assert plain.is_empty()
    assert cell(table, method="SymSpectra", table="Table 3").is_empty()


def test_sizes_may_differ_and_are_named(make_group_run, compared):
    small = make_group_run("small", {"network": {"fusion": 16}, "objective": {"beta": 1e-5}})
    row = cell(compared(small), table="Table 1").row(0, named=True)
    assert row["deviations"] == "network.fusion=16; objective.beta=1e-05"
    assert cell(compared(small, make_group_run("full")), table="Table 1")["run_ids"].to_list() == ["full"]


def test_resampled_vectors_stand_in_by_name(make_group_run, compared):
    row = cell(compared(make_group_run("a", {"modalities": ["IR", "13C_max", "1H_max"]})), table="Table 1")
    assert row["deviations"].to_list() == ["modalities=['IR', '13C_max', '1H_max']"]


def test_cells_of_sdbs_are_also_answered_by_the_open_set(make_group_run, compared):
    runs = [
        make_group_run("sdbs", {"dataset": "sdbs", "modalities": ["MS", "13C", "1H"]}),
        make_group_run("open", OPEN),
    ]
    table = cell(compared(*runs), table="Table 1")
    assert table["run_ids"].to_list() == ["sdbs", "open"]
    assert table["deviations"].to_list() == ["", "dataset=open_exp"]
    assert set(table["setting"]) == {"modalities=MS+13C+1H;data=sdbs"}


def test_components(make_group_run, compared):
    runs = [
        make_group_run("full"),
        make_group_run("weight", {"objective": {"sample_scale": 0.0, "feature_scale": 0.0}}),
        make_group_run("gate", {"network": {"gate": "off"}, "objective": {"beta": 0.0}}),
        make_group_run("head", {"network": {"decoder": "none"}}),
    ]
    table = cell(compared(*runs), table="Table 3", setting="tier=high;data=alberts")
    assert dict(table.select("method", "run_ids").iter_rows()) == {
        "SymSpectra": "full",
        "- Dynamic Weight": "weight",
        "- SCIB Compression": "gate",
        "- LSTM Decoder": "head",
    }
    assert cell(table, method="- Dynamic Weight")["deviations"].to_list() == ["network.auxiliary=heads"]
    assert set(table["metric"]) == {"groups/tier/high/f1"}
    orders = cell(compared(*runs), table="Table 4", setting="order=none;group=Amide")
    assert orders["run_ids"].to_list() == ["head"]


@pytest.mark.parametrize(
    ("differences", "table", "setting"),
    [
        ({"network": {"order": "mutual_information"}}, "Table 4", "order=Mutual Info;group=Amide"),
        ({"objective": {"aux_encoder_grad": -0.01}}, "Table 5", "lambda=0.01"),
        ({"network": {"prior": "laplace"}}, "Table 6", "prior=laplace"),
        ({"network": {"decoder": "gru"}}, "Table 9", "decoder=GRU"),
        ({"modalities": ["IR", "1H", "13C", "MSMSpos"]}, "Table 11", "n_modalities=4;data=alberts"),
        (
            {**OPEN, "augmentation": {"kind": "horizontal"}},
            "Figure 5a",
            "augmentation=horizontal shift;modalities=MS+13C+1H;data=sdbs",
        ),
    ],
)
def test_experiments_are_told_apart(make_group_run, compared, differences, table, setting):
    plain = make_group_run("plain", OPEN if "dataset" in differences else {})
    found = cell(compared(make_group_run("changed", differences), plain), table=table, setting=setting)
    assert set(found["run_ids"]) == {"changed"}


def test_p_values_need_repeated_runs(make_group_run, compared):
    def runs(seeds):
        found = [make_group_run(f"s{seeds}{n}", {"training": {"seed": n}}, quality=0.95) for n in range(seeds)]
        cnn = {"kind": "cnn", "imbalance": {"strategy": "focal"}}
        return found + [make_group_run(f"c{seeds}{n}", merge_seed(cnn, n), quality=0.7) for n in range(seeds)]

    def merge_seed(values, seed):
        return {**values, "training": {"seed": seed}}

    single, double = compared(*runs(1)), compared(*runs(3))
    assert single.filter(pl.col("unit") == "p").is_empty()
    row = double.filter(pl.col("unit") == "p").row(0, named=True)
    assert row["metric"] == "welch_p/groups/micro_f1"
    assert row["published"] == 6.82e-5
    assert 0 < row["measured"] < 0.05
    assert row["run_ids"] == "c30 c31 c32"


def test_costs_and_examinations_keep_their_units(make_group_run, compared):
    table = compared(make_group_run("a", examined=True), make_group_run("b", OPEN, examined=True))
    hours = cell(table, table="Table 10", metric="cost/hours").row(0, named=True)
    assert (hours["unit"], hours["published"], hours["measured"]) == ("h", 2.7, 2.0)
    assert cell(table, table="Table 10", unit="GB")["measured"].to_list() == [5.5]
    withheld = cell(table, setting="missing=1H;data=sdbs").row(0, named=True)
    assert (withheld["metric"], withheld["published"]) == ("examined/missing/1H/micro_f1", 90.31)
    assert withheld["measured"] == pytest.approx(70)
    normal = cell(table, table="Table 7", method="Shapiro-Wilk")
    assert normal["measured"].to_list() == [0.2] * 3
    assert normal["published"].to_list() == [0.1648, 0.1199, 0.1479]
    tiers = cell(table, table="text O")
    assert set(tiers["unit"]) == {""}
    assert tiers["measured"].sum() == 8


def test_distant_scaffolds_are_known_by_the_audit(tmp_path, make_group_run, compared):
    audits = []
    for name, kind in (("tenths", "random"), ("far", "scaffold_clusters")):
        path = tmp_path / "splits" / "alberts" / f"{name}-fold0.audit.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"settings": {"kind": kind}}))
        audits.append(path)
    table = compared(make_group_run("near"), make_group_run("distant", {"split": "far"}), audits=audits)
    assert cell(table, table="Figure 3c")["run_ids"].to_list() == ["distant"]
    assert cell(table, table="Table 1")["run_ids"].to_list() == ["near"]


def test_settings_of_other_models_are_unused():
    cnn = {"kind": "cnn", "network.fusion": 1, "baseline.dense": 2, "baseline.trees": 3, "modalities": ["IR"]}
    assert {"network.fusion", "baseline.trees"} <= unused_settings(cnn)
    assert "baseline.dense" not in unused_settings(cnn)
    assert "required" in unused_settings({"kind": "cnn", "modalities": ["IR"], "required": None})
    assert "required" not in unused_settings({"kind": "cnn", "modalities": ["IR"], "required": ["IR", "13C"]})
