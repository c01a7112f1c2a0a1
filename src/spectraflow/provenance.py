"""What produced a file: hashes of code and settings, run ids, the git commit."""

import ast
import hashlib
import json
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

PACKAGE_ROOT = Path(__file__).parent

CONTRACT_MODULES = frozenset(
    {
        "__init__.py",
        "cli.py",
        "command_options.py",
        "config.py",
        "damaged_files.py",
        "errors.py",
        "files.py",
        "interruption.py",
        "provenance.py",
        "tables.py",
        "training/launched.py",
        "training/slots.py",
        "training/tracking.py",
    }
)
"""Modules that enter no code hash, nor does any `settings.py`: a change that matters shows in parameters or code."""


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


def _module_file(name: str) -> Path | None:
    base = PACKAGE_ROOT.joinpath(*name.split("."))
    candidates = (base.with_suffix(".py"), base / "__init__.py")
    return next((path for path in candidates if path.is_file()), None)


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the statements below a node, however deep; looking into expressions as well would take twice as long."""
    for block in ("body", "orelse", "finalbody", "handlers", "cases"):
        for statement in getattr(node, block, ()):
            yield statement
            yield from _statements(statement)


@cache
def _imported(text: str) -> frozenset[str]:
    """Return the modules of this package that a source text imports, anywhere in it, named below the package.

    Most steps share most of their modules, and every cluster job parses the workflow anew: each text is parsed once.
    """
    names: set[str] = set()
    for node in _statements(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return frozenset(name.removeprefix("spectraflow.") for name in names if name.startswith("spectraflow."))


@cache
def source_files(module: str) -> tuple[str, ...]:
    """Return the files of this package that `module` needs, itself included, as paths relative to the package.

    Follows imports through the source text; templates and style sheets beside a needed module count as well.
    """
    pending, seen = [module], set()
    files: set[str] = set()
    while pending:
        name = pending.pop()
        path = _module_file(name)
        if name in seen or path is None:
            continue
        seen.add(name)
        relative = path.relative_to(PACKAGE_ROOT).as_posix()
        if relative in CONTRACT_MODULES or path.name == "settings.py":
            continue
        files.add(relative)
        if path.parent != PACKAGE_ROOT:
            templates = (p for p in path.parent.iterdir() if p.suffix in {".j2", ".css"})
            files.update(p.relative_to(PACKAGE_ROOT).as_posix() for p in templates)
        pending.extend(_imported(path.read_text(encoding="utf-8")))
    return tuple(sorted(files))


def code_of(module: str) -> str:
    """Return the hash of the code behind a step: the module it calls and all it imports from this package."""
    return code_hash(*source_files(module))


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
