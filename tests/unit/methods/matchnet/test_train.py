"""Whole runs of small matching models: what they leave, what they learn, and what must teach them nothing."""

import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from rdkit import Chem

from spectraflow.errors import ConfigError, InputError
from spectraflow.evaluation.match_verdicts import verdicts
from spectraflow.evaluation.matching import area_under_curve, matching_metrics
from spectraflow.files import read_json
from spectraflow.methods.matchnet import evaluate as evaluation
from spectraflow.methods.matchnet import train as module
from spectraflow.methods.matchnet.fitting import MatchTask
from spectraflow.methods.matchnet.matchers import ScoredPairs, load_network
from spectraflow.methods.matchnet.network import parameter_totals
from spectraflow.methods.matchnet.pair_table import BALANCED
from spectraflow.methods.matchnet.render import render
from spectraflow.methods.matchnet.train import read_data, train
from spectraflow.tables import MATCHING_SPECTRA, PAIR_PREDICTIONS, PAIR_SCORES, PAIRS, RENDERED, read_table
from spectraflow.training import checkpoint
from spectraflow.training.checkpoint import load_checkpoint
from spectraflow.training.run_folder import read_history
from tests.unit.conftest import CHAINS, write_rows
from tests.unit.methods.matchnet.matching_files import RENDERING, small_run, write_matching_files

LEARNING = {
    "negatives": "uniform",
    "network": {"spectra": "peaks"},
    "training": {"epochs": 12, "learning_rate": 0.01, "batch_size": 32},
}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return write_matching_files(tmp_path_factory.mktemp("train"), 40)


@pytest.fixture(scope="module")
def inputs(files):
    return files.inputs(files.features())


def run(settings, inputs, folder, name="run"):
    """Train and return the metrics; intervals, which take most of the time of so small a run, are of few samples."""
    with pytest.MonkeyPatch.context() as patch:
        for intervals in (matching_metrics, verdicts):
            patch.setattr(evaluation, intervals.__name__, partial(intervals, draws=20))
        train(settings, inputs, folder / name, folder / "checkpoints")
    return read_json(folder / name / "metrics.json")


def score(metrics, name, part="test"):
    return metrics["parts"][part][f"matching/{name}"]["value"]


def predictions(folder):
    return read_table(folder / "predictions.parquet", PAIR_PREDICTIONS).to_pylist()


def without_times(records):
    return [{name: value for name, value in record.items() if "seconds" not in name} for record in records]


@pytest.fixture(scope="module")
def learnt(tmp_path_factory):
    """A network that has learnt something, of 147 molecules."""
    folder = tmp_path_factory.mktemp("learnt")
    smiles = list(dict.fromkeys(Chem.CanonSmiles(text) for text in CHAINS))
    files = write_matching_files(folder / "data", smiles=np.random.default_rng(0).permutation(smiles).tolist())
    settings = small_run(**LEARNING)
    return settings, files.inputs(), folder, run(settings, files.inputs(), folder)


def test_which_molecule_has_which_lines_is_learnt(learnt):
    settings, inputs, folder, metrics = learnt
    history = read_history(folder / "run")
    assert history[-1]["train/loss"] < history[0]["train/loss"] - 0.15
    assert score(metrics, "diff/auc") > 0.75
    assert score(metrics, "uniform/auc") > 0.65
    data = read_data(settings, inputs)
    matcher, _ = load_network(folder / "run" / "model.safetensors", torch.device("cpu"))
    trained_on = data.pairs["train"].take(data.pairs["train"].places_of("uniform"))
    assert area_under_curve(trained_on.labels, matcher.logits(data.store, trained_on)) > 0.8


def test_with_the_spectra_of_others_nothing_is_recognised(learnt):
    metrics = learnt[-1]
    for name in BALANCED:
        assert score(metrics, f"{name}/permuted_auc") == pytest.approx(0.5, abs=0.2)  # 29 pairs of each label
        assert score(metrics, f"{name}/membership_auc") == 0.5


@pytest.mark.parametrize("spectra", ["vectors", "images", "peaks"])
@pytest.mark.parametrize("blind", ["molecule", "spectra"])
def test_a_blind_model_is_exactly_at_chance(inputs, tmp_path, spectra, blind):
    metrics = run(small_run(network={"spectra": spectra, "blind": blind}, negatives="mixed"), inputs, tmp_path)
    for name in BALANCED:
        assert score(metrics, f"{name}/auc") == pytest.approx(0.5, abs=1e-9)
        assert score(metrics, f"{name}/accuracy") == pytest.approx(0.5, abs=1e-9)
        assert score(metrics, f"{name}/permuted_auc") == pytest.approx(0.5, abs=1e-9)
    assert score(metrics, "near/auc", "val") == pytest.approx(0.5, abs=1e-9)
    assert [record["val/auc"] for record in read_history(tmp_path / "run")] == pytest.approx([0.5, 0.5], abs=1e-9)
    assert len({row["logit"] for row in predictions(tmp_path / "run")}) > 2


