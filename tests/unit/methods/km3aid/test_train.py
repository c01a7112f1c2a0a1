import json
import os
import signal
import subprocess
import sys
import time

import pytest
import torch

from spectraflow.errors import InputError
from spectraflow.files import read_json
from spectraflow.methods.km3aid.data import AlignmentStore
from spectraflow.methods.km3aid.evaluate import evaluate
from spectraflow.methods.km3aid.settings import Km3aidRun, SpectrumEncoderSettings
from spectraflow.methods.km3aid.spectrum_pretraining import inner_split, pretrain
from spectraflow.methods.km3aid.train import Km3aidTask, build_model, load_model, train
from spectraflow.settings import merge
from spectraflow.tables import ASSIGNMENTS, SPLITS, read_table, write_table
from spectraflow.training.run_folder import read_history

RUN = {
    "model": {
        "layers": 3,
        "dim": 32,
        "projection": 32,
        "dropout": 0.0,
        "projection_dropout": 0.0,
        "ppm_scale": "standard",
    },
    "training": {"epochs": 8, "batch_size": 22, "learning_rate": 0.01},
}


@pytest.fixture
def encoder(tmp_path, alignment_files):
    settings = SpectrumEncoderSettings(mode="random_frozen")
    inputs = [alignment_files[name] for name in ("alignment", "graphs", "split")]
    pretrain(settings, *inputs, tmp_path / "encoder", tmp_path / "encoder-checkpoint")
    return tmp_path / "encoder" / "model.safetensors"


def run(settings, files, encoder, out, checkpoints):
    train(
        Km3aidRun.model_validate(settings),
        files["alignment"],
        files["graphs"],
        files["split"],
        encoder,
        out,
        checkpoints,
    )
    return read_json(out / "metrics.json")


