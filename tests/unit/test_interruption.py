import os
import select
import subprocess
import sys
from pathlib import Path

import pytest

from spectraflow.interruption import STARTED_BY

PATIENCE = 600
LOCKING = "import sys; from pathlib import Path; from spectraflow.interruption import release_dead_lock as release; "
WORKING = LOCKING + "release(Path(sys.argv[1])); print('ready', flush=True); sys.stdin.read()"
JOB = (
    "import os, sys; from spectraflow.interruption import end_with_workflow; end_with_workflow(); "
    "print(os.getpid(), flush=True); print(sys.stdin.readline(), flush=True)"
)


def start(script, *arguments, **environment):
    command = [sys.executable, "-c", script, *map(str, arguments)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, env={**os.environ, **environment}, **pipes)


def release(folder: Path, main: bool = True) -> None:
    command = [sys.executable, "-c", LOCKING + f"release(Path(sys.argv[1]), {main})", str(folder)]
    subprocess.run(command, check=True)


@pytest.fixture
def working(tmp_path):
    """A process that works in `.snakemake` and holds Snakemake's lock."""
    with start(WORKING, tmp_path / ".snakemake") as process:
        assert process.stdout.readline() == "ready\n"
        locks = tmp_path / ".snakemake" / "locks"
        locks.mkdir()
        (locks / "0.output.lock").write_text("results/a\n")
        yield process
        process.kill()


def test_the_lock_of_a_living_snakemake_stays_and_that_of_a_killed_one_goes(working, tmp_path):
    locks = tmp_path / ".snakemake" / "locks"
    release(locks.parent)
    assert locks.exists()
    working.kill()
    working.wait()
    release(locks.parent, main=False)
    assert locks.exists()
    release(locks.parent)
    assert not locks.exists()


def test_a_lock_written_on_another_machine_stays(working, tmp_path):
    working.kill()
    working.wait()
    (tmp_path / ".snakemake" / "spectraflow.lock").write_text("elsewhere")
    for _ in range(2):
        release(tmp_path / ".snakemake")
        assert (tmp_path / ".snakemake" / "locks").exists()


def test_a_job_ends_with_the_snakemake_that_started_it():
    parent = f"import os, subprocess, sys; subprocess.run([sys.executable, '-c', {JOB!r}], env={{**os.environ, "
    parent += f"{STARTED_BY!r}: str(os.getpid())}})"
    with start(parent) as process:
        job = os.pidfd_open(int(process.stdout.readline()))
        process.kill()
        assert select.select([job], [], [], PATIENCE)[0]
    os.close(job)


def test_a_process_that_did_not_start_the_job_does_not_end_it():
    with start("import sys; sys.stdin.read()") as stranger, start(JOB, **{STARTED_BY: str(stranger.pid)}) as job:
        job.stdout.readline()
        stranger.kill()
        stranger.wait()
        assert job.communicate("alive", PATIENCE)[0] == "alive\n"