def test_a_run_leaves_all_its_files(trained_networks):
    trained = trained_networks("vectors")
    folder, metrics = trained.folder, trained.metrics
    asked = [row for row in read_table(trained.files.pairs, PAIRS).to_pylist() if row["part"] != "train"]
    columns = ("pair_id", "part", "test_set", "owner_id", "candidate_id", "label")
    found = predictions(folder)
    assert sorted(tuple(row[name] for name in columns) for row in found) == sorted(
        tuple(row[name] for name in columns) for row in asked
    )
    near = [row for row in found if row["part"] == "test" and row["test_set"] in ("true", "near")]
    labels, logits = (np.array([row[name] for row in near]) for name in ("label", "logit"))
    assert area_under_curve(labels, logits) == pytest.approx(score(metrics, "near/auc"))
    settings = read_json(folder / "settings.json")
    assert (settings["method"], settings["run_id"]) == ("matchnet", "vectors")
    assert settings["molecules"] == {"train": 38, "val": 13, "test": 13}
    assert settings["pairs"]["val"] == {"near": 13, "true": 13, "uniform": 13}
    assert settings["pairs"]["test"]["diff"] == 13
    assert settings["parameters"] == parameter_totals(trained.settings.network, None, RENDERING.columns)
    assert settings["backbone"] is None
    assert metrics["epochs"] == len(read_history(folder)) == 2
    assert metrics["selection"] == "val"
    assert metrics["cost"]["peak_memory_gb"] > 0
    assert metrics["unscored"] == {"val": 0, "test": 0}
    assert not list((folder.parent / "checkpoints").glob("*")), "a finished run leaves no checkpoint"


def test_a_run_of_images_says_what_saw_them(trained_networks):
    trained = trained_networks("images")
    backbone = read_json(trained.folder / "settings.json")["backbone"]
    assert backbone["backbone"]["name"] == "tiny"
    assert backbone["weights"] == "random"
    assert backbone["channels"] > 0


@pytest.mark.parametrize("spectra", ["vectors", "images", "peaks"])
def test_the_saved_network_predicts_what_the_run_predicted(trained_networks, spectra):
    trained = trained_networks(spectra)
    matcher, _ = load_network(trained.folder / "model.safetensors", torch.device("cpu"))
    assert matcher.settings == trained.settings
    data = read_data(trained.settings, trained.inputs)
    written = {row["pair_id"]: row["logit"] for row in predictions(trained.folder)}
    found = matcher.logits(data.store, data.pairs["test"])
    np.testing.assert_allclose(found, [written[name] for name in data.pairs["test"].ids], atol=1e-6)


def test_equal_seeds_give_equal_numbers(inputs, tmp_path):
    one, again = (run(small_run(), inputs, tmp_path, name) for name in ("one", "again"))
    assert one["parts"] == again["parts"]
    assert predictions(tmp_path / "one") == predictions(tmp_path / "again")
    other = run(small_run(training={"seed": 1}), inputs, tmp_path, "other")
    assert other["parts"] != one["parts"]


def test_the_first_of_the_epochs_with_the_best_accuracy_is_kept(inputs, tmp_path, monkeypatch):
    accuracies, weights = [0.5, 0.75, 0.75, 0.625], []

    def scripted(task, model):
        accuracy = accuracies[len(weights)]
        weights.append({name: value.clone() for name, value in task.model.network.state_dict().items()})
        # a better area under the curve changes nothing
        return {"val/error": 1 - accuracy, "val/accuracy": accuracy, "val/auc": 0.1 * len(weights)}

    monkeypatch.setattr(MatchTask, "validate", scripted)
    metrics = run(small_run(training={"epochs": 4}), inputs, tmp_path)
    assert metrics["best_epoch"] == 1
    saved, _ = load_checkpoint(tmp_path / "run" / "model.safetensors")
    assert all(torch.equal(saved[name], value) for name, value in weights[1].items())
    assert not all(torch.equal(saved[name], value) for name, value in weights[2].items())


class Killed(Exception):
    """What ends a job from outside."""


