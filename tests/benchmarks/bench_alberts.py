"""Rate of the ingestion of simulated spectra against a plain scan of the same columns, and its memory."""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from spectraflow.config import DemoSettings
from spectraflow.methods.symspectra.settings import VectorSettings
from spectraflow.parallel import ordered_map
from spectraflow.sources import alberts
from spectraflow.sources.alberts_files import read_batches
from spectraflow.sources.demo.alberts import write_multimodal
from spectraflow.sources.demo.molecules import stream_molecules
from spectraflow.tables import MOLECULES

MEMORY_ROWS = 100_000
RATE_ROWS = 6_400
FILE_ROWS = 3_200
"""Rows of a file, in one row group, as in the published archive."""
BASE_ROWS = 100
MEMORY_LIMIT = 2 * 1024**3
AIM = 0.5
"""Of the plain scan's rate; asserted without chemistry, which InChI alone keeps below it."""
TABLES = ("molecules", "peaks", "vectors", "rejects")


def base_rows(raw: Path, folder: Path) -> pa.Table:
    """Return a hundred rows, published or of the demo, without HSQC and what else is never read."""
    published = raw / "alberts" / "example_data_1.parquet"
    if not published.exists():
        write_multimodal(DemoSettings(multimodal_rows=BASE_ROWS), folder)
        published = folder / "alberts" / "demo_multimodal.parquet"
    return pa.Table.from_batches(read_batches(published, BASE_ROWS)).combine_chunks()


def varied(base: pa.Table, number: int, smiles: list[str]) -> pa.Table:
    """Return the rows with other SMILES and with intensities scaled by a factor of their own."""
    table = base.set_column(base.column_names.index("smiles"), "smiles", pa.array(smiles))
    for name in ("ir_spectra", "c_nmr_spectra", "h_nmr_spectra"):
        lists = base[name].chunk(0)
        values = lists.values.to_numpy() * lists.values.to_numpy().dtype.type(1 + number * 1e-4)
        column = pa.ListArray.from_arrays(lists.offsets, pa.array(values))
        table = table.set_column(table.column_names.index(name), name, column)
    return table


