import pytest

from spectraflow.errors import ConfigError
from spectraflow.methods.matchnet.jobs import MatchnetJobs
from tests.unit.methods.matchnet.matching_plan import LISTED, SHIFTS, VECTORS, only_id, only_job, plan_of

FOLLOW = {"follow": "published_ids"}
BY_SHIFTS = {"kind": "shift_model", "scores": "shifts"}
BY_ALIGNMENT = {"kind": "alignment_model", "scores": "K-M3AID"}
ALIGNMENTS = {"runs": [{"label": "K-M3AID"}]}
TENTHS = {"random": {}, "tenths": {"folds": 10}}


def test_a_label_or_the_name_of_a_split_changes_no_id():
    settings = {"kind": "random", "folds": 4}
    one = plan_of({"label": "a", "split": "x"}, splits={"x": settings, "random": settings})
    two = plan_of({"label": "b", "split": "y"}, splits={"y": settings, "random": settings})
    assert only_id(one) == only_id(two)
    assert only_job(one).features == only_job(two).features


@pytest.mark.parametrize(
    "values",
    [
        {"name": "elsewhere"},
        {"mirror": "/somewhere"},
        {"processes": 1},
        {"tracking": {"enabled": False}},
        {"section": {"examination": {"queries": 7}}},
        {"section": {"predicted": {"seed": 3}}},
        {"shifts": SHIFTS},
    ],
    ids=str,
)
def test_what_a_run_does_not_use_changes_no_id(values):
    assert only_id(plan_of({}, **values)) == only_id(plan_of({}))


@pytest.mark.parametrize(
    "difference",
    [
        {"kind": "line_counts"},
        {"kind": "boosted_trees"},
        {"dataset": "nmrshiftdb2_any"},
        {"dataset": "alberts"},
        {"fold": 1},
        {"limit": 10},
        {"negatives": "mixed"},
        {"resample": True},
        {"permuted_labels": True},
        {"network": {"graph": "gcn"}},
        {"network": {"spectra": "vectors"}},
        {"network": {"attention": "parent"}},
        {"network": {"nuclei": ["13C"]}},
        {"network": {"blind": "molecule"}},
        {"network": {"root": False}},
        {"network": {"sage_activation": False}},
        {"network": {"spatial_kernels": [3]}},
        {"network": {"heads": 2}},
        {"network": {"head_dim": 2}},
        {"network": {"fused": 2}},
        {"network": {"hidden": 2}},
        {"network": {"molecule_dim": 2}},
        {"network": {"channels": 2}},
        {"network": {"dropout": 0.0}},
        {"network": {"backbone": {"name": "resnet50"}}},
        {"network": {"backbone": {"components": 8}}},
        {"network": {"backbone": {"seed": 1}}},
        {"network": {"backbone": {"normalisation": "imagenet"}}},
        {"training": {"epochs": 3}},
        {"training": {"seed": 1}},
    ],
    ids=str,
)
def test_science_changes_the_id(difference):
    assert only_id(plan_of(difference)) != only_id(plan_of({}))
    assert only_id(plan_of(difference)) == only_id(plan_of({}, base=difference)), "base or run: the same settings"


@pytest.mark.parametrize(
    "difference",
    [{"columns": 64}, {"proton_area": "unit"}, {"style": "fill"}, {"carbon_window": [220.0, 0.0]}],
    ids=str,
)
def test_a_rendering_changes_the_ids_of_run_and_features(difference):
    one, other = (only_job(plan_of({"rendering": rendering})) for rendering in ({}, difference))
    assert one.run != other.run
    assert one.features != other.features
    assert one.rendering != other.rendering


def test_the_rendering_that_equal_spectra_are_told_in_is_science():
    own = {"rendering": {"columns": 64}}
    same, other = (plan_of({"rendering": {"columns": 64}}, base=base) for base in ({}, own))
    assert only_id(same) != only_id(other)


