import json

import polars as pl
import pytest

from spectraflow.methods.matchnet.settings import MatchnetRun
from spectraflow.reporting.comparison import compare_runs
from spectraflow.reporting.published_matchnet import VARIANTS, unused_settings
from spectraflow.settings import merge

PRETRAINED = {"network": {"backbone": {"weights": "weights/resnet101.safetensors"}}}


@pytest.fixture
def make_run_of(tmp_path):
    """Return a function that fills a run folder with AUC on some sets and the cost of a model."""

    def make(name, differences=None, *, auc=0.9, sets=("near", "diff"), total=44_115_669, timed=False):
        folder = tmp_path / "runs" / name
        folder.mkdir(parents=True)
        values = merge(MatchnetRun().model_dump(), differences or {})
        settings = MatchnetRun.model_validate(values).model_dump(mode="json")
        info = {"method": "matchnet", "run_id": name, "settings": settings, "parameters": {"total": total}}
        interval = {"value": auc, "low": auc - 0.01, "high": auc + 0.01, "n": 200}
        scores = ("auc", "precision", "recall", "f1", "accuracy")
        test = {f"matching/{one}/{score}": interval for one in sets for score in scores}
        (folder / "settings.json").write_text(json.dumps(info))
        (folder / "metrics.json").write_text(json.dumps({"selection": "val", "parts": {"test": test}}))
        if timed:
            cost = {"uncached": {"16": {"ms": 30.0, "iqr": [25.0, 35.0], "peak_mb": 400.0}}}
            (folder / "examination.json").write_text(json.dumps({"cost": cost}))
        return folder

    return make


@pytest.fixture
def compared(tmp_path, real_published):
    def compare(*runs, audits=()):
        table = compare_runs(real_published, list(runs), tmp_path / "c.csv", data="published", audits=audits)
        return table.filter(pl.col("paper") == "matchnet")

    return compare


def cell(found, /, **values):
    return found.filter(*(pl.col(name) == value for name, value in values.items()))


def test_every_model_stands_beside_its_own_cells(make_run_of, compared):
    def parts(graph, attention, backbone="resnet101"):
        return {"network": {"graph": graph, "attention": attention, "backbone": {"name": backbone}}}

    runs = [make_run_of(name, parts(*found)) for name, found in VARIANTS.items()]
    runs += [
        make_run_of("gcn", parts("parent_gcn", "parent")),
        make_run_of("gat", parts("parent_gat", "parent")),
        make_run_of("fifty", parts("parent_gat", "parent", "resnet50")),
        make_run_of("dense", parts("parent_gat", "parent", "densenet121")),
        make_run_of("efficient", parts("parent_gat", "parent", "efficientnet_b0")),
    ]
    found = cell(compared(*runs), metric="matching/near/auc", setting="test=Test_rand")
    assert dict(found.select("method", "run_ids").iter_rows()) == {
        "Ours": "all",
        **{name: name for name in VARIANTS},
        "GCN + ResNet-101": "gcn",
        "GAT + ResNet-101": "gat",
        "ResNet-50": "fifty",
        "DenseNet": "dense",
        "EfficientNet": "efficient",
    }
    full = cell(found, method="all").row(0, named=True)
    assert (full["published"], full["published_sd"], full["measured"]) == (92.2, 0.5, 90.0)
    assert full["verdict"] == "below"


def test_near_and_diff_answer_the_sets_they_are(make_run_of, compared):
    found = cell(compared(make_run_of("a", sets=("near", "diff", "uniform"))), table="Table 2", method="all")
    assert len(found) == 10
    by_test = found.group_by("setting").agg(pl.col("metric").str.split("/").list[1].unique())
    assert dict(by_test.iter_rows()) == {"test=Test_rand": ["near"], "test=Test_diff": ["diff"]}


def test_listed_sets_answer_the_same_cells(make_run_of, compared):
    listed = {"dataset": "matcs", "split": "listed"}
    runs = [make_run_of("listed", listed, sets=("near", "listed_rand")), make_run_of("measured")]
    found = cell(compared(*runs), table="Table 1", setting="test=Test_rand").filter(
        pl.col("metric").str.ends_with("auc")
    )
    assert sorted(found.select("metric", "run_ids").iter_rows()) == [
        ("matching/listed_rand/auc", "listed"),
        ("matching/near/auc", "listed"),
        ("matching/near/auc", "measured"),
    ]


