import polars as pl
import pytest

from spectraflow.methods.mmfrl.settings import MODALITIES, PropertyRun
from spectraflow.reporting.comparison import compare_runs
from spectraflow.reporting.experiments import flatten
from spectraflow.reporting.published_mmfrl import MODELS, protocol_words, restated, unused_settings
from tests.unit.reporting.property_runs import every_modality, pretrained, write_property_run


@pytest.fixture
def make(tmp_path):
    return lambda name, *args, **options: write_property_run(tmp_path / "runs" / name, *args, **options)


@pytest.fixture
def compared(tmp_path, real_published):
    def compare(*runs):
        table = compare_runs(real_published, list(runs), tmp_path / "c.csv", data="published")
        return table.filter(pl.col("paper") == "mmfrl")

    return compare


def test_every_row_of_the_tables_is_a_known_model_or_another_authors(real_published):
    rows = pl.read_csv(real_published, infer_schema=False).filter(
        (pl.col("paper") == "mmfrl") & pl.col("metric").is_in(["auc", "rmse"])
    )
    others = {"N-Gram", "N-Gram_RF", "N-Gram_XGB", "GEM", "Uni-Mol", "InfoGraph", "GraphCL", "MolCLR"}
    others |= {"MolCLR_CMPNN", "GraphMVP"}
    assert set(rows["method"]) == set(MODELS) | others


@pytest.mark.parametrize("task", ["BBBP", "ClinTox", "ESOL", "FreeSolv"])
def test_every_model_stands_beside_its_own_cells(make, compared, task):
    five = pretrained(*MODALITIES)
    models = {
        "scratch": {},
        "early": {"pretraining": pretrained("early")},
        "intermediate": {"kind": "intermediate", "pretraining": five},
        "late": {"kind": "late", "pretraining": five},
        "attention": {"kind": "attentivefp"},
    }
    runs = [make(name, {**values, "task": task.lower()}) for name, values in models.items()]
    runs += every_modality(make, task.lower(), seeds=(0,))
    found = compared(*runs)
    assert set(found["setting"]) == {f"dataset={task}"}
    by_method = dict(found.select("method", "run_ids").iter_rows())
    single = {"SMILES": "smiles", "NMR spectrum": "nmr", "Image": "image", "Fingerprint": "fingerprint"}
    single |= {"NMR peak": "peak"}
    own = {"No Pre-training": "scratch", "DMPNN": "scratch", "AttentiveFP": "attention"}
    own |= {f"MMFRL {name}": name for name in ("early", "intermediate", "late")}
    own |= {method: f"{name}-{task.lower()}-0" for method, name in single.items()}
    average = " ".join(f"{name}-{task.lower()}-0" for name in MODALITIES)
    assert by_method == {**own, "Average": average, "MMFRL average": average}


def test_scores_are_in_percent_and_errors_in_their_unit(make, compared):
    runs = [make(f"a{seed}", {"task": "bbbp", "split_seed": seed}, score=0.9 + seed / 100) for seed in range(3)]
    runs.append(make("b", {"task": "esol"}, score=1.05))
    rows = {(row["table"], row["setting"]): row for row in compared(*runs).iter_rows(named=True)}
    auc, rmse = rows["Table 1", "dataset=BBBP"], rows["Table 3", "dataset=ESOL"]
    assert (auc["metric"], auc["unit"], auc["published"], auc["runs"]) == ("property/auc", "%", 91.9, 3)
    assert [auc["measured"], auc["low"], auc["high"]] == pytest.approx([91.0, 90.0, 92.0])
    assert (rmse["metric"], rmse["unit"], rmse["published"], rmse["published_sd"]) == (
        *("property/rmse", "native", 1.05, 0.008),
    )
    assert rmse["measured"] == 1.05
    assert rmse["verdict"] == "within the interval"


def test_the_average_is_taken_split_by_split_over_all_five(make, compared):
    scores = {("smiles", 0): 0.6, ("smiles", 1): 0.8}
    runs = every_modality(make, scores=scores)
    row = compared(*runs).filter(pl.col("method") == "Average").row(0, named=True)
    assert row["measured"] == pytest.approx(78.0)
    assert row["high"] - row["measured"] == pytest.approx(2 * 2**0.5)
    assert row["runs"] == 10
    assert compared(*runs[2:]).filter(pl.col("method") == "Average").is_empty()


