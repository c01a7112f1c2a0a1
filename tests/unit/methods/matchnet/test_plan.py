import json
import shlex
from types import SimpleNamespace

import pytest

from spectraflow.methods.matchnet.settings import (
    ExaminationSettings,
    FeatureSettings,
    MatchnetRun,
    PairSettings,
    RenderingSettings,
    SelectionSettings,
)
from spectraflow.settings import load_settings
from tests.unit.methods.matchnet.matching_plan import LISTED, SHIFTS, VECTORS, only_id, only_job, plan_of

PAIRED = ("nmrshiftdb2", "nmrshiftdb2_any", "alberts", "matcs", "pubchem")
COMPARISONS = (
    {"kind": "shift_model", "scores": "shifts"},
    {"kind": "alignment_model", "scores": "K-M3AID"},
)
ALIGNMENTS = {"runs": [{"label": "K-M3AID"}]}
FOLLOW = {"follow": "published_ids"}


def of(**wildcards) -> SimpleNamespace:
    return SimpleNamespace(**wildcards)


def of_only_run(plan) -> SimpleNamespace:
    return of(run=only_id(plan))


def test_input_functions_fill_the_places_of_run_and_features():
    plan = plan_of({"fold": 2, "dataset": "alberts"})
    job = only_job(plan)
    assert plan.of_run("{paired}/{split}-fold{fold}")(of_only_run(plan)) == "alberts/random-fold2"
    assert plan.of_run("{rendering}/{features}")(of_only_run(plan)) == f"{job.rendering}/{job.features}"
    assert plan.of_features("{paired}/{rendering}/{split}-fold{fold}")(of(features=job.features)) == (
        f"alberts/{job.rendering}/random-fold2"
    )


def test_every_file_is_named_once():
    plan = plan_of(VECTORS, {}, {"network": {"graph": "gcn"}}, {"dataset": "alberts", **VECTORS})
    assert plan.each_run("{run}") == list(plan.jobs)
    assert plan.each_run("{paired}/{split}") == ["nmrshiftdb2/random", "alberts/random"]
    assert plan.each_features("{features}.npy") == [f"{features}.npy" for features in plan.features]
    assert plan.each_dataset("{paired}.json") == ["nmrshiftdb2.json", "alberts.json"]


def test_data_sets_are_those_of_training_and_transfer():
    plan = plan_of(VECTORS, {**LISTED, "transfer": "nmrshiftdb2_any"}, section=FOLLOW, shifts=SHIFTS)
    assert plan.datasets == ["nmrshiftdb2", "matcs", "nmrshiftdb2_any"]
    assert plan_of().datasets == []


def test_networks_alone_are_examined_and_no_controls():
    grids = [{"label": "g", "vary": {"network.graph": ["gcn", "transformer"]}}]
    runs = (
        {"label": "own"},
        {"permuted_labels": True},
        {"network": {"blind": "molecule"}},
        {"network": {"blind": "spectra"}},
        {"kind": "line_counts"},
        {"kind": "boosted_trees"},
        {"label": "a cell, too", "network": {"graph": "gcn"}},
    )
    plan = plan_of(*runs, section={"grids": grids})
    assert [plan.jobs[run].label for run in plan.each_examined_run("{run}")] == ["own", "a cell, too"]
    assert len(plan.each_run("{run}")) == 8


def test_of_repetitions_the_first_is_examined():
    plan = plan_of({}, {"network": {"graph": "gcn"}}, section={"seeds": [3, 0, 1], "folds": [0, 1]})
    examined = [plan.jobs[run] for run in plan.each_examined_run("{run}")]
    assert [job.settings["network"]["graph"] for job in examined] == ["hybrid", "gcn"]
    assert {(job.settings["training"]["seed"], job.fold) for job in examined} == {(3, 0)}


@pytest.mark.parametrize(
    ("runs", "expected"),
    [("own", ["vectors", "images", "GCN", "mixed"]), ("first", ["vectors", "images"]), ("none", [])],
)
def test_as_many_runs_are_examined_as_asked_for(runs, expected):
    entries = (
        {"label": "control", "network": {"spectra": "vectors", "blind": "molecule"}},
        {"label": "vectors", **VECTORS},
        {"label": "images"},
        {"label": "GCN", "network": {"graph": "gcn"}},
        {"label": "mixed", "negatives": "mixed"},
    )
    plan = plan_of(*entries, section={"examination": {"runs": runs}})
    assert plan.each_examined_run("{label}") == expected


