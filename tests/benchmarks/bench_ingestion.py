"""Rate of SD ingestion to tables against RDKit alone reading the same file."""

import gzip
import time

import pytest
from rdkit import Chem, rdBase

from spectraflow.sources.nmrshiftdb2 import ingest

BAR = 0.5


def read_with_rdkit(path) -> tuple[int, float]:
    started = time.perf_counter()
    with rdBase.BlockLogs(), gzip.open(path) as file:
        records = sum(1 for _ in Chem.ForwardSDMolSupplier(file))
    return records, time.perf_counter() - started


@pytest.mark.benchmark
@pytest.mark.parametrize("processes", [1, 2])
def test_ingestion_against_rdkit_alone(sd_file, tmp_path, processes):
    outputs = [tmp_path / name for name in ("molecules", "peaks", "rejects", "counts.json")]
    records, alone = read_with_rdkit(sd_file)
    started = time.perf_counter()
    counts = ingest(sd_file, *outputs, processes=processes)
    ours = time.perf_counter() - started
    print(
        f"\nSD ingestion, {processes} process(es): {counts['records'] / ours:.0f} records/s, RDKit alone "
        f"{records / alone:.0f} records/s, ratio {alone / ours:.2f} (aim {BAR})"
    )
    assert counts["records"] == records
