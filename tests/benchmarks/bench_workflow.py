"""What the workflow costs: planning the papers' configuration, and running jobs through Snakemake or by hand.

CONFIG names the overlay whose run is timed (`CONFIG=config.yaml` is the default run); without it a tiny one is run.
It is run three times, on a machine that has nothing else to do.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SNAKEMAKE = (sys.executable, "-m", "snakemake")
ONE_AT_A_TIME = ("--resources", "turn=1", "--default-resources", "turn=1")
THREAD_VARIABLES = ("OMP", "GOTO", "OPENBLAS", "MKL", "NUMEXPR")

RECORDER = """\
unset BASH_ENV
if test -n "${BASH_EXECUTION_STRING:-}"; then
    printf '%s\\n%s' "${OMP_NUM_THREADS:-}" "$BASH_EXECUTION_STRING" > "$SPECTRAFLOW_RECORDS/$EPOCHREALTIME-$$"
fi
"""
"""Bash reads this before a job: it notes the job's command and threads in a file named by the time."""


@dataclass(frozen=True)
class Cost:
    """Wall seconds, CPU seconds with all descendants, and the largest memory of one process, MiB."""

    wall: float
    cpu: float
    memory: float
    output: str


def measured(command: list[str], folder: Path, **environment: str) -> Cost:
    started, log = time.perf_counter(), folder / "measured.log"
    with log.open("w") as handle:
        process = subprocess.Popen(
            command, cwd=folder, stdout=handle, stderr=subprocess.STDOUT, env={**os.environ, **environment}
        )
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    output = log.read_text(errors="replace")
    assert process.returncode == 0, output[-4000:]
    wall, cpu = time.perf_counter() - started, usage.ru_utime + usage.ru_stime
    return Cost(wall, cpu, usage.ru_maxrss / 1024, output)


@pytest.mark.benchmark
def test_planning_the_papers(checkout):
    command = [*SNAKEMAKE, "--configfile", "workflow/config/paper.yaml", "--dry-run", "--cores", "2"]
    cost = measured([*command, "--quiet", "host", "rules", "reason"], checkout)
    found = re.search(r"^total +(\d+)$", cost.output, re.MULTILINE)
    assert found is not None, cost.output[-4000:]
    jobs = int(found[1])
    print(
        f"\npaper.yaml: {jobs} jobs, {cost.wall:.1f} s ({cost.cpu:.1f} s CPU), {1000 * cost.wall / jobs:.2f} s "
        f"for 1,000 jobs (bar 10), {1000 * cost.cpu / jobs:.2f} s CPU for 1,000 jobs, {cost.memory:.0f} MiB"
    )
    assert 1000 * cost.cpu / jobs < 10  # one process: on an idle machine the wall time is no more


def by_hand(records: Path, finished: Path, folder: Path) -> tuple[int, Cost]:
    """Run recorded commands in sequence in a clean copy that has the folders of a finished one."""
    for path in sorted(finished.glob("results/**/")):
        (folder / path.relative_to(finished)).mkdir(parents=True, exist_ok=True)
    script = folder / "by_hand.sh"
    lines = ["set -e"]
    for record in sorted(records.iterdir()):
        threads, _, command = record.read_text().partition("\n")
        (copy := folder / f"command-{record.name}.sh").write_text(command)
        variables = " ".join(f"{name}_NUM_THREADS={threads}" for name in THREAD_VARIABLES)
        lines.append(f"{variables} bash {copy}")
    script.write_text("\n".join(lines))
    return len(lines) - 1, measured(["bash", str(script)], folder)


@pytest.mark.benchmark
def test_running_through_the_workflow(checkout, tiny, tmp_path):
    overlay = Path(os.environ["CONFIG"]).resolve() if os.environ.get("CONFIG") else tiny
    folders = [tmp_path / name for name in ("workflow", "hand", "one_at_a_time")]
    for folder in folders:
        shutil.copytree(checkout, folder, symlinks=True, ignore=shutil.ignore_patterns("results", ".snakemake"))
    (records := tmp_path / "records").mkdir()
    (recorder := tmp_path / "recorder.sh").write_text(RECORDER)
    command = [*SNAKEMAKE, "--cores", "2", "--configfile", str(overlay)]
    parallel = measured(command, folders[0], BASH_ENV=str(recorder), SPECTRAFLOW_RECORDS=str(records))
    jobs, hand = by_hand(records, folders[0], folders[1])
    sequential = measured([*command, *ONE_AT_A_TIME], folders[2])
    print(f"\n{jobs} commands of {overlay.name}      wall s    CPU s")
    for name, cost in (("by hand", hand), ("workflow, one at a time", sequential), ("workflow, 2 cores", parallel)):
        ratios = f"wall {cost.wall / hand.wall:.2f}, CPU {cost.cpu / hand.cpu:.2f} of by hand"
        print(f"  {name:24} {cost.wall:10.1f} {cost.cpu:8.1f}   {ratios}")
    print(f"  workflow, one at a time: {(sequential.wall - hand.wall) / jobs:.2f} s a job (bar: wall 1.25 of by hand)")
    assert parallel.wall < 1.25 * hand.wall
    assert sequential.wall < 1.25 * hand.wall