@pytest.mark.parametrize("paired", PAIRED)
def test_tables_of_a_data_set_are_those_of_its_source(paired):
    plan = plan_of(shifts=SHIFTS)
    source = {"nmrshiftdb2_any": "nmrshiftdb2"}.get(paired, paired)
    assert plan.molecules(of(paired=paired)) == f"<results>/tables/{source}/molecules.parquet"
    predicted = paired in ("matcs", "pubchem")
    assert plan.peaks(of(paired=paired)) == ([] if predicted else [f"<results>/tables/{source}/peaks.parquet"])
    (model,) = plan.shifts.jobs
    assert plan.predictions(of(paired=paired)) == (
        [
            f"<results>/shifts/predictions/{model}/{source}.parquet",
            f"<results>/features/{source}/graphs.parquet",
            f"<results>/shifts/runs/{model}/metrics.json",
        ]
        if predicted
        else []
    )


@pytest.mark.parametrize("paired", PAIRED)
def test_the_step_that_selects_molecules_reads_its_settings(paired):
    section = {"molecules": {"heavy_atoms": 9}, "predicted": {"limit": 5}}
    settings = load_settings(SelectionSettings, plan_of(section=section).selection_settings(of(paired=paired)))
    assert (settings.molecules is None) == (paired == "nmrshiftdb2_any")
    assert (settings.predicted is None) == (paired not in ("matcs", "pubchem"))
    assert settings.molecules is None or settings.molecules.heavy_atoms == 9
    assert settings.predicted is None or settings.predicted.limit == 5


@pytest.mark.parametrize(
    ("paired", "split", "follow", "expected"),
    [
        ("nmrshiftdb2", "tenths", None, []),
        ("nmrshiftdb2", "tenths", "published_ids", ["<results>/splits/km3aid/published_ids/tenths-fold1.parquet"]),
        ("nmrshiftdb2_any", "tenths", "all_assigned", ["<results>/splits/km3aid/all_assigned/tenths-fold1.parquet"]),
        ("alberts", "tenths", "published_ids", []),
        ("matcs", "tenths", "published_ids", []),
        ("matcs", "listed", "published_ids", ["<results>/tables/matcs/split.parquet"]),
    ],
)
def test_parts_are_given_by_the_alignment_or_the_lists(paired, split, follow, expected):
    assert plan_of(section={"follow": follow}).given_parts(of(paired=paired, split=split, fold="1")) == expected


def test_a_split_has_its_settings_and_the_listed_one_those_of_the_first():
    plan = plan_of(splits={"random": {"folds": 4}, "tenths": {"folds": 10}})
    folds = {name: json.loads(plan.split_settings(of(split=name)))["folds"] for name in ("random", "tenths", "listed")}
    assert folds == {"random": 4, "tenths": 10, "listed": 4}


def test_listed_pairs_go_with_the_listed_split_alone():
    plan = plan_of()
    assert plan.listed_pairs(of(paired="matcs", split="listed")) == ["<results>/tables/matcs/listed_pairs.parquet"]
    assert plan.listed_pairs(of(paired="matcs", split="random")) == []


def test_pairs_are_made_with_the_rendering_of_base_which_can_be_made():
    plan = plan_of({"rendering": {"columns": 64}}, base={"rendering": {"columns": 32}})
    path = plan.standard_rendering(of(paired="alberts"))
    name = path.removeprefix("<results>/matchnet/rendered/alberts/").removesuffix(".parquet")
    rendering = load_settings(RenderingSettings, plan.rendering_settings(of(rendering=name)))
    assert rendering.columns == 32
    assert only_job(plan).rendering != name


def test_steps_read_what_decides_their_work():
    section = {"pairs": {"seed": 3}, "examination": {"runs": "first", "queries": 5}}
    plan = plan_of({"label": "secret", "network": {"backbone": {"name": "tiny"}}}, section=section)
    job = only_job(plan)
    assert load_settings(PairSettings, plan.pair_settings(None)).seed == 3
    assert load_settings(ExaminationSettings, plan.examination_settings(None)).queries == 5
    assert "first" not in plan.examination_settings(None), "which runs are asked changes no answer"
    features = load_settings(FeatureSettings, plan.feature_settings(of(features=job.features)))
    assert (features.backbone.name, features.rendering) == ("tiny", RenderingSettings())
    run = load_settings(MatchnetRun, plan.run_settings(of_only_run(plan)))
    assert "secret" not in plan.run_settings(of_only_run(plan))
    assert run.network.backbone.name == "tiny"
    assert plan.data_version(of_only_run(plan)) == plan.version("nmrshiftdb2")


