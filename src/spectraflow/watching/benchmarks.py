"""What every job of a run folder took: its benchmark, whose time of writing is when the job ended."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from spectraflow.watching.job_names import rule_of


@dataclass(frozen=True)
class Benchmark:
    """What one job took: wall and CPU time (s) and peak memory (MB, None if it ended before it was measured)."""

    name: str
    ended: float
    seconds: float
    cpu_seconds: float | None
    peak_mb: float | None

    @property
    def rule(self) -> str:
        """The job's rule."""
        return rule_of(self.name)

    @property
    def started(self) -> float:
        """When the job began, seconds."""
        return self.ended - self.seconds


def read_benchmarks(folder: Path) -> list[Benchmark]:
    """Return what the jobs took whose benchmarks lie in a folder, by their start; unreadable files are left out."""
    found = [_read(path, folder) for path in Path(folder).rglob("*.tsv")]
    return sorted((one for one in found if one is not None), key=lambda one: (one.started, one.name))


def _read(path: Path, folder: Path) -> Benchmark | None:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        ended = path.stat().st_mtime
    except OSError:
        return None
    rows = [dict(zip(lines[0].split("\t"), line.split("\t"), strict=False)) for line in lines[1:] if line.strip()]
    seconds = _number(rows[-1].get("s")) if rows else None
    if seconds is None:
        return None
    name = path.relative_to(folder).with_suffix("").as_posix()
    return Benchmark(name, ended, seconds, _number(rows[-1].get("cpu_time")), _number(rows[-1].get("max_rss")))


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) else None


@dataclass(frozen=True)
class RuleCost:
    """What the jobs of one rule took together, and one of them."""

    rule: str
    jobs: int
    seconds: float
    median: float
    longest: float
    cpu_seconds: float | None
    peak_mb: float | None


def costs_by_rule(benchmarks: Sequence[Benchmark]) -> list[RuleCost]:
    """Return the cost of every rule, the most wall time first."""
    by_rule: dict[str, list[Benchmark]] = {}
    for one in benchmarks:
        by_rule.setdefault(one.rule, []).append(one)
    return sorted((_cost(rule, jobs) for rule, jobs in by_rule.items()), key=lambda cost: (-cost.seconds, cost.rule))


def _cost(rule: str, jobs: Sequence[Benchmark]) -> RuleCost:
    seconds = [one.seconds for one in jobs]
    cpu = [one.cpu_seconds for one in jobs if one.cpu_seconds is not None]
    peaks = [one.peak_mb for one in jobs if one.peak_mb is not None]
    return RuleCost(
        rule,
        len(jobs),
        sum(seconds),
        median(seconds),
        max(seconds),
        sum(cpu) if cpu else None,
        max(peaks, default=None),
    )