def kill_after(patch, epochs):
    """Let validation be killed in the epoch after `epochs` of this process."""
    validate, seen = MatchTask.validate, []

    def killed(task, model):
        seen.append(model)
        if len(seen) > epochs:
            raise Killed
        return validate(task, model)

    patch.setattr(MatchTask, "validate", killed)


def killed_run(settings, inputs, folder, epochs_before):
    with pytest.MonkeyPatch.context() as patch:
        kill_after(patch, epochs_before)
        with pytest.raises(Killed):
            run(settings, inputs, folder, "killed")
    assert list((folder / "checkpoints").iterdir()), "a checkpoint is left"
    shutil.rmtree(folder / "killed")  # as Snakemake does with the outputs of a failed job


@pytest.mark.parametrize("epochs_before", [1, 2])
def test_a_killed_run_ends_as_an_undisturbed_one(inputs, tmp_path, epochs_before):
    settings = small_run(resample=True, network={"dropout": 0.3}, training={"epochs": 3})
    expected = run(settings, inputs, tmp_path, "whole")
    killed_run(settings, inputs, tmp_path, epochs_before)
    found = run(settings, inputs, tmp_path, "killed")
    assert found["parts"] == expected["parts"]
    assert found["best_epoch"] == expected["best_epoch"]
    whole, resumed = (read_history(tmp_path / name) for name in ("whole", "killed"))
    assert without_times(whole) == without_times(resumed)
    assert predictions(tmp_path / "whole") == predictions(tmp_path / "killed")
    assert found["cost"]["seconds"] == pytest.approx(sum(record["seconds"] for record in resumed))
    assert not list((tmp_path / "checkpoints").iterdir())


