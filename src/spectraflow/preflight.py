"""What a run will do, need and lack, told before it starts."""

import math
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from spectraflow.config import Config, load_config
from spectraflow.errors import ConfigError
from spectraflow.methods.matchnet.jobs import TABLES
from spectraflow.methods.matchnet.settings import BACKBONE_CHANNELS, PREDICTED
from spectraflow.run_ids import MATCS_FILES, RAW_FILES, REGISTRY
from spectraflow.sources.registry import Registry, load_registry
from spectraflow.workflow import Plan

BYTES_PER_SPECTRUM_RECORD = 2_500
BYTES_PER_LIBRARY_RECORD = 250
BYTES_PER_RUN = 80_000_000
BYTES_PER_ENCODER = 60_000_000
"""Raw file, tables and features a record; weights, checkpoints and predictions a training. On the generous side."""
BYTES_PER_FEATURE = 2
BACKBONE_STRIDE = 32
"""What a backbone makes of an image: channels on one cell for so many rows and columns."""
SHARE_WITH_BOTH_NUCLEI = 0.2
"""Records of nmrshiftdb2 whose molecule has a 1H and a 13C spectrum, at most."""


@dataclass(frozen=True)
class SourceState:
    """Where a raw file will come from; `missing` is True if from nowhere."""

    source: str
    file: str
    records: int | None
    place: str
    missing: bool = False


def source_state(plan: Plan, registry: Registry, source: str) -> SourceState:
    """Return where one raw file will come from: results folder, mirror or publisher (addresses are not tried)."""
    if folder := plan.folder(source):
        files = "local export" if source == "sdbs" else "*.parquet"
        return SourceState(source, files, plan.limit(source), folder, missing=not Path(folder).is_dir())
    if source == "sdbs":
        where = f"not supplied, {plan.symspectra.left_out} runs are left out; set sources.sdbs.folder"
        return SourceState(source, "local export", None, where)
    limit = plan.limit(source)
    if source == "matcs":
        return _lists_state([_file_state(plan, registry, source, file, limit and 2 * limit) for file in MATCS_FILES])
    return _file_state(plan, registry, source, Path(plan.raw(source)).name, limit)


def _lists_state(states: Sequence[SourceState]) -> SourceState:
    """Return the state of the lists of pairs, of which all must be there: that of the first that is not, if any."""
    lost = [state for state in states if state.missing]
    records = sum(state.records or 0 for state in states)
    first = (lost or states)[0]
    more = f" and {len(lost or states) - 1} more" if len(lost or states) > 1 else ""
    return SourceState(first.source, first.file + more, records, first.place, missing=bool(lost))


def _file_state(plan: Plan, registry: Registry, source: str, name: str, limit: int | None) -> SourceState:
    local = Path(plan.results, "raw", RAW_FILES[source][0], name)
    entry, file, known = registry.file(source, local.name)
    records = known.records if limit is None else min(limit, known.records or limit)
    mirror = plan.mirror(source)
    if local.is_file():
        return SourceState(source, file, records, f"{local} ({_size(local.stat().st_size)})")
    if mirror and "://" in mirror:
        return SourceState(source, file, records, f"{mirror.rstrip('/')}/{entry.folder}/{file} (not tried)")
    held = Path(mirror) / entry.folder / file if mirror else None
    if held and held.is_file():
        return SourceState(source, file, records, f"{held} ({_size(held.stat().st_size)})")
    if known.url:
        return SourceState(source, file, records, f"{known.url} (not tried)")
    where = f"not at {held}" if held else f"no mirror is set; put it at <mirror>/{entry.folder}/{file}"
    return SourceState(source, file, records, f"{where}; the publisher offers no download", missing=True)


def needed_sources(plan: Plan) -> list[str]:
    """Return the sources a run reads; the demo reads none."""
    if plan.config.data == "demo":
        return []
    listed = any(job.selection.startswith("published_ids") for job in plan.runs.values())
    listed |= any(plan.config.splits[job.split].kind == "published_folds" for job in plan.runs.values())
    listed |= bool(plan.shifts.jobs)  # their external queries are the molecules off the list
    needed = {"nmrshiftdb2", "pubchem"} if plan.runs or plan.shifts.jobs else set()
    matched = set(plan.matchnet.datasets)
    needed |= {TABLES.get(dataset, dataset) for dataset in matched}
    listed |= plan.config.matchnet.follow == "published_ids" and bool(matched & TABLES.keys())
    needed |= {"km3aid_ids"} if listed else set()
    datasets = {planned.run.dataset for planned in plan.config.symspectra.planned()}
    needed |= {"alberts", "sdbs"} & datasets | ({"massbank", "nmrshiftdb2"} if "open_exp" in datasets else set())
    return [source for source in RAW_FILES if source in needed]


def disk_needed(config: Config, runs: int, encoders: int, spectra: int, library: int, complete: int) -> int:
    """Return an estimate in bytes; the embeddings of the library, one set a complete run, usually weigh most."""
    width = max((planned.run.model.projection for planned in config.km3aid.planned() if planned.complete), default=0)
    embeddings = complete * library * width * 4
    tables = spectra * BYTES_PER_SPECTRUM_RECORD + library * BYTES_PER_LIBRARY_RECORD
    return embeddings + tables + runs * BYTES_PER_RUN + encoders * BYTES_PER_ENCODER