def test_a_small_set_is_learnt_on_both_levels(alignment_files):
    settings = Km3aidRun.model_validate({**RUN, "objective": {"alpha": 0.5}})
    store = AlignmentStore.read(alignment_files["alignment"], alignment_files["graphs"])
    rows = torch.arange(len(store))
    store = store.with_embeddings(torch.randn(len(store), 768, generator=torch.Generator().manual_seed(0)))
    task = Km3aidTask(build_model(settings), store, rows, rows, settings)
    optimizer = torch.optim.AdamW(task.model.parameters(), lr=2e-3)
    batch = store.batch(rows)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 500)
    for _ in range(500):
        loss, _ = task.loss(task.model, batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    metrics, _ = evaluate(task.model, store, rows)
    assert metrics["in_batch/spectrum_to_molecule"].value > 0.99
    assert metrics["atom/published"].value > 0.99
    assert metrics["atom/hungarian"].value > 0.99


def test_the_run_folder_is_complete_and_the_model_loads(tmp_path, alignment_files, encoder):
    metrics = run(RUN, alignment_files, encoder, tmp_path / "run", tmp_path / "ck")
    assert set(metrics["parts"]) == {"val", "test"}
    rows = read_table(tmp_path / "run" / "assignments.parquet", ASSIGNMENTS).to_pylist()
    mean = {}
    for row in rows:
        mean.setdefault(row["molecule_id"], []).append(row["published_ppm"] == row["shift_ppm"])
    accuracy = sum(sum(v) / len(v) for v in mean.values()) / len(mean)
    assert accuracy == pytest.approx(metrics["parts"]["test"]["atom/published"]["value"])
    _, settings, frozen = load_model(tmp_path / "run")
    assert settings.model.dim == 32
    assert frozen is not None
    assert all(not p.requires_grad or p.grad is None for p in frozen.parameters())
    assert len((tmp_path / "run" / "metrics.jsonl").read_text().splitlines()) == 8
    assert not list((tmp_path / "ck").iterdir()), "a finished training leaves no checkpoint to go on from"


def test_a_killed_training_resumes_and_ends_as_an_undisturbed_one(tmp_path, alignment_files, encoder):
    whole = run(
        {**RUN, "training": {**RUN["training"], "epochs": 12}},
        alignment_files,
        encoder,
        tmp_path / "a",
        tmp_path / "ck-a",
    )
    command = [
        sys.executable, "-m", "spectraflow", "km3aid", "train",
        "--settings", json.dumps({**RUN, "training": {**RUN["training"], "epochs": 12}}),
        *(word for name in ("alignment", "graphs", "split") for word in (f"--{name}", str(alignment_files[name]))),
        "--spectrum-encoder", str(encoder), "--out", str(tmp_path / "a2" / "a"),
        "--checkpoints", str(tmp_path / "ck-b"),
    ]  # fmt: skip
    checkpoint = tmp_path / "ck-b" / "fit.safetensors"
    job = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    deadline = time.time() + 60
    while not checkpoint.exists() and time.time() < deadline and job.poll() is None:
        time.sleep(0.01)
    os.kill(job.pid, signal.SIGKILL)
    job.communicate()
    assert job.returncode == -signal.SIGKILL
    assert not (tmp_path / "a2" / "a" / "metrics.json").exists()
    again = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "resumed after epoch" in again.stderr
    resumed = read_json(tmp_path / "a2" / "a" / "metrics.json")
    assert resumed["best_epoch"] == whole["best_epoch"]
    for name, interval in whole["parts"]["test"].items():
        assert resumed["parts"]["test"][name]["value"] == pytest.approx(interval["value"], abs=1e-6), name


@pytest.mark.parametrize(
    "difference",
    [
        {"objective": {"discrimination": "strong"}},
        {"objective": {"discrimination": "weak", "threshold_ppm": 2.0, "row_normalise": True}},
        {"objective": {"discrimination": "soft", "kernel": "gaussian", "scope": "molecule", "soft_weight": 0.5}},
        {"model": {**RUN["model"], "communication": False, "chirality": "none", "ppm_scale": "raw"}},
        {"spectrum_encoder": {"mode": "joint"}},
        {"training": {**RUN["training"], "precision": "bf16-mixed", "gradient_clip": 1.0}},
        {
            "model": {**RUN["model"], "shift_head": True},
            "objective": {"shift_weight": 1.0},
            "training": {**RUN["training"], "precision": "bf16-mixed"},
        },
    ],
    ids=["SP-ID", "WP-ID", "soft", "no-communication", "joint", "bf16", "shift-head-bf16"],
)
def test_every_published_setting_trains_and_lowers_its_loss(tmp_path, alignment_files, encoder, difference):
    run(merge(RUN, difference), alignment_files, encoder, tmp_path / "run", tmp_path / "ck")
    history = read_history(tmp_path / "run")
    assert history[-1]["train/loss"] < history[0]["train/loss"]


def test_a_shift_head_learns_beside_the_alignment(tmp_path, alignment_files, encoder):
    head = {
        "model": {"shift_head": True},
        "objective": {"shift_weight": 1.0},
        "training": {"epochs": 40, "batch_size": 11, "schedule": "cosine"},
    }
    metrics = run(merge(RUN, head), alignment_files, encoder, tmp_path / "run", tmp_path / "ck")
    store = AlignmentStore.read(alignment_files["alignment"], alignment_files["graphs"])
    parts = store.rows_of(alignment_files["split"])
    train_ppm, test_ppm = (store.carbons.take(parts[part])[0][:, 1] / 1000 for part in ("train", "test"))
    guess = float((test_ppm - train_ppm.mean()).abs().mean())
    test = metrics["parts"]["test"]
    assert test["shift/mae_13C"]["value"] < 0.5 * guess
    assert test["shift/mae_13C"]["n"] == len(test_ppm)
    for reading in ("atom", "atom_head", "atom_joint"):
        assert test[f"{reading}/hungarian"]["value"] > test["atom/chance_multiplicity"]["value"]
    history = read_history(tmp_path / "run")
    assert history[-1]["val/shift_mae"] < 0.5 * history[0]["val/shift_mae"]
    assert history[-1]["train/loss_shift"] < history[0]["train/loss_shift"]
    model, _, _ = load_model(tmp_path / "run")
    assert model.shift_head is not None, "the head is saved with the run"


def test_without_a_head_nothing_of_it_is_measured(tmp_path, alignment_files, encoder):
    metrics = run(RUN, alignment_files, encoder, tmp_path / "run", tmp_path / "ck")
    assert not any("shift" in name or "joint" in name or "head" in name for name in metrics["parts"]["test"])
    assert not any("shift" in name for name in read_history(tmp_path / "run")[0])


def test_an_empty_part_is_an_error(tmp_path, alignment_files, encoder):
    only_train = tmp_path / "train.parquet"
    write_table(only_train, SPLITS, {"molecule_id": ["toy:1"], "part": ["train"]})
    with pytest.raises(InputError, match="the test part is empty"):
        run(RUN, {**alignment_files, "split": only_train}, encoder, tmp_path / "run", tmp_path / "ck")


def test_weights_that_do_not_fit_are_named(tmp_path, alignment_files, encoder):
    encoder.write_bytes(b"no weights")
    with pytest.raises(InputError, match=r"model\.safetensors: not a readable checkpoint"):
        run(RUN, alignment_files, encoder, tmp_path / "run", tmp_path / "ck")


@pytest.mark.parametrize("mode", ["graph_fold", "cress_fold"])
def test_pretraining_sees_the_training_part_alone(tmp_path, alignment_files, mode):
    settings = SpectrumEncoderSettings.model_validate({"mode": mode, "training": {"epochs": 1, "batch_size": 16}})
    inputs = [alignment_files[name] for name in ("alignment", "graphs", "split")]
    pretrain(settings, *inputs, tmp_path / "e", tmp_path / "ck", molecules=alignment_files["molecules"])
    trained_on = set(read_json(tmp_path / "e" / "settings.json")["trained_on"])
    split = read_table(alignment_files["split"], SPLITS).to_pylist()
    assert trained_on == {row["molecule_id"] for row in split if row["part"] == "train"}


def test_the_inner_selection_part_is_apart_from_what_is_trained_on():
    train_rows, inner = inner_split(torch.arange(100), seed=3)
    assert len(inner) == 5
    assert sorted(torch.cat([train_rows, inner]).tolist()) == list(range(100))
