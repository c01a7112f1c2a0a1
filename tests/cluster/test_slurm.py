"""Trainings on a real Slurm through the profile: one is cancelled and goes on; tables are those of a local run."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from uuid import uuid4

import pytest

from spectraflow.config import load_config
from spectraflow.workflow import Plan
from tests.waiting import PATIENCE, wait_until


def slurm_answers() -> bool:
    """Whether jobs can be submitted here."""
    if shutil.which("sbatch") is None:
        return False
    return subprocess.run(["sinfo", "--noheader"], capture_output=True, timeout=60).returncode == 0


pytestmark = [
    pytest.mark.cluster,
    pytest.mark.slow,
    pytest.mark.skipif(not slurm_answers(), reason="no Slurm answers here"),
]

LONG = 100
OVERLAY = f"""\
name: cluster
demo: {{molecules: 150, library: 60, multimodal_rows: 40, listed_molecules: 60, moleculenet_rows: 20}}
tracking: {{enabled: false}}
km3aid:
  base:
    model: {{layers: 2, dim: 16, projection: 16}}
    training: {{epochs: 2, batch_size: 16}}
    spectrum_encoder: {{mode: random_frozen}}
  runs: [{{label: K-M3AID}}]
  grids:
    - {{label: alpha, vary: {{objective.alpha: [0.5]}}}}
    - {{label: length, vary: {{training.epochs: [{LONG}]}}}}
shifts:
  base: {{model: {{layers: 1, dim: 16}}, training: {{epochs: 2, batch_size: 16}}}}
  runs: [{{label: shift network}}]
symspectra:
  base:
    network: {{channels: [4, 8], fusion: 8, hidden: [32, 16], decoder_dim: 16, decoder_embedding: 8}}
    training: {{epochs: 2, batch_size: 16}}
  runs: [{{label: SymSpectra}}, {{label: commonest groups, kind: commonest}}]
matchnet:
  base:
    network: {{spectra: peaks, heads: 2, head_dim: 4, fused: 8, hidden: 16, molecule_dim: 8, spectrum_dim: 8}}
    training: {{epochs: 2, batch_size: 16}}
  runs: [{{label: peak sets}}, {{label: line counts, kind: line_counts}}]
mmfrl:
  tasks: [freesolv]
  base: {{encoder: {{hidden: 16}}, head: 16, training: {{epochs: 2, batch_size: 8}}}}
  runs: [{{label: no pre-training}}]
search: {{runs: none, shards: 1}}
retrieval: {{library_sizes: [10], queries: 5}}
isomers: {{least_members: 3}}
"""
TARGET = "results/cluster/comparison.csv"
# One CPU a training, so that two run at a time on a node of two; as many locally, for sums are rounded by threads.
TRAININGS = ("train_km3aid", "train_shifts", "train_symspectra", "train_matchnet", "train_property")
LOCAL = ("--cores", "2", "--set-threads", *(f"{rule}=1" for rule in TRAININGS))
SUBMITTED = (*LOCAL, "--workflow-profile", "slurm", "--slurm-init-seconds-before-status-checks", "3")


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "snakemake", "--configfile", "cluster.yaml", *arguments]


def environment() -> dict[str, str]:
    return {**os.environ, "SPECTRAFLOW_ACCELERATOR": "cpu", "OMP_NUM_THREADS": "1"}


def run(folder: Path, *arguments: str) -> None:
    """Run the workflow to its end; a failure shows its output."""
    done = subprocess.run(
        command(*arguments), cwd=folder, capture_output=True, text=True, env=environment(), timeout=PATIENCE
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-8000:]


def slurm(*arguments: str) -> list[list[str]]:
    """Return the fields of every line that a Slurm command prints, divided by `|`."""
    printed = subprocess.run(arguments, capture_output=True, text=True, check=True, timeout=60).stdout
    return [line.split("|") for line in printed.splitlines()]


def submissions(name: str) -> dict[str, str]:
    """Return the state of every job that was submitted under a name, by its id."""
    rows = slurm("sacct", "-X", "--noheader", "--parsable2", "--format=JobID,State,JobName", "--starttime=now-2hours")
    return {job: state for job, state, job_name in rows if job_name.startswith(name)}


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Print how long something took."""
    start = time.monotonic()
    yield
    print(f"{what}: {time.monotonic() - start:.0f} s")


