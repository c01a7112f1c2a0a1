"""Rules in containers: which image, whose interpreter, whose code. A stand-in takes the place of Apptainer."""

import os
from pathlib import Path

import pytest

STAND_IN = """\
#!/bin/bash
# apptainer --version | apptainer exec --home FOLDER [--bind PATH]... IMAGE SHELL -c COMMAND
test "$1" != --version || { echo apptainer version 1.3.0; exit; }
export APPTAINER_CONTAINER="${@: -4:1}" PATH="$STAND_IN_PROGRAMS:/bin:/usr/bin"
exec "${@: -3}"
"""

IN_IMAGE = """\
#!/bin/bash
while test "$1" != --out; do shift; done
echo "$APPTAINER_CONTAINER $PYTHONPATH" > "$2"
"""


def program(path: Path, text: str) -> None:
    path.parent.mkdir()
    path.write_text(text)
    path.chmod(0o755)


@pytest.fixture
def apptainer(tmp_path, monkeypatch):
    """A stand-in for Apptainer, whose images hold one program: `spectraflow`, which tells where it runs."""
    program(tmp_path / "host" / "apptainer", STAND_IN)
    program(tmp_path / "image" / "spectraflow", IN_IMAGE)
    monkeypatch.setenv("PATH", f"{tmp_path / 'host'}:{os.environ['PATH']}")
    monkeypatch.setenv("STAND_IN_PROGRAMS", str(tmp_path / "image"))


def test_jobs_run_in_the_image_with_the_code_of_the_checkout(snakemake, checkout, apptainer):
    wanted = "results/contained/mlflow/initialised.json"
    arguments = ("--config", "name=contained", "tracking={uri: 'sqlite:///unused.db'}", "--", wanted)
    snakemake("--sdm", "apptainer", *arguments)
    assert (checkout / wanted).read_text().split() == ["envs/spectraflow.sif", f"{checkout}/src"]