def test_a_run_killed_while_it_is_evaluated_is_not_trained_again(inputs, tmp_path, monkeypatch):
    expected = run(small_run(), inputs, tmp_path, "whole")
    with monkeypatch.context() as patch:
        patch.setattr(module, "evaluate", lambda *args: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            run(small_run(), inputs, tmp_path, "killed")
    assert not (tmp_path / "killed" / "metrics.json").exists()
    monkeypatch.setattr(MatchTask, "loss", lambda *args: 1 / 0)
    assert run(small_run(), inputs, tmp_path, "killed")["parts"] == expected["parts"]


def other_pairs(inputs, folder):
    """The same pairs in another order: other bytes."""
    rows = read_table(inputs.pairs, PAIRS).to_pylist()
    return replace(inputs, pairs=write_rows(folder / "pairs.parquet", PAIRS, rows[::-1]))


@pytest.mark.parametrize("changed", ["settings", "inputs", "code", "label"])
def test_a_checkpoint_is_gone_on_from_for_the_same_settings_inputs_and_code(inputs, tmp_path, monkeypatch, changed):
    killed_run(small_run(), inputs, tmp_path, 1)
    difference = {"settings": {"training": {"learning_rate": 0.001}}, "label": {"label": "another name"}}
    settings = small_run(**difference.get(changed, {}))
    asked = other_pairs(inputs, tmp_path) if changed == "inputs" else inputs
    if changed == "code":
        monkeypatch.setattr(checkpoint, "code_of", lambda step: "other code")
    kill_after(monkeypatch, 1)  # of a run that is gone on from, one epoch is left
    if changed == "label":
        assert run(settings, asked, tmp_path)["epochs"] == 2
    else:
        with pytest.warns(UserWarning, match="other settings, code or data"), pytest.raises(Killed):
            run(settings, asked, tmp_path)


def write_scores(path, pairs):
    """Scores that know the truth by 13C, and nothing for the pairs of one test owner."""
    rows = [row for row in read_table(pairs, PAIRS).to_pylist() if row["part"] != "train"]
    lost = next(row["owner_id"] for row in rows if row["part"] == "test")
    noise = np.random.default_rng(0).normal(size=len(rows)).tolist()
    scored = [
        {"pair_id": row["pair_id"], "carbon": 2.0 * row["label"] + 0.1 * one, "proton": one}
        for row, one in zip(rows, noise, strict=True)
    ]
    gaps = [{**one, "carbon": None, "proton": None} if f":{lost}:" in one["pair_id"] else one for one in scored]
    return write_rows(path, PAIR_SCORES, gaps), sum(row["owner_id"] == lost for row in rows)


@pytest.mark.parametrize("kind", ["line_counts", "boosted_trees", "shift_model", "alignment_model"])
def test_every_comparison_runs(inputs, tmp_path, kind):
    external = kind.endswith("_model")
    scores, lost = write_scores(tmp_path / "scores.parquet", inputs.pairs)
    settings = small_run(kind=kind, trees=5, scores="a model" if external else None)
    metrics = run(settings, replace(inputs, scores=scores), tmp_path)
    test = metrics["parts"]["test"]
    assert (metrics["epochs"], metrics["best_epoch"]) == (0, -1)
    assert read_history(tmp_path / "run") == []
    assert score(metrics, "uniform/auc") > (0.85 if external else 0.55)
    assert metrics["unscored"] == {"val": 0, "test": lost if external else 0}
    assert ("matching/near/permuted_auc" in test) != external
    assert ("matching/near/auc_13C" in test) == external
    assert ("matching/near/auc_lines" in test) == (kind == "line_counts")
    missing = [row["logit"] is None for row in predictions(tmp_path / "run")]
    assert sum(missing) == metrics["unscored"]["test"]
    _, state = load_checkpoint(tmp_path / "run" / "model.safetensors")
    assert state["settings"]["kind"] == kind
    if external:
        val = read_data(settings, replace(inputs, scores=scores)).pairs["val"]
        balanced = ScoredPairs.fit(scores, val.take(val.places_of("near")))
        assert state["curve"] == balanced.state["curve"]
    assert read_json(tmp_path / "run" / "settings.json")["parameters"] == {}
    with pytest.raises(InputError):
        load_network(tmp_path / "run" / "model.safetensors", torch.device("cpu"))


@pytest.mark.parametrize(
    "difference",
    [
        {"negatives": "uniform", "resample": True},
        {"negatives": "mixed"},
        {"limit": 10},
        {"permuted_labels": True},
        {"permuted_labels": True, "resample": True},
        {"network": {"nuclei": ["1H"]}},
        {"network": {"graph": "parent_gat", "attention": "parent", "spectra": "images"}},
        {"training": {"precision": "bf16-mixed"}},
        {"network": {"spectra": "images"}, "training": {"precision": "bf16-mixed"}},
    ],
    ids=str,
)
def test_every_experiment_runs(difference, inputs, tmp_path):
    one_epoch = {**difference, "training": {"epochs": 1, **difference.get("training", {})}}
    metrics = run(small_run(**one_epoch), inputs, tmp_path)
    assert 0 <= score(metrics, "near/auc") <= 1
    (record,) = read_history(tmp_path / "run")
    assert all(np.isfinite(value) for value in record.values())
    assert record["batches"] == (2 if "limit" in difference else 6)
    assert record["val/error"] == pytest.approx(1 - record["val/accuracy"])


def test_labels_are_shuffled_for_the_control_alone(inputs):
    for permuted in (False, True):
        settings = small_run(permuted_labels=permuted)
        data = read_data(settings, inputs)
        for examples in module.training_examples(settings, data):
            assert np.array_equal(examples.labels, examples.owners == examples.candidates) != permuted
            assert examples.labels.mean() == 0.5


def test_another_data_set_is_tested_on(inputs, tmp_path):
    other = write_matching_files(tmp_path / "other", 30)
    spectra = read_table(other.spectra, MATCHING_SPECTRA).to_pylist()
    # ids are those of the molecules trained on; two of the six test molecules are none of these
    known = ["toy:1", "toy:2", "toy:39", "toy:38"]
    blocks = [*(f"other {row}" for row in range(26)), *known]
    rows = [{**row, "first_block": block} for row, block in zip(spectra, blocks, strict=True)]
    renamed = write_rows(tmp_path / "spectra.parquet", MATCHING_SPECTRA, rows)
    settings, asked = small_run(transfer="alberts"), replace(inputs, transfer=(renamed, other.rendered, other.pairs))
    metrics = run(settings, asked, tmp_path)
    data = read_data(settings, replace(asked, spectra=renamed, rendered=other.rendered, pairs=other.pairs))
    pairs = data.pairs["test"]
    kept = pairs.take(~(np.isin(pairs.owners, [26, 27]) | np.isin(pairs.candidates, [26, 27])))
    assert metrics["transfer"] == {"pairs": len(kept), "left_out": len(pairs) - len(kept)}
    chosen = kept.take(kept.places_of("near"))
    matcher, _ = load_network(tmp_path / "run" / "model.safetensors", torch.device("cpu"))
    expected = area_under_curve(chosen.labels, matcher.logits(data.store, chosen))
    assert score(metrics, "alberts_near/auc") == pytest.approx(expected)


@pytest.mark.parametrize("spectra", ["vectors", "images", "peaks"])
def test_spectra_of_a_single_peak_are_spectra(tmp_path, spectra):
    smiles = ["CC", "CCCC", "CCO", "CCN", "OCCO", "CCC", "CCF", "NCCN", "CC(C)C", "CCCO"]
    files = write_matching_files(tmp_path / "data", smiles=smiles)
    lines = [len(row["carbon_ppm"]) for row in read_table(files.spectra, MATCHING_SPECTRA).to_pylist()]
    assert lines[0] == lines[4] == lines[7] == 1
    inputs = files.inputs(files.features() if spectra == "images" else None)
    metrics = run(small_run(network={"spectra": spectra}), inputs, tmp_path)
    assert 0 <= score(metrics, "near/auc") <= 1
    assert metrics["unscored"] == {"val": 0, "test": 0}


def without_lines(files, folder):
    """Spectra of which toy:7 has no 13C lines."""
    rows = read_table(files.spectra, MATCHING_SPECTRA).to_pylist()
    rows[7] |= {"carbon_ppm": [], "carbon_area": []}
    return write_rows(folder / "spectra.parquet", MATCHING_SPECTRA, rows)


def test_an_empty_spectrum_cannot_be_drawn_and_what_was_not_drawn_is_not_trained_on(files, inputs, tmp_path):
    spectra = without_lines(files, tmp_path)
    with pytest.raises(InputError, match="toy:7 cannot be rendered"):
        render(RENDERING, spectra, tmp_path / "rendered.parquet", tmp_path / "rendered.json")
    drawn = read_table(files.rendered, RENDERED).to_pylist()
    drawn[7] |= {"carbon_high": [], "carbon_low": []}
    rendered = write_rows(tmp_path / "rendered.parquet", RENDERED, drawn)
    for read in ("vectors", "peaks"):
        with pytest.raises(InputError, match=r"rendered\.parquet: toy:7 has 0 columns in carbon_high"):
            run(small_run(network={"spectra": read}), replace(inputs, rendered=rendered), tmp_path)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("difference", "message"),
    [
        ({"rendering": {"columns": 32}}, "made with rendering.columns 64, the model with 32"),
        ({"rendering": {"carbon_width": 1.0}}, "made with rendering.carbon_width 0.2, the model with 1.0"),
        ({"network": {"backbone": {"seed": 5}}}, "made with backbone.seed 0, the model with 5"),
    ],
)
def test_features_of_other_images_are_refused(inputs, tmp_path, difference, message):
    network = {"spectra": "images", **difference.get("network", {})}
    with pytest.raises(InputError, match=message):
        run(small_run(**{**difference, "network": network}), inputs, tmp_path)


