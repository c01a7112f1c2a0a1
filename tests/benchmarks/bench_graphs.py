"""Rate of turning SMILES into graphs on disk against the rate of parsing them alone, and the memory it takes."""

import gzip
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from rdkit import Chem, rdBase

from spectraflow.molecules.graphs import build_graphs, graph_columns
from spectraflow.tables import MOLECULES, TableWriter

LINES = 20_000
AIM = 0.6
BAR = 0.5  # the share varies by some hundredths on a busy machine


def sample(library: Path, lines: int) -> list[str]:
    """Return `lines` readable SMILES drawn from a .smi file."""
    with gzip.open(library, "rt") if library.suffix == ".gz" else library.open() as handle:
        smiles = [line.split()[-1] for line in handle if line.strip()]
    chosen = random.Random(0).sample(smiles, min(lines, len(smiles)))
    return [text for text in chosen if Chem.MolFromSmiles(text) is not None]


def write_molecules(path: Path, smiles: list[str]) -> None:
    """Write a molecules table that holds ids and SMILES alone."""
    with TableWriter(path, MOLECULES) as writer:
        for start in range(0, len(smiles), 8192):
            texts = smiles[start : start + 8192]
            writer.write_rows([{"molecule_id": f"x:{start + i}", "smiles": text} for i, text in enumerate(texts)])


def parse(smiles: list[str]) -> None:
    """Parse and drop."""
    for text in smiles:
        Chem.MolFromSmiles(text)


def seconds(function: Callable[[], object]) -> float:
    """Return the processor time of one call, which another process on the machine does not lengthen as much."""
    start = time.process_time()
    function()
    return time.process_time() - start


def rounds(smiles: list[str], folder: Path, size: int = 5_000) -> list[tuple[float, float, float]]:
    """Return the seconds of parse, columns and table for each slice, in turn: other load then weighs on all alike."""
    paths = [folder / f"{kind}.parquet" for kind in "mgr"]
    found = []
    for start in range(0, len(smiles), size):
        texts = smiles[start : start + size]
        write_molecules(paths[0], texts)
        steps = (lambda: parse(texts), lambda: graph_columns(texts), lambda: build_graphs(*paths))  # noqa: B023
        found.append((seconds(steps[0]), seconds(steps[1]), seconds(steps[2])))
    return found


def peak_mb(smiles: list[str], folder: Path) -> float:
    """Return the peak memory of a fresh process that builds the graphs of a table, MB."""
    table = folder / f"{len(smiles)}.parquet"
    write_molecules(table, smiles)
    code = (
        "from pathlib import Path; from spectraflow.molecules.graphs import build_graphs;"
        f"build_graphs(Path({str(table)!r}), Path({str(folder / 'g.parquet')!r}), Path({str(folder / 'r.parquet')!r}));"
        "status = Path('/proc/self/status').read_text();"  # getrusage would count the parent before exec
        "print(status.partition('VmHWM:')[2].split()[0])"
    )
    return int(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout) / 1024


@pytest.mark.benchmark
def test_graphs_against_the_parse(smiles_file, tmp_path):
    with rdBase.BlockLogs():
        many = sample(smiles_file, 4 * LINES)
        smiles = many[:LINES]
        alone, columns, table = (sum(times) for times in zip(*rounds(smiles, tmp_path), strict=True))
        memory = [peak_mb(lines, tmp_path) for lines in (smiles, many)]
    print(
        f"\n{len(smiles)} SMILES, one process, processor time: MolFromSmiles {len(smiles) / alone:.0f} /s, to graph "
        f"columns {len(smiles) / columns:.0f} /s (ratio {alone / columns:.2f}), to a graphs table "
        f"{len(smiles) / table:.0f} /s (ratio {alone / table:.2f}, aim {AIM}); "
        f"peak memory {memory[0]:.0f} MB, with {len(many)} SMILES {memory[1]:.0f} MB"
    )
    assert alone / columns > BAR
    assert memory[1] < 1.3 * memory[0]