def test_labels_go_before_grids():
    grids = [{"label": "negatives", "vary": {"negatives": ["near", "mixed"]}}]
    plan = plan_of({"label": "main"}, section={"grids": grids})
    assert [plan.label(of(run=run)) for run in plan.jobs] == [["main", "negatives"], ["negatives", "negatives"]]


def test_weights_of_a_backbone_are_waited_for(tmp_path):
    weights = tmp_path / "weights.safetensors"
    weights.write_bytes(b"1")
    with_weights, random = (plan_of({"network": {"backbone": {"weights": one}}}) for one in (str(weights), None))
    assert with_weights.backbone_weights(of(features=only_job(with_weights).features)) == [str(weights)]
    assert random.backbone_weights(of(features=only_job(random).features)) == []
    installed = plan_of({"network": {"backbone": {"name": "efficientnet_lite0", "weights": "imagenet"}}})
    assert installed.backbone_weights(of(features=only_job(installed).features)) == []


def test_arrays_of_the_simulated_set_are_rendered_themselves():
    plan = plan_of()
    assert plan.raw_arrays(of(paired="alberts")) == ["<results>/raw/alberts/demo_multimodal.parquet"]
    assert plan.raw_arrays(of(paired="nmrshiftdb2")) == []


def test_models_of_images_wait_for_features():
    images, vectors = plan_of({}), plan_of(VECTORS)
    index = f"<results>/matchnet/features/{only_job(images).features}/index.parquet"
    assert images.feature_files(of_only_run(images)) == [index]
    assert vectors.feature_files(of_only_run(vectors)) == []


def test_comparisons_wait_for_scores_of_the_other_model():
    plan = plan_of(VECTORS, *COMPARISONS, section=FOLLOW, shifts=SHIFTS, km3aid=ALIGNMENTS)
    network, by_shifts, by_alignment = (of(run=run) for run in plan.jobs)
    (shifts,), (alignment,) = plan.shifts.jobs, plan.alignments
    assert plan.scores(network) == []
    assert plan.scores(by_shifts) == [f"<results>/matchnet/scores/{by_shifts.run}.parquet"]
    assert plan.scoring_model(by_shifts) == [f"<results>/shifts/predictions/{shifts}/nmrshiftdb2.parquet"]
    assert plan.scoring_model(by_alignment) == [
        f"<results>/km3aid/runs/{alignment}/model.safetensors",
        "<results>/features/nmrshiftdb2/graphs.parquet",
    ]


def test_score_commands_survive_the_shell():
    plan = plan_of(*COMPARISONS, section=FOLLOW, shifts=SHIFTS, km3aid=ALIGNMENTS)
    by_shifts, by_alignment = (of(run=run) for run in plan.jobs)
    command = plan.score_command(by_shifts, ["a b/predictions.parquet"])
    assert shlex.split(command) == ["shifts", "score-pairs", "--predictions", "a b/predictions.parquet"]
    command = plan.score_command(by_alignment, ["a b/model.safetensors", "c d.parquet"])
    assert shlex.split(command) == ["km3aid", "score-pairs", "--run", "a b", "--graphs", "c d.parquet"]


def test_transfer_reads_the_other_data_set_in_the_same_rendering_and_fold():
    plan = plan_of({**VECTORS, "dataset": "alberts", "transfer": "nmrshiftdb2", "fold": 3}, VECTORS)
    transferred, usual = plan.jobs.values()
    assert plan.transfer(of(run=transferred.run)) == [
        "<results>/matchnet/spectra/nmrshiftdb2/spectra.parquet",
        f"<results>/matchnet/rendered/nmrshiftdb2/{transferred.rendering}.parquet",
        "<results>/matchnet/pairs/nmrshiftdb2/random-fold3.parquet",
    ]
    assert plan.transfer(of(run=usual.run)) == []


def test_models_of_the_lists_are_transferred_to_the_first_split():
    splits = {"random": {}, "tenths": {"folds": 10}}
    plan = plan_of({**LISTED, "transfer": "nmrshiftdb2"}, section=FOLLOW, shifts=SHIFTS, splits=splits)
    assert plan.transfer(of_only_run(plan))[-1] == "<results>/matchnet/pairs/nmrshiftdb2/random-fold0.parquet"