@pytest.fixture(scope="module")
def archive(raw: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of files with 100,000 rows in all, every SMILES another."""
    folder = tmp_path_factory.mktemp("archive")
    base, smiles = base_rows(raw, tmp_path_factory.mktemp("base")), stream_molecules(1)
    blocks = (varied(base, number, list(islice(smiles, BASE_ROWS))) for number in range(MEMORY_ROWS // BASE_ROWS))
    number = 0
    while part := list(islice(blocks, FILE_ROWS // BASE_ROWS)):
        pq.write_table(pa.concat_tables(part), folder / f"part_{number:03}.parquet", row_group_size=FILE_ROWS)
        number += 1
    return folder


def options(out: Path) -> list[Path]:
    return [*(out / f"{name}.parquet" for name in TABLES), out / "counts.json"]


class Time(NamedTuple):
    """Seconds of a call by the clock, and of all cores and processes together, which other load lengthens less."""

    wall: float
    cores: float


def timed(function: Callable[[], object]) -> Time:
    wall, before = time.perf_counter(), os.times()
    function()
    after = os.times()
    return Time(time.perf_counter() - wall, sum(after[:4]) - sum(before[:4]))


def fastest(*functions: Callable[[], object], turns: int) -> list[Time]:
    """Return the least of each time over a few turns; in a turn every function runs once.

    The first ingestion of a process computes the matrix of the mass vectors, whatever the number of rows.
    """
    measured = [[timed(function) for function in functions] for _ in range(turns)]
    return [Time(*(min(part) for part in zip(*times, strict=True))) for times in zip(*measured, strict=True)]


def scan(archive: Path, threads: bool) -> None:
    assert sum(len(batch) for batch in read_batches(archive, RATE_ROWS, threads)) == RATE_ROWS


def ingest(archive: Path, out: Path, processes: int, settings: VectorSettings = VectorSettings()) -> None:
    counts = alberts.ingest(archive, *options(out), settings, limit=RATE_ROWS, processes=processes)
    assert counts["records"] == RATE_ROWS


def structures(archive: Path) -> Iterator[tuple[int, list[str | None]]]:
    first = 0
    for file in sorted(archive.iterdir()):
        for batch in pq.ParquetFile(file).iter_batches(256, columns=["smiles"]):
            yield first, batch["smiles"].to_pylist()
            first += len(batch)
            if first >= RATE_ROWS:
                return


def read_molecules(archive: Path, processes: int) -> None:
    for _ in ordered_map(alberts.read_structures, structures(archive), processes):
        pass


def without_chemistry(rows: tuple[int, list[str | None]]) -> tuple[pa.Table, alberts.Faults]:
    """Return molecules that RDKit has never seen."""
    first, smiles = rows
    ids = [f"alberts:{first + place}" for place in range(len(smiles))]
    return pa.Table.from_pylist([{"molecule_id": one, "smiles": "C"} for one in ids], schema=MOLECULES), {}


def told(what: str, plain: Time, ours: Time) -> str:
    return (
        f"{what}: {RATE_ROWS / ours.wall:.0f} rows/s ({1e3 * ours.cores / RATE_ROWS:.3f} ms of a core a row), "
        f"plain scan {RATE_ROWS / plain.wall:.0f} rows/s ({1e3 * plain.cores / RATE_ROWS:.3f} ms), ratio "
        f"{plain.wall / ours.wall:.2f} by the clock, {plain.cores / ours.cores:.2f} in cores (aim {AIM})"
    )


@pytest.fixture(autouse=True)
def load() -> None:
    """Say how busy the machine is: other load costs the clock much and cores a little."""
    print(f"\nload {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


@pytest.mark.benchmark
@pytest.mark.parametrize("processes", [1, 2])
def test_ingestion_against_a_plain_scan(archive, tmp_path, processes):
    plain, ours, chemistry = fastest(
        lambda: scan(archive, threads=processes > 1),
        lambda: ingest(archive, tmp_path, processes),
        lambda: read_molecules(archive, processes),
        turns=2,
    )
    print(told(f"Alberts, {processes} process(es)", plain, ours))
    print(
        f"chemistry alone: {RATE_ROWS / chemistry.wall:.0f} rows/s, {chemistry.cores / ours.cores:.0%} of the cores' "
        f"time; scan and chemistry over the ingestion: {(plain.cores + chemistry.cores) / ours.cores:.2f} in cores"
    )
    assert (plain.cores + chemistry.cores) / ours.cores > AIM


@pytest.mark.benchmark
def test_ingestion_without_chemistry_against_a_plain_scan(archive, tmp_path, monkeypatch):
    monkeypatch.setattr(alberts, "read_structures", without_chemistry)
    every = VectorSettings(resampling=["linear", "max", "area"])
    plain, ours, nine = fastest(
        lambda: scan(archive, threads=False),
        lambda: ingest(archive, tmp_path, 1),
        lambda: ingest(archive, tmp_path, 1, every),
        turns=6,
    )
    print(told("Alberts without chemistry, 1 process", plain, ours))
    print(told("the same with all three ways of resampling", plain, nine))
    assert plain.cores / ours.cores >= AIM


def peak_memory(command: list[str]) -> int:
    """Return the largest sum of resident memory of a command and its children, bytes; pages they share count twice."""
    process, peak = psutil.Popen(command), 0
    while process.poll() is None:
        family = [process, *process.children(recursive=True)]
        peak = max(peak, sum(resident(one) for one in family))
        time.sleep(0.02)
    assert process.returncode == 0
    return peak


def resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:  # it has just ended
        return 0


@pytest.mark.benchmark
def test_memory_does_not_grow_with_the_archive(archive, tmp_path):
    names = (*TABLES, "counts")
    files = [text for name, path in zip(names, options(tmp_path), strict=True) for text in (f"--{name}", str(path))]
    command = [sys.executable, "-m", "spectraflow", "ingest-alberts", "--settings", "{}", "--processes", "2"]
    peak = peak_memory([*command, "--raw", str(archive), *files])
    counts = json.loads((tmp_path / "counts.json").read_text())
    print(f"\nAlberts, {counts['records']} rows, 2 processes: {peak / 1024**2:.0f} MiB (limit 2048)")
    assert counts["records"] == MEMORY_ROWS
    assert peak < MEMORY_LIMIT
