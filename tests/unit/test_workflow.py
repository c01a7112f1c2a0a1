import json
import os
import shlex
import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest
from snakemake_interface_common.exceptions import WorkflowError

from spectraflow import workflow
from spectraflow.config import Config, load_config
from spectraflow.errors import ConfigError
from spectraflow.settings import check
from spectraflow.workflow import Plan, load_plan, option, options, repeat

ROOT = Path(__file__).parents[2]


def plan_of(*runs, **values) -> Plan:
    return Plan(check(Config, {"km3aid": {"runs": list(runs or [{}])}, **values}))


def only_id(plan: Plan) -> str:
    (run,) = plan.runs
    return run


def test_equal_runs_are_refused_by_name():
    with pytest.raises(ConfigError, match=r"'first' and 'second' are the same run"):
        plan_of({"label": "first"}, {"label": "second"})


def test_wrong_configuration_names_every_fault_without_cause():
    with pytest.raises(WorkflowError) as caught:
        load_plan({"nmae": "x", "demo": {"molecules": 1}, "km3aid": {"runs": [{"fold": -1}]}})
    text = str(caught.value)
    for key in ("nmae", "demo.molecules", "km3aid.runs.0.fold"):
        assert key in text
    assert caught.value.__cause__ is None


def test_settings_of_a_step_hold_no_label():
    plan = plan_of({"label": "secret"})
    run = SimpleNamespace(run=only_id(plan))
    assert "secret" not in plan.run_settings(run)
    assert json.loads(plan.run_settings(run))["objective"]["alpha"] == 0.2


def test_input_functions_fill_the_places_of_a_run():
    plan = plan_of({"molecules": "all_assigned", "computed_spectra": True, "fold": 3})
    run = SimpleNamespace(run=only_id(plan))
    assert plan.of_run("{selection}/{split}-fold{fold}")(run) == "all_assigned-computed/random-fold3"
    encoder = SimpleNamespace(encoder=plan.runs[run.run].encoder)
    assert plan.of_encoder("{selection}/{fold}")(encoder) == "all_assigned-computed/3"
    assert plan.each_run("x/{split}") == ["x/random"]


def test_id_list_is_needed_by_the_published_selection_and_folds_only():
    plan = plan_of(splits={"random": {}, "published": {"kind": "published_folds"}})
    needs = plan.published_ids
    assert needs(SimpleNamespace(selection="published_ids-computed"))
    assert not needs(SimpleNamespace(selection="all_assigned"))
    assert needs(SimpleNamespace(selection="all_assigned", split="published"))
    assert not needs(SimpleNamespace(selection="published_ids", split="random"))


def test_chosen_file_counts_for_published_data_only():
    sources = {"pubchem": {"file": "library.smi.gz"}}
    assert plan_of(data="published", sources=sources).raw("pubchem") == "<results>/raw/pubchem/library.smi.gz"
    assert plan_of(data="demo", sources=sources).raw("pubchem") == "<results>/raw/pubchem/CID-SMILES.gz"


def test_a_folder_of_files_takes_the_place_of_a_retrieved_one():
    sources = {"alberts": {"folder": "/archive"}}
    plan = plan_of(data="published", sources=sources)
    assert plan.raw("alberts") == "/archive"
    assert plan.retrieved("alberts") == "<results>/raw/alberts/example_data_1.parquet"
    assert plan_of(data="published").raw("alberts") == "<results>/raw/alberts/example_data_1.parquet"
    for demo in (plan_of(data="demo"), plan_of(data="demo", sources=sources)):
        assert demo.raw("alberts") == "<results>/raw/alberts/demo_multimodal.parquet"


def test_vectors_of_simulated_spectra_depend_on_what_they_use():
    wide, energies = (plan_of(symspectra={"vectors": one}) for one in ({"mass_sigma": 9}, {"ei_energy": "70"}))
    assert wide.alberts_settings(None) != plan_of().alberts_settings(None) == energies.alberts_settings(None)


