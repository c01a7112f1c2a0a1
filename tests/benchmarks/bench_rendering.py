"""Rate of rendering on one core: line lists to columns, columns to pictures, and the whole step."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from spectraflow.methods.matchnet.render import render
from spectraflow.methods.matchnet.settings import NUCLEI, Nucleus, RenderingSettings
from spectraflow.spectra.rendering import Columns, columns_of_line_lists, image_of_columns
from spectraflow.tables import MATCHING_SPECTRA, TableWriter

MOLECULES = 5_000
PICTURES = 500
AIM = 2_000
"""Molecules with both nuclei a second and core."""
SETTINGS = RenderingSettings()
Lists = dict[Nucleus, tuple[np.ndarray, np.ndarray, np.ndarray]]


def random_lists() -> Lists:
    """Return shifts, areas and counts: 1 to 15 lines of each nucleus, as small molecules have."""
    rng, lists = np.random.default_rng(0), {}
    for nucleus, highest in (("1H", 12.0), ("13C", 220.0)):
        counts = rng.integers(1, 16, MOLECULES)
        total = int(counts.sum())
        lists[nucleus] = (rng.uniform(0, highest, total), rng.integers(1, 4, total).astype(np.float64), counts)
    return lists


def columns(lists: Lists) -> dict[Nucleus, Columns]:
    """Return the columns of both nuclei."""
    return {nucleus: columns_of_line_lists(*lists[nucleus], nucleus, SETTINGS) for nucleus in NUCLEI}


def write_spectra(lists: Lists, path: Path) -> None:
    """Write the line lists as a table of spectra."""
    split = {
        name: np.split(values, counts.cumsum()[:-1])
        for prefix, (ppm, area, counts) in zip(("proton", "carbon"), lists.values(), strict=True)
        for name, values in ((f"{prefix}_ppm", ppm), (f"{prefix}_area", area))
    }
    names = [f"x:{number}" for number in range(MOLECULES)]
    every = {
        "molecule_id": names,
        "first_block": names,
        "smiles": ["C"] * MOLECULES,
        "origin": ["measured"] * MOLECULES,
    }
    with TableWriter(path, MATCHING_SPECTRA) as writer:
        writer.write({name: (every | split).get(name, [None] * MOLECULES) for name in MATCHING_SPECTRA.names})


def fastest(function: Callable[[], object], turns: int = 3) -> float:
    """Return the least processor time of a few calls, all threads together, s."""
    times = []
    for _ in range(turns):
        start = time.process_time()
        function()
        times.append(time.process_time() - start)
    return min(times)


@pytest.mark.benchmark
def test_rate_of_rendering(tmp_path):
    lists = random_lists()
    write_spectra(lists, tmp_path / "spectra.parquet")
    files = [tmp_path / name for name in ("spectra.parquet", "rendered.parquet", "counts.json")]
    found = columns(lists)["13C"]
    high, low = found.high[:PICTURES], found.low[:PICTURES]
    rate = MOLECULES / fastest(lambda: columns(lists))
    step = MOLECULES / fastest(lambda: render(SETTINGS, *files))
    pictures = PICTURES / fastest(lambda: image_of_columns(high, low, SETTINGS))
    print(
        f"\nload {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; on one core {rate:.0f} molecules/s with both "
        f"nuclei to columns (aim {AIM}), the whole step {step:.0f} /s, {pictures:.0f} pictures/s"
    )
    assert rate > AIM
