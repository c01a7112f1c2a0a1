import pytest

from spectraflow.errors import ConfigError
from spectraflow.methods.matchnet.settings import MatchnetRun, MatchnetSection, NetworkSettings, RenderingSettings
from spectraflow.settings import check

VECTORS = {"network": {"spectra": "vectors"}}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"kind": "shift_model"}, "scores names the model of kind shift_model or alignment_model"),
        ({"kind": "alignment_model"}, "scores names the model"),
        ({"scores": "shift network"}, "scores names the model of kind shift_model or alignment_model, and of no other"),
        ({"kind": "line_counts", "scores": "K-M3AID"}, "and of no other"),
        ({"kind": "shift_model", "scores": "a", "dataset": "alberts"}, "measured spectra of nmrshiftdb2 alone"),
        ({"kind": "alignment_model", "scores": "a", "dataset": "matcs"}, "measured spectra of nmrshiftdb2 alone"),
        ({"split": "listed"}, "only matcs has a listed split"),
        ({"split": "listed", "dataset": "pubchem"}, "only matcs has a listed split"),
        ({**VECTORS, "transfer": "nmrshiftdb2"}, "another data set than the run's own"),
        ({"transfer": "alberts"}, "a model of images has cached features of its own data set alone"),
        ({"kind": "shift_model", "scores": "a", "transfer": "alberts"}, "shift_model has scores of its own data set"),
        ({"kind": "alignment_model", "scores": "a", "transfer": "alberts"}, "alignment_model has scores of its own"),
        ({"network": {"nuclei": []}}, "network.nuclei"),
        ({"network": {"nuclei": ["13C", "13C"]}}, "a nucleus is named twice"),
        ({"network": {"spatial_kernels": [3, 4]}}, "spatial_kernels must be odd, not 4"),
        ({"rendering": {"proton_window": [-2.0, 12.0]}}, "a window runs from high to low ppm"),
        ({"rendering": {"carbon_window": [5.0, 5.0]}}, "a window runs from high to low ppm"),
        ({"rendering": {"version": 2}}, "rendering.version"),
    ],
)
def test_what_cannot_run_is_refused(values, message):
    with pytest.raises(ConfigError, match=message):
        check(MatchnetRun, values)


@pytest.mark.parametrize(
    "values",
    [
        {**VECTORS, "transfer": "alberts"},
        {"network": {"spectra": "peaks"}, "dataset": "matcs", "split": "listed", "transfer": "nmrshiftdb2"},
        {"network": {"blind": "spectra"}, "transfer": "alberts"},
        {"kind": "line_counts", "transfer": "nmrshiftdb2_any"},
        {"kind": "boosted_trees", "transfer": "alberts"},
        {"kind": "shift_model", "scores": "a", "dataset": "nmrshiftdb2_any"},
        {"dataset": "matcs", "split": "listed"},
        {"dataset": "matcs", "split": "tenths"},
    ],
)
def test_what_can_run_is_not(values):
    check(MatchnetRun, values)


@pytest.mark.parametrize(
    ("values", "reads"),
    [
        ({}, True),
        ({"network": {"blind": "molecule"}}, True),
        ({"network": {"blind": "spectra"}}, False),
        (VECTORS, False),
        ({"network": {"spectra": "peaks"}}, False),
        ({"kind": "line_counts"}, False),
        ({"kind": "boosted_trees"}, False),
    ],
)
def test_a_backbone_is_for_networks_that_see_images(values, reads):
    assert check(MatchnetRun, values).reads_images is reads


def test_the_defaults_are_the_published_training():
    run = MatchnetRun()
    training, network = run.training, run.network
    assert (training.epochs, training.batch_size, training.learning_rate) == (100, 32, 1e-4)
    assert (training.schedule, training.weight_decay, training.gradient_clip) == ("constant", 0.0, None)
    assert (network.heads * network.head_dim, network.fused, network.hidden) == (152, 300, 1500)
    assert (run.negatives, run.resample, network.backbone.name) == ("near", False, "resnet101")


def test_the_default_rendering_is_the_specification():
    rendering = RenderingSettings()
    assert (rendering.columns, rendering.oversampling) == (256, 16)
    assert (rendering.proton_window, rendering.carbon_window) == ((12.05, -2.0), (230.0, -2.0))
    assert (rendering.proton_width, rendering.carbon_width) == (0.02, 0.2)


def test_faults_of_runs_are_named_with_their_keys():
    section = {"base": VECTORS, "runs": [{}, {"network": {"graph": "chebyshev"}}]}
    with pytest.raises(ConfigError, match=r"runs\.1\.network\.graph"):
        check(MatchnetSection, section)


def test_faults_of_grids_are_named_with_their_keys():
    grid = {"label": "graphs", "vary": {"network.graph": ["hybrid", "chebyshev"]}}
    with pytest.raises(ConfigError, match=r"grids\.0 'graphs': network\.graph"):
        check(MatchnetSection, {"grids": [grid]})


@pytest.mark.parametrize("values", [{"base": 3}, {"runs": "all"}, {"runs": [3]}])
def test_sections_of_another_form_are_faults(values):
    with pytest.raises(ConfigError, match="faulty setting"):
        check(MatchnetSection, values)


def test_runs_differ_from_base_in_their_own_keys_alone():
    section = check(MatchnetSection, {"base": {**VECTORS, "trees": 7}, "runs": [{"network": {"fused": 10}}]})
    (run,) = section.runs
    assert (run.network.spectra, run.network.fused, run.trees) == ("vectors", 10, 7)


def planned(**section):
    return list(check(MatchnetSection, section).planned())


def test_seeds_repeat_networks_alone():
    grids = [{"label": "g", "set": VECTORS, "vary": {"network.fused": [8]}}]
    found = planned(runs=[{}, {"kind": "line_counts"}, {"kind": "boosted_trees"}], grids=grids, seeds=[3, 4])
    assert [(one.run.kind, one.grid, one.run.training.seed) for one in found] == [
        ("network", None, 3),
        ("network", None, 4),
        ("line_counts", None, 0),
        ("boosted_trees", None, 0),
        ("network", "g", 3),
        ("network", "g", 4),
    ]


def test_folds_repeat_everything():
    found = planned(runs=[{"fold": 7}, {"kind": "line_counts"}], folds=[0, 2])
    assert [(one.run.kind, one.run.fold) for one in found] == [
        ("network", 0),
        ("network", 2),
        ("line_counts", 0),
        ("line_counts", 2),
    ]
    assert [one.run.fold for one in planned(runs=[{"fold": 7}])] == [7]


def test_no_training_is_longer_than_the_section_says():
    runs = [{"training": {"epochs": 2}}, {"training": {"epochs": 9}}]
    assert [one.run.training.epochs for one in planned(runs=runs, epochs=5)] == [2, 5]
    assert [one.run.training.epochs for one in planned(runs=runs)] == [2, 9]


def test_cells_of_a_grid_start_from_base():
    grid = {"label": "g", "set": {"negatives": "mixed"}, "vary": {"network.fused": [8, 9], "resample": [False, True]}}
    found = planned(base={"trees": 7}, grids=[grid])
    assert [(one.run.network.fused, one.run.resample) for one in found] == [
        (8, False),
        (8, True),
        (9, False),
        (9, True),
    ]
    assert {(one.run.label, one.run.negatives, one.run.trees) for one in found} == {("g", "mixed", 7)}


def test_nuclei_need_not_be_both():
    assert check(NetworkSettings, {"nuclei": ["13C"]}).nuclei == ["13C"]