@pytest.fixture(scope="module")
def tables(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout in which all is done that comes before the trainings."""
    folder = tmp_path_factory.mktemp("cluster") / "tables"
    shutil.copytree(checkout, folder, symlinks=True, ignore=shutil.ignore_patterns("results", ".snakemake"))
    (folder / "cluster.yaml").write_text(OVERLAY, encoding="utf-8")
    with timed("before the trainings"):
        run(folder, *LOCAL, "--omit-from", *TRAININGS, "--", TARGET)
    return folder


@pytest.fixture(scope="module")
def plan(tables: Path) -> Plan:
    return Plan(load_config(tables / "config.yaml", tables / "cluster.yaml"))


@pytest.fixture(scope="module")
def long(plan: Plan) -> str:
    """The run whose training lasts long enough to be cancelled."""
    (run,) = [run for run, job in plan.runs.items() if job.settings["training"]["epochs"] == LONG]
    return run


@pytest.fixture(scope="module")
def runs(plan: Plan) -> list[Path]:
    """The metrics of every training, relative to a checkout."""
    trained = {"km3aid": plan.runs, "shifts": plan.shifts.jobs}
    trained |= {"symspectra": plan.symspectra.jobs, "matchnet": plan.matchnet.jobs, "mmfrl": plan.mmfrl.jobs}
    return [Path(f"results/cluster/{method}/runs/{run}/metrics.json") for method, ids in trained.items() for run in ids]


@pytest.fixture(scope="module")
def local(tables: Path) -> Path:
    """The checkout of a local run."""
    folder = shutil.copytree(tables, tables.with_name("local"), symlinks=True)
    with timed("trainings and what follows, local"):
        run(folder, *LOCAL, "--", TARGET)
    return folder


@pytest.fixture(scope="module")
def submitted(tables: Path, long: str) -> SimpleNamespace:
    """The checkout of a run on Slurm, its jobs with their states, and the id of the training that was cancelled."""
    folder, log = shutil.copytree(tables, tables.with_name("slurm"), symlinks=True), tables.with_name("slurm.log")
    name = f"test-{uuid4().hex[:8]}"
    arguments = command(*SUBMITTED, "--slurm-jobname-prefix", name, "--", TARGET)
    with timed("trainings and what follows, Slurm"), log.open("wb") as output:
        process = subprocess.Popen(arguments, cwd=folder, stdout=output, stderr=output, env=environment())
        try:
            with timed("of this until the first checkpoint"):
                checkpoints = folder / "results" / "cluster" / "checkpoints" / long
                wait_until(lambda: list(checkpoints.glob("*.safetensors")), process, log)
            queue = slurm("squeue", "--noheader", "--format=%A|%k|%j")
            (cancelled,) = [job for job, comment, owner in queue if long in comment and owner.startswith(name)]
            subprocess.run(["scancel", cancelled], check=True, timeout=60)
            assert process.wait(PATIENCE) == 0, log.read_text()[-8000:]
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)  # Snakemake cancels what it submitted
                process.wait(60)
    return SimpleNamespace(folder=folder, jobs=submissions(name), cancelled=cancelled)


def test_cancelled_training_was_submitted_again_and_went_on(submitted, long):
    assert submitted.jobs[submitted.cancelled].startswith("CANCELLED")
    others = [state for job, state in submitted.jobs.items() if job != submitted.cancelled]
    assert set(others) == {"COMPLETED"}
    log = submitted.folder / "results/cluster/logs/train_km3aid" / f"{long}.log"
    assert "resumed after epoch" in log.read_text(encoding="utf-8")


def test_every_training_is_submitted_and_short_jobs_share_submissions(submitted, runs):
    trainings = len(runs) + 1  # one of them twice
    groups = 4  # the library's embedding; predicted shifts; retrieval with isomers; the comparison
    assert len(submitted.jobs) == trainings + groups


def scores(folder: Path, run: Path) -> dict[str, float]:
    """Return every number of a run's metrics by its place, but for what it cost."""
    metrics = json.loads((folder / run).read_text(encoding="utf-8"))
    return dict(numbers({key: value for key, value in metrics.items() if key != "cost"}))


def numbers(value: object, place: str = "") -> Iterator[tuple[str, float]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from numbers(inner, f"{place}/{key}")
    elif isinstance(value, int | float):
        yield place, value


def test_models_score_as_after_a_local_run(local, submitted, runs):
    for run in runs:
        assert scores(submitted.folder, run) == pytest.approx(scores(local, run), rel=1e-6), run


def test_tables_equal_those_of_a_local_run(local, submitted):
    table, other = (comparison(folder) for folder in (local, submitted.folder))
    assert any(row["measured"] for row in table)
    assert other == table


def comparison(folder: Path) -> list[dict[str, str]]:
    """Return the rows of comparison.csv, without what was measured of costs: times differ."""
    rows = list(csv.DictReader((folder / TARGET).read_text(encoding="utf-8").splitlines()))
    return [{**row, "measured": ""} if row["metric"].startswith("cost/") else row for row in rows]
