"""The first steps, run once for all tests of commands: a small simulated source and its tables."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from spectraflow.cli import app

ROOT = Path(__file__).parents[2]
MOLECULE_COUNT = 120


def run(*arguments: object) -> None:
    """Run a `spectraflow` command; a failure shows its output."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output


@pytest.fixture(scope="session")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("commands")


@pytest.fixture(scope="session")
def raw(folder) -> Path:
    settings = {
        "molecules": MOLECULE_COUNT,
        "library": 100,
        "multimodal_rows": 30,
        "moleculenet_rows": 20,
        "listed_molecules": 60,
    }
    run("generate-demo", "--settings", json.dumps(settings), "--out", folder / "raw")
    return folder / "raw"


@pytest.fixture(scope="session")
def tables(raw, folder) -> Path:
    out = folder / "tables"
    files = [option for name in ("molecules", "peaks", "rejects") for option in (f"--{name}", out / f"{name}.parquet")]
    source = raw / "nmrshiftdb2" / "nmrshiftdb2withsignals.sd.gz"
    run("ingest-nmrshiftdb2", "--raw", source, *files, "--counts", out / "counts.json", "--origin", "simulated")
    return out


@pytest.fixture(scope="session")
def graphs(tables) -> Path:
    out = tables / "graphs.parquet"
    molecules = tables / "molecules.parquet"
    run("build-graphs", "--molecules", molecules, "--graphs", out, "--rejects", tables / "graph_rejects.parquet")
    return out


@pytest.fixture(scope="session")
def labels(tables) -> Path:
    out = tables / "labels.parquet"
    definitions = ROOT / "resources" / "functional_groups.csv"
    run("label-groups", "--molecules", tables / "molecules.parquet", "--definitions", definitions, "--labels", out)
    return out


@pytest.fixture(scope="session")
def alignment(raw, tables, graphs) -> Path:
    out = tables / "alignment.parquet"
    inputs = ["--molecules", tables / "molecules.parquet", "--peaks", tables / "peaks.parquet", "--graphs", graphs]
    ids = raw / "nmrshiftdb2" / "km3aid_ids.txt"
    run("km3aid", "select", *inputs, "--out", out, "--counts", tables / "alignment.json", "--ids", ids)
    return out