def test_data_and_random_weights_are_named(make_run_of, compared):
    runs = [make_run_of("random"), make_run_of("trained", {**PRETRAINED, "dataset": "matcs", "split": "listed"})]
    found = cell(compared(*runs), table="Table 2", metric="matching/near/auc", method="all")
    assert dict(found.select("run_ids", "deviations").iter_rows()) == {
        "random": "dataset=nmrshiftdb2; network.backbone.weights=None",
        "trained": "dataset=matcs",
    }


def test_pretrained_weights_are_nearer_to_the_paper(make_run_of, compared):
    found = cell(compared(make_run_of("random"), make_run_of("trained", PRETRAINED)), table="Table 2", method="all")
    assert set(found["run_ids"]) == {"trained"}


@pytest.mark.parametrize(
    "differences",
    [
        {"permuted_labels": True},
        {"network": {"blind": "spectra"}},
        {"network": {"blind": "molecule"}},
        {"network": {"spectra": "vectors"}},
        {"network": {"nuclei": ["13C"]}},
        {"network": {"root": False}},
        {"network": {"attention": "none"}},
        {"kind": "line_counts"},
        {"kind": "boosted_trees"},
    ],
)
def test_a_control_or_another_model_never_answers_a_cell(make_run_of, compared, differences):
    assert compared(make_run_of("other", differences)).is_empty()


def test_what_else_differs_is_named(make_run_of, compared):
    changes = {**PRETRAINED, "negatives": "uniform", "resample": True, "limit": 500, "training": {"epochs": 5}}
    row = cell(compared(make_run_of("a", changes)), table="Table 1", metric="matching/near/auc").row(0, named=True)
    assert set(row["deviations"].split("; ")) == {
        *("dataset=nmrshiftdb2", "limit=500", "negatives=uniform", "resample=True", "training.epochs=5")
    }


def test_an_exchanged_backbone_of_the_full_model_is_named(make_run_of, compared):
    row = cell(compared(make_run_of("a", {"network": {"backbone": {"name": "tiny"}}})), table="Table 1").row(
        0, named=True
    )
    assert "network.backbone.name=tiny" in row["deviations"]


def test_a_split_of_another_kind_is_known_by_its_audit(tmp_path, make_run_of, compared):
    path = tmp_path / "splits" / "nmrshiftdb2" / "tenths-fold0.audit.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"settings": {"kind": "scaffold_balanced"}}))
    row = cell(compared(make_run_of("a"), audits=[path]), table="Table 1").row(0, named=True)
    assert "split_kind=scaffold_balanced" in row["deviations"]


def test_costs_keep_their_units(make_run_of, compared):
    found = cell(compared(make_run_of("a", timed=True)), table="Table 3", method="all")
    rows = {row["metric"]: row for row in found.iter_rows(named=True)}
    parameters = rows["cost/parameters_m"]
    assert (parameters["unit"], parameters["published"], parameters["measured"]) == ("M", 44.116, 44.116)
    assert parameters["verdict"] == "within the interval"
    time = rows["cost/ms_per_batch"]
    assert (time["unit"], time["measured"], time["low"], time["high"]) == ("ms", 30.0, 25.0, 35.0)
    assert rows["cost/peak_memory_mb"]["measured"] == 400.0


def test_settings_of_other_models_are_unused():
    flat = {"kind": "network", "network.spectra": "vectors", "network.graph": "gcn", "network.attention": "joint"}
    flat |= {"network.heads": 8, "network.backbone.name": "tiny", "network.spectrum_dim": 64, "trees": 3}
    unused = unused_settings(flat)
    assert {"network.heads", "network.backbone.name", "trees", "network.attention"} <= unused
    assert "network.spectrum_dim" not in unused
    assert "network.spectrum_dim" in unused_settings({**flat, "network.spectra": "images"})
    assert {"network.graph", "training.epochs"} <= unused_settings(
        {**flat, "kind": "line_counts", "training.epochs": 1}
    )