def test_sdbs_is_read_from_the_users_export_only(tmp_path):
    assert plan_of().sdbs_files(None) == ["<results>/raw/sdbs/records.jsonl"]
    with pytest.raises(WorkflowError, match=r"sources\.sdbs\.folder must name"):
        plan_of(data="published").sdbs_files(None)
    supplied = plan_of(data="published", sources={"sdbs": {"folder": str(tmp_path)}})
    with pytest.raises(WorkflowError, match="holds neither"):
        supplied.sdbs_files(None)
    for name in ("molecules.csv", "ms.csv", "notes.txt"):
        (tmp_path / name).touch()
    assert supplied.sdbs_files(None) == [str(tmp_path / "molecules.csv"), str(tmp_path / "ms.csv")]


def test_spectra_of_the_demo_are_simulated():
    assert plan_of().origin == "simulated"
    assert plan_of(data="published").origin == "measured"


def test_own_mirror_comes_before_the_global_one():
    plan = plan_of(data="published", mirror="/all", sources={"pubchem": {"mirror": "/own place"}})
    assert plan.mirror("nmrshiftdb2") == "/all"
    assert "--mirror '/own place'" in plan.retrieval_options("pubchem")


def test_options_survive_the_shell():
    assert shlex.split(option("--ids", "a b'c")) == ["--ids", "a b'c"]
    assert option("--ids", []) == option("--ids", None) == option("--ids", "") == ""
    assert option("--limit", 0) == "--limit 0"
    assert shlex.split(repeat("--run", ["a", "b c"])) == ["--run", "a", "--run", "b c"]
    assert shlex.split(options(("--peaks", "--graphs"), ["a b", "c'd"])) == ["--peaks", "a b", "--graphs", "c'd"]
    assert options(("--peaks", "--graphs"), []) == ""


def test_lists_of_pairs_are_five_files():
    assert plan_of().matcs_files == [
        f"<results>/raw/matcs/{name}.csv.gz" for name in ("train", "validation", "test_rand", "test_diff", "test_sim")
    ]


@pytest.mark.parametrize(("given", "expected"), [({}, "PASSIVE"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "ACTIVE")])
def test_jobs_find_this_interpreter_and_let_threads_sleep(given, expected):
    text = workflow.shell_prefix("my {results}", "").format() + 'echo "$OMP_WAIT_POLICY ${PATH%%:*}"'
    printed = subprocess.run(["bash", "-c", text], capture_output=True, text=True, env={"PATH": "/bin", **given})
    assert printed.stdout.split() == [expected, str(Path(sys.executable).parent)]


@pytest.mark.parametrize("runtime", ["APPTAINER_CONTAINER", "SINGULARITY_CONTAINER"])
def test_jobs_in_a_container_take_its_interpreter_and_the_code_of_the_checkout(runtime, tmp_path):
    text = workflow.shell_prefix("results", "").format() + 'echo "$PATH $PYTHONPATH"'
    outside = {"PATH": "/bin", "PYTHONPATH": "/mine"}
    printed = subprocess.run(
        ["bash", "-c", text], capture_output=True, text=True, cwd=tmp_path, env={**outside, runtime: "x.sif"}
    )
    assert printed.stdout.split() == ["/bin", f"{tmp_path}/src:/mine"]


def test_jobs_know_the_snakemake_that_started_them_and_its_results():
    text = workflow.shell_prefix("my {results}", "").format() + 'echo "$SPECTRAFLOW_STARTED_BY $SPECTRAFLOW_RESULTS"'
    printed = subprocess.run(["bash", "-c", text], capture_output=True, text=True, check=True)
    assert printed.stdout == f"{os.getpid()} my {{results}}\n"


@pytest.mark.parametrize("failing", ["false; true", "false | true", "echo $UNSET; true"])
def test_a_job_fails_with_any_of_its_commands(failing):
    text = workflow.shell_prefix("results", "").format() + failing
    assert subprocess.run(["bash", "-c", text], capture_output=True).returncode != 0


def test_each_attempt_asks_for_once_more():
    memory = workflow.grow(4000)
    assert [memory(SimpleNamespace(), attempt=attempt) for attempt in (1, 2, 3)] == [4000, 8000, 12000]


def test_gpus_are_requested_only_when_asked_for():
    assert plan_of(devices={"per_training": 2}).gpu_request == {}
    assert plan_of(devices={"per_training": 2, "request_gpus": True}).gpu_request == {"gpu": 2}


def test_checkpoints_lie_outside_the_declared_outputs():
    assert workflow.checkpoints("r/demo/km3aid/runs/0123/model.safetensors") == "r/demo/checkpoints/0123"