@pytest.mark.parametrize(
    ("run", "difference"),
    [
        ({}, {"trees": 3}),
        (VECTORS, {"network": {"backbone": {"name": "resnet50"}}}),
        ({"network": {"spectra": "peaks"}}, {"network": {"backbone": {"seed": 1}}}),
        ({"network": {"blind": "spectra"}}, {"network": {"backbone": {"seed": 1}}}),
        ({"kind": "line_counts"}, {"network": {"graph": "gcn"}}),
        ({"kind": "line_counts"}, {"training": {"epochs": 3}}),
        ({"kind": "line_counts"}, {"trees": 3}),
        ({"kind": "line_counts"}, {"rendering": {"columns": 64}}),
        ({"kind": "boosted_trees"}, {"network": {"graph": "gcn"}}),
        (BY_SHIFTS, {"network": {"graph": "gcn"}}),
        (BY_SHIFTS, {"training": {"seed": 1}}),
        (BY_SHIFTS, {"rendering": {"columns": 64}}),
        (BY_ALIGNMENT, {"trees": 3}),
    ],
    ids=str,
)
def test_what_decides_nothing_in_a_kind_changes_no_id(run, difference):
    def id_of(*differences):
        merged = dict(run)
        for one in differences:
            merged |= {key: {**run.get(key, {}), **value} if key in run else value for key, value in one.items()}
        return only_id(plan_of(merged, section=FOLLOW, shifts=SHIFTS, km3aid=ALIGNMENTS))

    assert id_of(difference) == id_of()


@pytest.mark.parametrize(
    ("run", "difference"),
    [
        ({"kind": "boosted_trees"}, {"trees": 3}),
        ({"kind": "boosted_trees"}, {"rendering": {"columns": 64}}),
        ({"kind": "boosted_trees"}, {"training": {"seed": 1}}),
        ({"kind": "line_counts"}, {"negatives": "uniform"}),
    ],
    ids=str,
)
def test_what_decides_something_in_a_kind_does(run, difference):
    assert only_id(plan_of({**run, **difference})) != only_id(plan_of(run))


@pytest.mark.parametrize(
    "values",
    [
        {"splits": {"random": {"seed": 1}}},
        {"demo": {"seed": 8}},
        {"data": "published"},
        {"section": {"molecules": {"heavy_atoms": 12}}},
        {"section": {"molecules": {"elements": ["C", "H"]}}},
        {"section": {"pairs": {"seed": 1}}},
        {"section": {"pairs": {"block": 100}}},
        {"section": FOLLOW},
    ],
    ids=str,
)
def test_data_parts_and_pairs_change_the_id(values):
    assert only_id(plan_of({}, **values)) != only_id(plan_of({}))


def test_molecules_of_any_kind_do_not_follow_the_limits():
    one, other = (
        plan_of({"dataset": "nmrshiftdb2_any"}, section={"molecules": {"heavy_atoms": atoms}}) for atoms in (12, 16)
    )
    assert only_id(one) == only_id(other)


def test_following_an_alignment_concerns_its_own_molecules_alone():
    def id_of(section, **run):
        return only_id(plan_of({"dataset": "alberts", **VECTORS, **run}, section=section))

    assert id_of(FOLLOW) == id_of({})
    assert id_of(FOLLOW, transfer="nmrshiftdb2") != id_of({}, transfer="nmrshiftdb2")


@pytest.mark.parametrize(
    "values",
    [
        {"section": {"predicted": {"seed": 1}}},
        {"section": {"predicted": {"limit": 10}}},
        {"section": {"predicted": {"carbon_noise_ppm": 1.0}}},
        {"section": {"predicted": {"proton_noise_ppm": 0.1}}},
        {"section": {"molecules": {"heavy_atoms": 12}}},
        {"shifts": {"runs": [{"label": "shifts", "records": "train", "model": {"layers": 2}}]}},
    ],
    ids=str,
)
@pytest.mark.parametrize("dataset", ["matcs", "pubchem"])
def test_predicted_spectra_depend_on_shift_model_and_noise(dataset, values):
    run = {"dataset": dataset, **VECTORS}
    assert only_id(plan_of(run, **{"shifts": SHIFTS, **values})) != only_id(plan_of(run, shifts=SHIFTS))


def test_the_label_of_the_shift_model_changes_no_id():
    run, settings = {"dataset": "pubchem", **VECTORS}, {"records": "train"}
    named = plan_of(run, section={"predicted": {"shifts": "b"}}, shifts={"runs": [{"label": "b", **settings}]})
    assert only_id(named) == only_id(plan_of(run, shifts={"runs": [{"label": "a", **settings}]}))


def test_a_named_shift_model_is_taken_else_the_first():
    shifts = {"runs": [{"label": "a"}, {"label": "b", "records": "train"}]}
    first, named = (plan_of(shifts=shifts, section={"predicted": {"shifts": name}}) for name in (None, "b"))
    assert first.shift_model().label == "a"
    assert named.shift_model().label == "b"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "no shift model '' is configured"),
        ({"shifts": SHIFTS, "section": {"predicted": {"shifts": "lost"}}}, "no shift model 'lost' is configured"),
    ],
)
@pytest.mark.parametrize("run", [LISTED, {"dataset": "pubchem"}, {**VECTORS, "transfer": "matcs"}], ids=str)
def test_predicted_spectra_need_a_shift_model(run, values, message):
    with pytest.raises(ConfigError, match=message):
        plan_of(run, **values)


