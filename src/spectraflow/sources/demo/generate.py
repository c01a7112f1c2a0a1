"""The embedded demo source: simulated raw files in every source's native format, laid out as a mirror of them."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from spectraflow.config import DemoSettings
from spectraflow.sources.demo.alberts import write_multimodal
from spectraflow.sources.demo.massbank import write_massbank
from spectraflow.sources.demo.matcs import write_matcs
from spectraflow.sources.demo.moleculenet import write_moleculenet
from spectraflow.sources.demo.nmr_library import write_spectra_and_library
from spectraflow.sources.demo.sdbs import write_sdbs


@contextmanager
def _staging(out: Path) -> Iterator[Path]:
    """Yield an empty folder inside `out`; on success move its files into `out`, on any exception leave none behind."""
    out.mkdir(parents=True, exist_ok=True)
    staging = out / f".generate.{os.getpid()}.partial"
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir()
    try:
        yield staging
        for file in sorted(path for path in staging.rglob("*") if path.is_file()):
            target = out / file.relative_to(staging)
            target.parent.mkdir(parents=True, exist_ok=True)
            file.replace(target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def generate(settings: DemoSettings, out: Path) -> None:
    """Fill `out` with ``<folder>/<file>`` in each source's native format; the same settings give the same bytes.

    Files appear only when all of them are complete. Raises MissingSourceError where RDKit lacks its molecules and
    InputError when more molecules are asked for than the derivatives provide (about 9·10^7).
    """
    with _staging(Path(out)) as staging:
        for write in (
            write_spectra_and_library,
            write_massbank,
            write_multimodal,
            write_sdbs,
            write_moleculenet,
            write_matcs,
        ):
            write(settings, staging)