def test_tracking_store_follows_the_results(tmp_path):
    assert plan_of().tracking_uri == "sqlite:///results/demo/mlflow/mlflow.db"
    assert plan_of(pathvars={"results": "out"}).tracking_uri == "sqlite:///out/mlflow/mlflow.db"
    assert plan_of(tracking={"enabled": False}).tracking_uri is None


def test_planning_imports_nothing_heavy():
    script = (
        "import sys; from spectraflow.workflow import load_plan; load_plan({'data': 'published'}); "
        "print([m for m in ('torch', 'rdkit', 'mlflow', 'numpy', 'polars', 'pyarrow', 'pandas') if m in sys.modules])"
    )
    printed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    assert printed.stdout.strip() == "[]"


def overlaid(*names: str) -> Config:
    return load_config(ROOT / "config.yaml", *(ROOT / "workflow" / "config" / f"{name}.yaml" for name in names))


@pytest.mark.parametrize("overlays", [["real"], ["paper"], ["real", "scaffold"], ["real", "mixed_library"]])
def test_overlays_are_valid_over_the_default(overlays):
    config = overlaid(*overlays)
    assert config.data == "published"
    assert len(Plan(config).runs) >= len(config.km3aid.runs)


@pytest.mark.parametrize("overlay", ["real", "paper"])
def test_overlays_take_no_hyper_parameter_from_the_demo(overlay):
    path = ROOT / "workflow" / "config" / f"{overlay}.yaml"
    alone, over_demo = load_config(path), load_config(ROOT / "config.yaml", path)
    assert over_demo.km3aid == alone.km3aid
    assert over_demo.splits.items() >= alone.splits.items()


def test_paper_overlay_asks_for_the_published_settings():
    for planned in overlaid("paper").km3aid.planned():
        run = planned.run
        assert (run.training.epochs, run.training.batch_size, run.training.schedule) == (200, 128, "constant")
        if planned.grid is None:
            assert (run.model.layers, run.model.dim, run.model.projection, run.model.ppm_scale) == (5, 128, 512, "raw")
            assert run.objective.alpha in {0.2, 0.5}


def test_paper_overlay_holds_the_published_grids_on_five_folds():
    plan = Plan(overlaid("paper"))
    cells = Counter(grid for job in plan.runs.values() for grid in job.grids)
    assert cells["alpha"] == 7 * 5
    assert cells["GIN depth, width and projection"] == 20 * 5
    assert cells["tau1 and tau2"] == 25 * 5
    assert {job.fold for job in plan.runs.values()} == set(range(5))
    pooled = [run for run in plan.config.km3aid.runs if run.split != "scaffolds"]
    assert len(plan.experiments) == len(pooled)


def test_paper_overlay_has_both_protocols():
    runs = overlaid("paper").km3aid.runs
    protocols = {(run.split, run.selection, run.computed_spectra) for run in runs}
    assert protocols == {
        ("published", "test", True),
        ("random", "val", False),
        ("scaffolds", "val", False),
    }


def test_scaffold_overlay_is_the_real_run_on_another_split():
    real, scaffold = overlaid("real").km3aid.base, overlaid("real", "scaffold").km3aid.base
    assert scaffold.model_dump(exclude={"split"}) == real.model_dump(exclude={"split"})
    assert overlaid("real", "scaffold").splits[scaffold.split].kind == "scaffold_balanced"


def grid_plan(**section) -> Plan:
    return Plan(check(Config, {"km3aid": section}))


def test_coinciding_cells_are_one_job_that_keeps_its_grids():
    grids = [
        {"label": "alpha", "vary": {"objective.alpha": [0.2, 0.5]}},
        {"label": "again", "vary": {"objective.alpha": [0.5]}, "retrieval": True},
    ]
    plan = grid_plan(runs=[{"label": "base"}], grids=grids)
    assert [(job.label, job.grids, job.complete) for job in plan.runs.values()] == [
        ("base", ("alpha",), True),
        ("alpha", ("alpha", "again"), True),
    ]
    (first, _) = plan.runs
    assert plan.label(SimpleNamespace(run=first)) == ["base", "alpha"]


def test_only_complete_runs_get_retrieval():
    plan = grid_plan(runs=[{}], grids=[{"label": "alpha", "vary": {"objective.alpha": [0.5]}}])
    assert len(plan.each_run("{run}")) == 2
    assert plan.each_complete_run("{run}") == plan.each_run("{run}")[:1]


