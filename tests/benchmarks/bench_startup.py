"""Start-up times: the command line, and a workflow with nothing to do."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def shortest(command: list[str], repeats: int = 5) -> float:
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
        times.append(time.perf_counter() - started)
    return min(times)


@pytest.mark.benchmark
def test_help():
    bare = shortest([sys.executable, "-c", "import typer"])
    ours = shortest([sys.executable, "-m", "spectraflow", "--help"])
    print(f"\nspectraflow --help: {ours:.2f} s, `import typer` alone {bare:.2f} s (bar 0.7 s)")
    assert ours < 0.7


@pytest.mark.benchmark
def test_snakemake_with_nothing_to_do():
    if not (ROOT / "results/demo/report/index.html").exists():
        pytest.skip("needs a finished default run: `make run`")
    command = [sys.executable, "-m", "snakemake", "--cores", "2"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    if "Nothing to be done" not in done.stdout + done.stderr:
        pytest.skip("the default run was not finished; it is now")
    seconds = shortest(command, repeats=3)
    print(f"\nsnakemake with nothing to do: {seconds:.1f} s (bar 8 s)")
    assert seconds < 8