def test_vectors_of_another_width_are_refused(inputs, tmp_path):
    with pytest.raises(InputError, match=r"rendered\.parquet: spectra of 64 columns, but the model's rendering has 32"):
        run(small_run(rendering={"columns": 32}), inputs, tmp_path)


def test_pairs_of_unknown_molecules_are_refused(inputs, tmp_path):
    rows = read_table(inputs.pairs, PAIRS).to_pylist()
    unknown = [{**row, "candidate_id": "toy:40"} if row["test_set"] == "sim" else row for row in rows]
    pairs = write_rows(tmp_path / "pairs.parquet", PAIRS, unknown)
    with pytest.raises(InputError, match=r"pairs\.parquet: 8 molecules are unknown, such as toy:40"):
        run(small_run(), replace(inputs, pairs=pairs), tmp_path)


def test_missing_files_are_named(inputs, tmp_path):
    with pytest.raises(ConfigError, match="give --features"):
        run(small_run(network={"spectra": "images"}), replace(inputs, features=None), tmp_path)
    with pytest.raises(InputError, match="nowhere"):
        run(small_run(), replace(inputs, pairs=Path("nowhere.parquet")), tmp_path)


@pytest.mark.parametrize(("negatives", "name"), [("near", "near"), ("mixed", "near"), ("uniform", "uniform")])
def test_scores_of_another_model_are_calibrated_on_as_many_right_pairs_as_wrong_ones(inputs, tmp_path, negatives, name):
    scores, _ = write_scores(tmp_path / "scores.parquet", inputs.pairs)
    run(small_run(kind="shift_model", scores="a model", negatives=negatives), replace(inputs, scores=scores), tmp_path)
    logits = [
        row["logit"]
        for row in predictions(tmp_path / "run")
        if row["part"] == "val" and row["test_set"] in ("true", name)
    ]
    assert np.mean(1 / (1 + np.exp(-np.array(logits)))) == pytest.approx(0.5, abs=1e-3)
