"""Console and state of real runs: a workflow of seconds under the default profile."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SNAKEFILE = """
from spectraflow.workflow import shell_prefix

shell.prefix(shell_prefix("results/mini", ""))


rule all:
    input:
        expand("results/mini/{name}.txt", name=["good", "bad"]),
    localrule: True


rule make_one:
    output:
        "results/mini/{name}.txt",
    log:
        "results/mini/logs/make_one/{name}.log",
    benchmark:
        "results/mini/benchmarks/make_one/{name}.tsv"
    shell:
        '''
        exec &> >(tee {log:q})
        echo chatter of {wildcards.name}
        case {wildcards.name} in
            bad) if [ -e stay_bad ]; then echo this went wrong; exit 3; fi ;;
            good) if [ -e gate ]; then echo waiting; read <gate; fi ;;
        esac
        touch {output:q}
        '''
"""


@pytest.fixture
def place(tmp_path):
    profile = tmp_path / "profiles" / "default"
    profile.mkdir(parents=True)
    text = (ROOT / "workflow/profiles/default/config.yaml").read_text(encoding="utf-8")
    (profile / "config.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "Snakefile").write_text(SNAKEFILE, encoding="utf-8")
    return tmp_path


def snakemake(place, *arguments):
    command = [sys.executable, "-m", "snakemake", "--cores", "2", *arguments]
    return subprocess.run(command, cwd=place, capture_output=True, text=True, timeout=300)


def status(place):
    command = [sys.executable, "-m", "spectraflow", "status", "results/mini", "--json"]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, timeout=300)
    values = json.loads(done.stdout)
    return done.returncode, values["condition"], {job["name"]: job["state"] for job in values["jobs"]}


def open_gate(place, running):
    """Return a descriptor of the gate, once the job that waits for it is there."""
    while running.poll() is None:
        try:
            return os.open(place / "gate", os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            time.sleep(0.05)
    return pytest.fail("Snakemake ended before its job began")


def test_a_failure_is_told_by_console_and_status_and_mended_by_the_next_start(place):
    planned = snakemake(place, "--dry-run")
    assert "reason: Missing output files" in planned.stdout, "a dry run tells the plan and the reasons"
    (place / "stay_bad").touch()
    failed = snakemake(place)
    assert failed.returncode == 1
    assert "failed: make_one bad (results/mini/logs/make_one/bad.log)" in failed.stderr
    assert "    this went wrong" in failed.stderr
    assert "chatter of good" not in failed.stdout + failed.stderr, "what jobs print goes to their logs"
    assert "chatter of good" in (place / "results/mini/logs/make_one/good.log").read_text()
    assert status(place) == (1, "failed", {"make_one/good": "done", "make_one/bad": "failed"})
    (place / "stay_bad").unlink()
    mended = snakemake(place, "--logger-spectraflow-job-output")
    assert mended.returncode == 0
    assert "chatter of bad" in mended.stdout
    states = {"make_one/good": "done", "make_one/bad": "done", "all": "done"}
    assert status(place) == (0, "finished", states)


def test_a_killed_snakemake_is_not_running(place):
    os.mkfifo(place / "gate")
    command = [sys.executable, "-m", "snakemake", "--cores", "2"]
    with subprocess.Popen(command, cwd=place, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        gate = open_gate(place, running)
        try:
            alive = status(place)
            running.kill()
            running.wait()
            dead = status(place)
        finally:
            os.close(gate)
    assert (alive[1], alive[2]["make_one/good"]) == ("running", "running")
    assert (dead[0], dead[1], dead[2]["make_one/good"]) == (0, "interrupted", "interrupted")
