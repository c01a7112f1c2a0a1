"""Rate of turning SMILES into graphs on disk against the rate of parsing them alone, and the memory it takes.

Run: python tests/benchmarks/bench_graphs.py LIBRARY.smi[.gz] [--lines 50000]
"""

import argparse
import gzip
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rdkit import Chem, rdBase

from spectraflow.molecules.graphs import build_graphs, graph_columns
from spectraflow.tables import MOLECULES, TableWriter


def sample(library: Path, lines: int) -> list[str]:
    """Return `lines` readable SMILES drawn from a .smi file."""
    with gzip.open(library, "rt") if library.suffix == ".gz" else library.open() as handle:
        smiles = [line.split()[0] for line in handle if line.strip()]
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
        "import resource; from pathlib import Path; from spectraflow.molecules.graphs import build_graphs;"
        f"build_graphs(Path({str(table)!r}), Path({str(folder / 'g.parquet')!r}), Path({str(folder / 'r.parquet')!r}));"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    return int(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout) / 1024


def main() -> None:
    """Print rates, ratios and memory."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("library", type=Path)
    arguments.add_argument("--lines", type=int, default=50_000)
    options = arguments.parse_args()
    with rdBase.BlockLogs(), tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        many = sample(options.library, 4 * options.lines)
        smiles = many[: options.lines]
        alone, columns, table = (sum(times) for times in zip(*rounds(smiles, folder), strict=True))
        print(f"{len(smiles)} SMILES, one process, processor time")
        print(f"parse alone   {len(smiles) / alone:8.0f} /s")
        print(f"graph columns {len(smiles) / columns:8.0f} /s, {alone / columns:.2f} of the parse")
        print(f"graphs table  {len(smiles) / table:8.0f} /s, {alone / table:.2f} of the parse")
        print(f"peak memory   {peak_mb(smiles, folder):.0f} MB, with {len(many)}: {peak_mb(many, folder):.0f} MB")


if __name__ == "__main__":
    main()
