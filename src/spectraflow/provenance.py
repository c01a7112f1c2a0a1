"""What produced a file: hashes of code and settings, run ids, the git commit."""

import hashlib
import json
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

PACKAGE_ROOT = Path(__file__).parent


@cache
def code_hash(*parts: str) -> str:
    """Return 12 hex digits over the source text of sub-packages or modules.

    `parts` are paths relative to the package, such as ``"sources"`` or ``"tables.py"``. Rules put this
    into their params so that an edit of the code they call, and no other edit, makes them run again.
    """
    digest = hashlib.sha256()
    for part in sorted(parts):
        path = PACKAGE_ROOT / part
        files = sorted(p for p in path.rglob("*") if p.suffix in {".py", ".j2", ".css"}) if path.is_dir() else [path]
        for file in files:
            digest.update(file.relative_to(PACKAGE_ROOT).as_posix().encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


def settings_hash(settings: Any) -> str:
    """Return 12 hex digits over the canonical JSON of `settings`: the identity of a run."""
    canonical = json.dumps(settings, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(canonical.encode()).hexdigest()[:12]


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, read in blocks."""
    with Path(path).open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


@cache
def git_commit() -> str:
    """Return the commit the code runs from, with ``+changes`` if the tree is dirty, or ``unknown``."""
    try:
        commit = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=PACKAGE_ROOT, capture_output=True, text=True, check=True
        ).stdout.strip()
        status = subprocess.run(
            ["git", "status", "--porcelain", "--untracked-files=no"],
            cwd=PACKAGE_ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return commit + ("+changes" if status else "")