def test_the_listed_split_has_no_settings():
    one, other = (plan_of(LISTED, shifts=SHIFTS, splits={"random": {}, **more}) for more in ({}, TENTHS))
    assert only_id(one) == only_id(other)
    assert only_id(one) != only_id(plan_of({**LISTED, "split": "random"}, shifts=SHIFTS))


def test_transfer_changes_the_id_with_its_data_and_its_parts():
    run = {"dataset": "alberts", **VECTORS}
    plans = [
        plan_of(run),
        plan_of({**run, "transfer": "nmrshiftdb2"}),
        plan_of({**run, "transfer": "nmrshiftdb2_any"}),
        plan_of({**run, "transfer": "nmrshiftdb2"}, section=FOLLOW),
    ]
    assert len({only_id(plan) for plan in plans}) == 4


@pytest.mark.parametrize("run", [LISTED, {"dataset": "pubchem", **VECTORS}], ids=str)
def test_predicted_spectra_are_transferred_from_models_of_the_training_part(run):
    assert only_id(plan_of({**run, "transfer": "nmrshiftdb2"}, section=FOLLOW, shifts=SHIFTS))


@pytest.mark.parametrize(
    ("run", "shifts", "follow"),
    [
        ({}, SHIFTS, None),
        ({}, SHIFTS, "all_assigned"),
        ({"fold": 1}, SHIFTS, "published_ids"),
        ({}, {"runs": [{"label": "shifts", "records": "all"}]}, "published_ids"),
        ({}, {"runs": [{"label": "shifts", "records": "train", "split": "tenths"}]}, "published_ids"),
        ({"transfer": "nmrshiftdb2_any"}, SHIFTS, None),
    ],
    ids=str,
)
def test_predicted_spectra_are_not_transferred_to_what_predicted_them(run, shifts, follow):
    mine = {**LISTED, "label": "mine", "transfer": "nmrshiftdb2", **run}
    with pytest.raises(ConfigError, match="matchnet run 'mine': its spectra are predicted by 'shifts', trained on"):
        plan_of(mine, section={"follow": follow}, shifts=shifts, splits=TENTHS)


def test_simulated_spectra_have_seen_no_measured_ones():
    assert only_id(plan_of({**LISTED, "transfer": "alberts"}, shifts={"runs": [{"records": "all"}]}))


def test_equal_runs_are_refused():
    with pytest.raises(ConfigError, match="'one' and 'two' are the same run"):
        plan_of({"label": "one"}, {"label": "two"})
    with pytest.raises(ConfigError, match="'one' and 'two' are the same run"):
        plan_of({"label": "one", "kind": "line_counts"}, {"label": "two", "kind": "line_counts", "trees": 3})


def test_a_cell_that_is_a_run_is_trained_once_and_stands_in_every_grid():
    grids = [
        {"label": "attention", "vary": {"network.attention": ["joint", "none"]}},
        {"label": "negatives", "vary": {"negatives": ["near", "uniform"]}},
    ]
    plan = plan_of({"label": "main"}, section={"grids": grids})
    assert [(job.label, job.grids, job.own) for job in plan.jobs.values()] == [
        ("main", ("attention", "negatives"), True),
        ("attention", ("attention",), False),
        ("negatives", ("negatives",), False),
    ]


def test_seeds_and_folds_repeat_runs():
    plan = plan_of({}, {"kind": "line_counts"}, section={"seeds": [0, 1, 2], "folds": [0, 3]})
    repeats = [(job.settings["kind"], job.settings["training"]["seed"], job.fold) for job in plan.jobs.values()]
    assert len(repeats) == len(set(repeats)) == 3 * 2 + 2


def test_seeds_of_a_run_share_rendering_and_features():
    plan = plan_of({}, {"network": {"graph": "gcn"}}, {"negatives": "uniform"}, section={"seeds": [0, 1]})
    assert len(plan.jobs) == 6
    assert len(plan.features) == len(plan.renderings) == 1


def test_features_are_made_anew_for_data_parts_rendering_and_backbone():
    runs = (
        {},
        {"fold": 1},
        {"dataset": "alberts"},
        {"rendering": {"columns": 64}},
        {"network": {"backbone": {"name": "tiny"}}},
    )
    plan = plan_of(*runs)
    assert len(plan.features) == 5
    assert {(job.paired, job.fold) for job in plan.features.values()} == {
        ("nmrshiftdb2", 0),
        ("nmrshiftdb2", 1),
        ("alberts", 0),
    }
    assert all(plan.features[job.features].rendering == job.rendering for job in plan.jobs.values())


