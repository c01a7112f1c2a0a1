"""A checkout with a small run of the workflow: start it, hold a job of it, kill it, read its tables."""

import json
import os
import select
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from spectraflow.tables import ASSIGNMENTS, read_table
from tests.waiting import PATIENCE, wait_until

HOLD = Path(__file__).parent / "hold"
TARGET = "results/faults/comparison.csv"
OVERLAY = """\
name: faults
processes: 1
tracking: {enabled: false}
demo: {molecules: 100, library: 50, multimodal_rows: 10, listed_molecules: 50, moleculenet_rows: 20}
km3aid:
  base:
    model: {layers: 1, dim: 16, projection: 16}
    training: {epochs: 4, batch_size: 16}
    spectrum_encoder: {mode: graph_fold, training: {epochs: 1, batch_size: 16}}
  runs: []
  grids:
    - {label: alpha, vary: {objective.alpha: [0.2]}}
shifts: {runs: []}
symspectra: {runs: []}
matchnet: {runs: []}
mmfrl: {runs: []}
"""


@dataclass(frozen=True)
class Tables:
    """The numbers a run ends with; times are left out."""

    comparison: str
    metrics: dict[str, Any]
    history: list[dict[str, float]]
    assignments: dict[str, list[Any]]

    def same_as(self, other: "Tables") -> bool:
        """Return whether another run ended with the same numbers."""
        near = [pytest.approx(record, rel=1e-5) for record in other.history]
        return (
            self.comparison == other.comparison
            and self.metrics == other.metrics
            and self.history == near
            and self.assignments == other.assignments
        )


@dataclass
class Workplace:
    """A checkout that the overlay is run in."""

    folder: Path

    @property
    def results(self) -> Path:
        """The results of the overlay."""
        return self.folder / "results" / "faults"

    @property
    def checkpoint(self) -> Path:
        """The checkpoint of a training that was interrupted."""
        (found,) = self.results.glob("checkpoints/*/fit.safetensors")
        return found

    def forget_training(self) -> None:
        """Remove what the training of the run and the comparison made."""
        shutil.rmtree(self.results / "km3aid" / "runs")
        shutil.rmtree(self.results / "logs")
        (self.folder / TARGET).unlink()

    def start(self) -> "Running":
        """Start the workflow; it is the same command every time."""
        held = self.folder / "hold"
        held.mkdir(exist_ok=True)
        environment = {
            **os.environ,
            "SPECTRAFLOW_ACCELERATOR": "cpu",
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": os.pathsep.join(filter(None, [str(HOLD), os.environ.get("PYTHONPATH")])),
            "HOLD_FOLDER": str(held),
        }
        command = [sys.executable, "-m", "snakemake", TARGET, "--cores", "2", "--configfile", "faults.yaml"]
        output = self.folder / f"output-{len(list(self.folder.glob('output-*')))}.txt"
        with output.open("w") as stream:
            process = subprocess.Popen(
                command, cwd=self.folder, stdout=stream, stderr=stream, env=environment, start_new_session=True
            )
        return Running(process, output, held)

    def run(self, fails: bool = False) -> str:
        """Run the workflow to its end and return what it and its jobs printed."""
        running = self.start()
        code = running.process.wait(PATIENCE)
        printed = running.output.read_text() + self.logs()
        assert (code != 0) is fails, printed[-8000:]
        return printed

    def logs(self) -> str:
        """Return the last logs of all jobs."""
        return "".join(path.read_text() for path in sorted((self.results / "logs").rglob("*.log")))

    def hold(self, name: str, after: int) -> None:
        """Hold the process that is about to put a file `name` in place once it has done so `after` times."""
        (self.folder / "hold").mkdir(exist_ok=True)
        (self.folder / "hold" / "armed").write_text(f"{name} {after}")

    def tables(self) -> Tables:
        """Return the numbers the run ended with."""
        (run,) = (self.results / "km3aid" / "runs").iterdir()
        lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
        return Tables(
            (self.folder / TARGET).read_text(),
            json.loads((run / "metrics.json").read_text()),
            [{name: value for name, value in line.items() if "seconds" not in name} for line in lines],
            read_table(run / "assignments.parquet", ASSIGNMENTS).to_pydict(),
        )

    def leftovers(self) -> list[Path]:
        """Return half-written files, and checkpoints of finished trainings."""
        found = [*self.results.rglob(".*.partial"), *self.results.rglob("checkpoints/*/*")]
        return [path for path in found if path.is_file()]


@dataclass
class Running:
    """A workflow that runs, and the job in it that is held."""

    process: subprocess.Popen[bytes]
    output: Path
    folder: Path

    def held(self) -> int:
        """Wait until a process is held and return its id; another may be held after that."""
        marker = self.folder / "held"
        wait_until(marker.exists, self.process, self.output)
        pid = int(marker.read_text())
        marker.unlink()
        return pid

    def kill(self, with_jobs: bool = False) -> None:
        """Kill Snakemake, and all its jobs with it if asked to."""
        if with_jobs:
            os.killpg(self.process.pid, signal.SIGKILL)
        else:
            self.process.kill()
        self.process.wait(PATIENCE)


@dataclass
class SmallDisk:
    """A mounted disk whose size can be set."""

    folder: Path

    def resize(self, size: int) -> None:
        """Set the size, bytes."""
        command = ["mount", "-o", f"remount,size={size}", str(self.folder)]
        subprocess.run(command, check=True, capture_output=True)

    def leave(self, free: int) -> None:
        """Shrink the disk to what is on it and `free` bytes."""
        usage = shutil.disk_usage(self.folder)
        self.resize(usage.used + free)


def wait_until_gone(pid: int) -> None:
    """Wait until a process has ended."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    assert select.select([process], [], [], PATIENCE)[0], f"process {pid} is still there"
    os.close(process)