def features_needed(plan: Plan, records: Mapping[str, int]) -> int:
    """Return an estimate of the bytes of all cached features, from the records of each source.

    A cache holds two float16 maps a molecule, with all channels of the backbone or its principal components.
    """
    found = 0
    for job in plan.matchnet.features.values():
        cells = math.ceil(plan.matchnet.renderings[job.rendering]["columns"] / BACKBONE_STRIDE) ** 2
        channels = job.settings["components"] or BACKBONE_CHANNELS[job.settings["name"]]
        found += _matched_molecules(plan, job.paired, records) * 2 * channels * cells * BYTES_PER_FEATURE
    return found


def _matched_molecules(plan: Plan, dataset: str, records: Mapping[str, int]) -> int:
    found = records.get(TABLES.get(dataset, dataset), 0)
    if dataset in TABLES:
        return round(SHARE_WITH_BOTH_NUCLEI * found)
    found = found // 2 if dataset == "matcs" else found  # pairs, in which a molecule's spectra are twice
    limit = plan.config.matchnet.predicted.limit if dataset in PREDICTED else None
    return found if limit is None else min(found, limit)


def _size(count: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def job_counts(configs: Sequence[Path]) -> dict[str, int]:
    """Return the number of jobs a rule that a run would start now; raises ConfigError with Snakemake's message."""
    command = [sys.executable, "-m", "snakemake", "--dry-run", "--quiet", "host", "reason", "--nolock"]
    command += ["--cores", "1", "--configfile", *map(str, configs)]
    run = subprocess.run(command, capture_output=True, text=True)
    output = run.stdout + run.stderr
    if run.returncode:
        raise ConfigError(f"the workflow cannot be planned:\n{output.strip()}")
    stats = output.partition("Job stats:")[2]
    counts = {name: int(count) for name, count in re.findall(r"^(\w+) +(\d+)$", stats, re.MULTILINE)}
    counts.pop("total", None)
    return counts


def _nearest_folder(path: Path) -> Path:
    path = path.absolute()
    return next(folder for folder in (path, *path.parents) if folder.is_dir())


def _print_jobs(counts: dict[str, int]) -> None:
    print("\njobs to run")
    for name, count in counts.items():
        print(f"  {name:<28}{count:>6}")
    print(f"  {'total':<28}{sum(counts.values()):>6}" if counts else "  none: all files are up to date")


def _print_sources(states: Sequence[SourceState]) -> None:
    print("\nsources")
    for state in states:
        mark = "MISSING" if state.missing else "ok"
        records = f"{state.records:,} records" if state.records else "unknown size"
        print(f"  {mark:<8}{state.source}: {state.file}, {records}: {state.place}")
    if not states:
        print("  none: the raw files are simulated")


def run_preflight(configs: Sequence[Path], show_config: bool = True) -> int:
    """Print what a run will do, need and lack. Returns 1 if something is missing, else 0; computes nothing.

    `configs` are laid over each other, later over earlier. Raises ConfigError for wrong settings.
    """
    config = load_config(*configs)
    plan = Plan(config)
    if show_config:
        print("configuration")
        print(yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, width=120).rstrip())
    _print_jobs(job_counts(configs))
    states = [source_state(plan, load_registry(REGISTRY), source) for source in needed_sources(plan)]
    _print_sources(states)
    lost = _lost_weights(plan)
    for name, path in lost:
        print(f"  MISSING  {name} weights: {path}")
    enough = _print_disk(plan, {state.source: state.records or 0 for state in states})
    return int(bool(lost) or not enough or any(state.missing for state in states))


def _lost_weights(plan: Plan) -> list[tuple[str, str]]:
    """Return the weights of spectrum encoders and backbones that are not where the settings say."""
    encoders = [job.settings["weights"] for job in plan.encoders.values()]
    backbones = [job.weights_file for job in plan.matchnet.features.values()]
    lost = [("spectrum encoder", path) for path in encoders if path and not Path(path).is_file()]
    return lost + [("backbone", path) for path in dict.fromkeys(backbones) if path and not Path(path).exists()]


def _print_disk(plan: Plan, records: dict[str, int]) -> bool:
    """Print the estimate against the free space; return whether it suffices."""
    config, demo = plan.config, plan.config.demo
    if config.data == "demo":
        records = {"nmrshiftdb2": demo.molecules, "pubchem": demo.library, "alberts": demo.multimodal_rows}
        records["matcs"] = 2 * demo.listed_molecules
    spectra, library = (records.get(source, 0) for source in ("nmrshiftdb2", "pubchem"))
    complete = sum(job.complete for job in plan.runs.values())
    runs = len(plan.runs) + len(plan.matchnet.jobs)
    needed = disk_needed(config, runs, len(plan.encoders), spectra + records.get("matcs", 0), library, complete)
    needed += features_needed(plan, records)
    folder = _nearest_folder(Path(config.pathvars.get("results", plan.results)))
    free = shutil.disk_usage(folder).free
    print(f"\ndisk\n  about {_size(needed)} for a whole run, {_size(free)} free at {folder}")
    return needed <= free