def test_models_without_images_have_no_features():
    plan = plan_of(
        VECTORS, {"network": {"spectra": "peaks"}}, {"kind": "line_counts"}, {"network": {"blind": "spectra"}}
    )
    assert not plan.features
    assert {job.features for job in plan.jobs.values()} == {None}


def test_weights_of_a_backbone_count_by_content(tmp_path):
    def job_of(name: str, content: bytes):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        weights = path.parent if path.name == "model.safetensors" else path
        return only_job(plan_of({"network": {"backbone": {"weights": str(weights)}}}))

    same = [job_of("a", b"1"), job_of("b", b"1"), job_of("folder/model.safetensors", b"1")]
    other = [job_of("c", b"2"), job_of("other/model.safetensors", b"3"), only_job(plan_of({}))]
    assert len({(job.run, job.features) for job in same}) == 1
    assert len({job.run for job in (same[0], *other)}) == len({job.features for job in (same[0], *other)}) == 4
    assert same[1].settings["network"]["backbone"]["weights"] == str(tmp_path / "b"), "the step is told the path"


def scored(*runs, follow="published_ids", **values) -> MatchnetJobs:
    return plan_of(*runs, section={"follow": follow}, **{"shifts": SHIFTS, "km3aid": ALIGNMENTS, **values})


def test_scores_come_from_the_run_of_that_label():
    plan = scored(BY_SHIFTS, BY_ALIGNMENT)
    by_shifts, by_alignment = plan.jobs.values()
    assert [by_shifts.source] == list(plan.shifts.jobs)
    assert [by_alignment.source] == list(plan.alignments)


def test_a_source_trained_otherwise_changes_the_id():
    other = {"runs": [{"label": "shifts", "records": "train", "model": {"layers": 2}}]}
    assert only_id(scored(BY_SHIFTS)) != only_id(scored(BY_SHIFTS, shifts=other))
    renamed = {"runs": [{"label": "renamed", "records": "train"}]}
    assert only_id(scored(BY_SHIFTS)) == only_id(scored({**BY_SHIFTS, "scores": "renamed"}, shifts=renamed))


def test_a_source_may_be_a_cell_as_well():
    grids = [{"label": "alpha", "vary": {"objective.alpha": [0.2, 0.5]}}]
    plan = scored(BY_ALIGNMENT, km3aid={**ALIGNMENTS, "grids": grids})
    assert only_job(plan).source == next(iter(plan.alignments))


def test_of_a_repeated_source_the_same_fold_is_taken():
    plan = scored({**BY_ALIGNMENT, "fold": 2}, km3aid={**ALIGNMENTS, "folds": [0, 2]})
    assert plan.alignments[only_job(plan).source].fold == 2


@pytest.mark.parametrize(
    ("run", "values", "message"),
    [
        ({**BY_SHIFTS, "scores": "lost"}, {}, "shifts.runs has no run 'lost'"),
        ({**BY_ALIGNMENT, "scores": "shifts"}, {}, "km3aid.runs has no run 'shifts'"),
        (
            {**BY_ALIGNMENT, "scores": "alpha"},
            {"km3aid": {"grids": [{"label": "alpha", "vary": {"objective.alpha": [0.5]}}]}},
            "km3aid.runs has no run 'alpha'",
        ),
        (BY_SHIFTS, {"follow": None}, "'shifts' was trained on published_ids, split random, fold 0"),
        (BY_SHIFTS, {"follow": "all_assigned"}, "matchnet.follow, split and fold must be the same"),
        ({**BY_SHIFTS, "fold": 1}, {}, "matchnet.follow, split and fold must be the same"),
        ({**BY_ALIGNMENT, "fold": 1}, {}, "'K-M3AID' was trained on published_ids, split random, fold 0"),
        ({**BY_SHIFTS, "split": "tenths"}, {"splits": TENTHS}, "split and fold must be the same"),
        (
            BY_ALIGNMENT,
            {"km3aid": {"runs": [{"label": "K-M3AID", "computed_spectra": True}]}},
            "trained on published_ids-computed",
        ),
        (BY_SHIFTS, {"shifts": {"runs": [{"label": "shifts", "records": "all"}]}}, "take one with records: train"),
    ],
    ids=str,
)
def test_scores_of_models_that_saw_other_molecules_are_refused(run, values, message):
    with pytest.raises(ConfigError, match=message) as caught:
        scored({"label": "mine", **run}, **values)
    assert "matchnet run 'mine'" in str(caught.value)
