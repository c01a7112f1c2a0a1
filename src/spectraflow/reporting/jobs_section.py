"""What the jobs of the run took, on the page: a table of rules, and the timeline."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from spectraflow.reporting.job_kinds import kind_of
from spectraflow.watching.benchmarks import Benchmark, RuleCost, costs_by_rule, read_benchmarks
from spectraflow.watching.log_tails import clock

SHOWN_RULES = 12


def jobs_section(jobs: Sequence[Benchmark]) -> dict[str, Any] | None:
    """Return the rows of the rules that took most and of all others, and sums over all jobs; None without jobs."""
    costs = costs_by_rule(jobs)
    if not costs:
        return None
    total = sum(cost.seconds for cost in costs)
    rows = [_row(cost, total) for cost in costs]
    cpu = [cost.cpu_seconds for cost in costs if cost.cpu_seconds is not None]
    peak = max((cost.peak_mb for cost in costs if cost.peak_mb is not None), default=None)
    return {
        "rows": rows[:SHOWN_RULES],
        "others": rows[SHOWN_RULES:],
        "jobs": f"{len(jobs):,}",
        "rules": len(costs),
        "wall": clock(total),
        "cpu": clock(sum(cpu)) if cpu else "–",
        "peak": _memory(peak),
    }


def jobs_of(benchmarks: Path | None) -> list[Benchmark]:
    """Return the jobs whose benchmarks lie in a folder; none without one."""
    return read_benchmarks(benchmarks) if benchmarks is not None else []


def _row(cost: RuleCost, total: float) -> dict[str, str]:
    return {
        "rule": cost.rule,
        "kind": kind_of(cost.rule),
        "jobs": f"{cost.jobs:,}",
        "wall": clock(cost.seconds),
        "share": f"{100 * cost.seconds / total:.1f}" if total else "–",
        "median": _seconds(cost.median),
        "longest": _seconds(cost.longest),
        "cpu": "–" if cost.cpu_seconds is None else clock(cost.cpu_seconds),
        "peak": _memory(cost.peak_mb),
    }


def _seconds(value: float) -> str:
    return f"{value:.1f} s" if value < 100 else clock(value)


def _memory(megabytes: float | None) -> str:
    if megabytes is None:
        return "–"
    return f"{megabytes:,.0f} MB" if megabytes < 10_000 else f"{megabytes / 1000:,.1f} GB"