def test_hand_written_runs_may_not_coincide_through_folds():
    with pytest.raises(ConfigError, match="'a' and 'b' are the same run"):
        grid_plan(folds=[0, 1], runs=[{"label": "a", "fold": 0}, {"label": "b", "fold": 1}])


def test_folds_of_an_experiment_are_put_together():
    plan = grid_plan(folds=[0, 1, 2], runs=[{}, {"objective": {"alpha": 0.5}}])
    assert sorted(map(len, plan.experiments.values())) == [3, 3]
    (first, _) = plan.experiments
    assert len(plan.of_experiment("{run}")(SimpleNamespace(experiment=first))) == 3
    assert plan.each_experiment("{experiment}") == list(plan.experiments)


def test_seeds_of_a_scaffold_split_are_not_put_together():
    splits = {"random": {}, "scaffold": {"kind": "scaffold_balanced"}}
    config = check(Config, {"splits": splits, "km3aid": {"folds": [0, 1], "base": {"split": "scaffold"}}})
    assert not Plan(config).experiments
    assert not grid_plan(runs=[{}]).experiments


@pytest.mark.parametrize(("runs", "searched"), [("first", 1), ("all", 2), ("none", 0)])
def test_whole_libraries_are_searched_with_the_runs_asked_for(runs, searched):
    plan = plan_of({}, {"fold": 1}, search={"runs": runs})
    paths = plan.each_searched_run("{run}/search.json")
    assert len(paths) == searched
    assert paths == [f"{run}/search.json" for run in list(plan.runs)[:searched]]


def test_cells_of_grids_are_not_searched_with():
    grids = [{"label": "alpha", "vary": {"objective.alpha": [0.1, 0.9]}}]
    plan = Plan(check(Config, {"km3aid": {"runs": [{}], "grids": grids}, "search": {"runs": "all"}}))
    assert len(plan.runs) == 3
    assert len(plan.each_searched_run("{run}")) == 1


def test_shards_are_filled_in_for_the_run_of_the_wildcards():
    plan = plan_of(search={"shards": 3})
    shards = plan.of_shards("<results>/{run}/shard-{shard}.arrow")(SimpleNamespace(run="abc"))
    assert shards == [f"<results>/abc/shard-{number}.arrow" for number in range(3)]


def test_an_index_is_made_anew_for_what_it_is_made_of_alone():
    one, other = (plan_of(search={"index": {"probes": n, "rerank": 10 * n}}) for n in (3, 9))
    assert one.index_settings(None) == other.index_settings(None)
    assert one.search_settings(None) != other.search_settings(None)
    assert one.search_settings(None) == plan_of(
        search={"shards": 9, "index": {"probes": 3, "rerank": 30}}
    ).search_settings(None)


SHIFTS = {"runs": [{"label": "network"}]}


def test_a_shift_model_reranks_the_search_of_its_own_split():
    plan = plan_of({"fold": 1}, {"fold": 0}, search={"runs": "all"}, shifts=SHIFTS)
    _, second = plan.runs
    (shifts,) = plan.shifts.jobs
    assert plan.aligner(shifts) == second, "the run of fold 0"
    assert plan.of_aligner("{run}/candidates.parquet")(SimpleNamespace(run=shifts)) == f"{second}/candidates.parquet"
    assert plan.each_reranking("{run}.json") == [f"{shifts}.json"]
    other = plan_of({"fold": 1}, search={"runs": "all"}, shifts=SHIFTS)
    assert other.each_reranking("{run}.json") == []
    assert plan_of({}, search={"runs": "none"}, shifts=SHIFTS).each_reranking("{run}.json") == []


def test_molecules_off_the_list_are_external_to_models_of_the_list_alone():
    plan = plan_of({}, {"molecules": "all_assigned"}, search={"runs": "all"}, shifts=SHIFTS)
    listed, _ = plan.runs
    assert plan.each_external_run("{run}") == [listed]
    assert plan.shifts.each_external_run("{run}") == list(plan.shifts.jobs)
    everyone = plan_of(shifts={"base": {"molecules": "all_assigned"}, **SHIFTS})
    assert everyone.shifts.each_external_run("{run}") == []
    assert everyone.shifts.each_selection("{selection}") == ["all_assigned"]
