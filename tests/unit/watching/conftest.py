import json
import os
from pathlib import Path

import pytest


@pytest.fixture
def write_start(tmp_path):
    """Return a function that writes the record of a start into a run folder; `locked` records need a living writer."""

    def write(opened: float, *events: dict, folder: Path = tmp_path / "run", locked: bool = True) -> Path:
        path = folder / "events" / f"{opened:.3f}-1.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        header = {"event": "opened", "at": opened, "pid": 1, "host": "node", "locked": locked}
        path.write_text("".join(json.dumps(event) + "\n" for event in (header, *events)), encoding="utf-8")
        return folder

    return write


@pytest.fixture
def write_benchmark():
    """Return a function that writes a benchmark into a run folder: wall and CPU seconds, MB, when it ended."""

    def write(folder: Path, name: str, seconds: float, ended: float, cpu: str = "1.5", peak: str = "100.0") -> Path:
        path = folder / "benchmarks" / f"{name}.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        header = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"
        path.write_text(f"{header}{seconds}\t0:00:01\t{peak}\t0\t0\t0\t0\t0\t0\t{cpu}\n", encoding="utf-8")
        os.utime(path, (ended, ended))
        return path

    return write
