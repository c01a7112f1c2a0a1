"""Fixtures that several levels of tests share: a small checkout to run the real workflow in, and a way to run it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")  # processes that test side by side would wait for each other's threads

ROOT = Path(__file__).parents[1]
WORKFLOW_FILES = ("Snakefile", "config.yaml", "workflow", "resources")

Snakemake = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the workflow's files and nothing else, as a fresh clone has them."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in WORKFLOW_FILES:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name)
        else:
            shutil.copy(source, folder / name)
    (folder / "profiles").symlink_to("workflow/profiles")
    return folder


@pytest.fixture(scope="session")
def snakemake(checkout: Path) -> Snakemake:
    """Run Snakemake in the checkout; a failure shows its output."""

    def run(*arguments: str, fails: bool = False) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "snakemake", "--cores", "2", *arguments]
        environment = {**os.environ, "SPECTRAFLOW_ACCELERATOR": "cpu"}
        done = subprocess.run(command, cwd=checkout, capture_output=True, text=True, env=environment, timeout=1800)
        if not fails:
            assert done.returncode == 0, (done.stdout + done.stderr)[-8000:]
        return done

    return run


@pytest.fixture(scope="session")
def tiny(checkout: Path) -> Path:
    """An overlay for runs of seconds: few molecules, a narrow network, two epochs, two runs that share an encoder."""
    path = checkout / "tiny.yaml"
    path.write_text(
        """\
name: tiny
demo: {molecules: 240, library: 300, multimodal_rows: 40, listed_molecules: 60, moleculenet_rows: 20}
km3aid:
  base:
    model: {layers: 2, dim: 32, projection: 32}
    training: {epochs: 2, batch_size: 16}
    spectrum_encoder: {mode: graph_fold, training: {epochs: 2, batch_size: 16}}
  runs:
    - label: with communication
    - label: without communication
      model: {communication: false}
  grids:
    - {label: alpha, vary: {objective.alpha: [0.2, 0.5]}}
symspectra:
  base:
    network: {channels: [4, 8], fusion: 8, hidden: [32, 16], decoder_dim: 16, decoder_embedding: 8}
    training: {epochs: 2, batch_size: 16}
  runs:
    - {label: SymSpectra}
    - {label: commonest groups, kind: commonest}
    - {label: SymSpectra on open spectra, dataset: open_exp, modalities: [MS, 13C, 1H_wide]}
matchnet:
  examination: {candidates: [8], queries: 5, changed_spectra: 2, mapped_pairs: 40, timed_batches: 1}
  base:
    rendering: {columns: 64, oversampling: 4}
    network: {heads: 2, head_dim: 4, fused: 8, hidden: 16, molecule_dim: 8, channels: 4, spectrum_dim: 8}
    trees: 3
    training: {epochs: 2, batch_size: 16}
  runs:
    - {label: SpecMol-MatchNet}
    - {label: line counts, kind: line_counts}
    - {label: shift network, kind: shift_model, scores: shift network}
    - {label: with communication, kind: alignment_model, scores: with communication}
    - {label: on listed pairs, dataset: matcs, split: listed, network: {spectra: vectors}, transfer: nmrshiftdb2}
mmfrl:
  tasks: [esol, bace]
  explained: {tasks: [bace], settings: {mapped: 20, drawings: 1, shuffles: 1}}
  base:
    pretraining:
      encoder: {hidden: 16}
      loss: {effective_neighbours: 8}
      targets:
        smiles: {dim: 16, training: {epochs: 1, batch_size: 16}}
        image: {channels: [4, 8], dim: 16, training: {epochs: 1, batch_size: 16}}
        nmr: {dim: 16, training: {epochs: 1, batch_size: 16}}
      training: {epochs: 2, batch_size: 16}
    encoder: {hidden: 16}
    head: 16
    baseline: {trees: 5}
    training: {epochs: 2, batch_size: 8}
  runs:
    - {label: mean of the training part, kind: mean}
    - {label: no pre-training}
    - {label: late fusion, kind: late, modalities: [nmr, fingerprint, peak]}
retrieval: {library_sizes: [10, 100], queries: 20}
isomers: {least_members: 3}
""",
        encoding="utf-8",
    )
    return path