def test_protocol_and_budget_are_said(make, compared):
    short = {"training": {"epochs": 12}, "molecules": 2000, "task": "hiv"}
    other = {"protocol": "scaffold_deterministic", "cleaning": "strict", "selection": "last"}
    quick = {"pretraining": pretrained("nmr", molecules=512, training={"epochs": 3})}
    weights = {"weights": "a.pt", "sha256": "0"}
    taken = {"pretraining": pretrained("nmr", released=weights, training={"epochs": 3}), "task": "sider"}
    runs = [make("short", short), make("other", other), make("quick", quick), make("taken", taken)]
    found = compared(*runs, make("plain", {"task": "lipo"}))
    words = dict(found.select("run_ids", "protocol").iter_rows())
    assert words == {
        "plain": "shuffled scaffolds, as published; epoch chosen on val",
        "taken": "shuffled scaffolds, as published; epoch chosen on val",
        "short": "shuffled scaffolds, as published; epoch chosen on val; reduced: at most 2,000 training molecules, "
        "at most 12 epochs instead of 100",
        "other": "largest scaffolds first, another split than the published one; equal molecules merged; last epoch",
        "quick": "shuffled scaffolds, as published; epoch chosen on val; reduced: pre-trained on at most 512 "
        "molecules, pre-trained for at most 3 epochs instead of 200",
    }


def test_splits_stand_side_by_side(make, compared):
    runs = [make("a", {"task": "bbbp"}), make("b", {"task": "bbbp", "protocol": "scaffold_deterministic"})]
    found = compared(*runs).filter(pl.col("table") == "Table 1")
    assert dict(found.select("run_ids", "deviations").iter_rows()) == {
        "a": "",
        "b": "protocol=scaffold_deterministic",
    }


def test_what_differs_from_the_paper_is_named(make, compared):
    sharp = {"tau_target": "auto", "tau_student": 0.1, "include_self": False}
    runs = [
        make("sharp", {"task": "bace", "pretraining": pretrained("fingerprint", loss=sharp)}),
        make("leaky", {"task": "bbbp", "pretraining": pretrained("nmr", dedupe="none")}),
    ]
    named = dict(compared(*runs).select("run_ids", "deviations").iter_rows())
    assert set(named["sharp"].split("; ")) == {
        *("pretraining.loss.tau_target=auto", "pretraining.loss.tau_student=0.1", "pretraining.loss.include_self=False")
    }
    assert set(named["leaky"].split("; ")) == {"pretraining.dedupe=none", "pretraining.targets.source=project"}


def test_the_published_loss_is_nearer_than_a_sharp_one(make, compared):
    sharp = pretrained("fingerprint", loss={"tau_target": "auto", "include_self": False})
    runs = [make("sharp", {"pretraining": sharp}), make("plain", {"pretraining": pretrained("fingerprint")})]
    assert set(compared(*runs)["run_ids"]) == {"plain"}


@pytest.mark.parametrize(
    "values",
    [
        {"kind": "forest"},
        {"kind": "boosting"},
        {"kind": "mean"},
        {"kind": "intermediate", "encoders": 5},
        {"kind": "late", "pretraining": pretrained("smiles", "nmr")},
        {"pretraining": pretrained("nmr"), "kind": "intermediate"},
    ],
)
def test_another_model_never_answers_a_cell(make, compared, values):
    assert compared(make("other", values)).is_empty()


def test_chemprops_own_model_stands_in_where_ours_was_not_trained(make, compared):
    peer = make("peer", {"kind": "chemprop"})
    found = compared(peer)
    assert set(found["method"]) == {"No Pre-training", "DMPNN"}
    assert "kind=chemprop" in found["deviations"][0]
    assert set(compared(peer, make("own"))["run_ids"]) == {"own"}


def test_encoders_are_restated_as_what_they_share():
    runs = pretrained("smiles", "nmr")
    runs[1]["dedupe"] = "none"
    found = restated({**PropertyRun().model_dump(mode="json"), "pretraining": runs})
    assert found["modalities"] == ["smiles", "nmr"]
    assert found["pretraining"]["dedupe"] == ["union", "none"]
    assert found["pretraining"]["loss"]["tau_student"] == 1.0
    assert "modality" not in found["pretraining"]
    assert restated({"pretraining": []}) == {"modalities": []}


def test_settings_of_other_models_are_unused():
    def unused(**values):
        return unused_settings(flatten(restated({**PropertyRun().model_dump(mode="json"), **values})))

    forest = unused(kind="forest")
    assert {"encoder.hidden", "training.epochs", "head"} <= forest
    assert "baseline.trees" not in forest
    assert "baseline.trees" in unused(kind="mean")
    assert "encoder.hidden" not in unused()
    nmr = unused(pretraining=pretrained("nmr"))
    assert {"encoder.hidden", "pretraining.targets.image.dim", "pretraining.weights.nmr"} <= nmr
    assert "pretraining.targets.nmr.dim" not in nmr
    early = unused(pretraining=pretrained("early"))
    assert not {"pretraining.targets.image.dim", "pretraining.weights.nmr"} & early


def test_protocol_words_of_a_forest_know_no_epoch():
    settings = {"kind": "forest", "protocol": "scaffold_balanced", "cleaning": "paper", "training.epochs": 3}
    assert protocol_words(settings) == "shuffled scaffolds, as published"
