"""Names of jobs: the place of their log below `logs`, which is that of their benchmark below `benchmarks`, too."""

from collections.abc import Sequence
from pathlib import Path

LOGS, BENCHMARKS = "logs", "benchmarks"
_FOLDERS = {".log": LOGS, ".tsv": BENCHMARKS}


def place_of(rule: str, files: Sequence[str]) -> tuple[Path, str] | None:
    """Return the run folder and the name of a job; None if none of its files lies where a log or benchmark belongs.

    The name is `rule`, or `rule/` and what its wildcards make of it, such as `split_km3aid/published_ids/random-fold0`.
    """
    for path in map(Path, files):
        folder = _FOLDERS.get(path.suffix)
        parts = (*path.parts[:-1], path.stem)
        for number in range(len(parts) - 1, 0, -1):
            if parts[number - 1] == folder and parts[number] == rule:
                return Path(*path.parts[: number - 1]), "/".join(parts[number:])
    return None


def rule_of(name: str) -> str:
    """Return the rule of a job."""
    return name.partition("/")[0]


def shown(name: str) -> str:
    """Return a job's name for people: the rule, then what it works on."""
    return name.replace("/", " ", 1)
