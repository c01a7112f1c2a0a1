"""Raw files from a mirror or their publisher, verified, whole or not at all."""

import http.client
import logging
import shutil
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from spectraflow.errors import ChecksumError, InputError, MissingSourceError
from spectraflow.files import atomic_path, write_json
from spectraflow.provenance import file_sha256
from spectraflow.sources.registry import Registry, SourceFile

TIMEOUT_S = 60
BLOCK_BYTES = 1 << 20
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a file may be found."""

    address: str
    is_mirror: bool


class _NotThereError(Exception):
    """The place does not hold the file, or did not deliver it; the message says why."""


def retrieve_file(
    registry: Registry,
    source: str,
    out: Path,
    file: str | None = None,
    mirror: str | None = None,
    attempts: int = 3,
    backoff_s: float = 1.0,
) -> dict[str, Any]:
    """Fetch a raw file to `out` and return its provenance, also written to `<out>.provenance.json`.

    Tried in turn: `<mirror>/<folder>/<file>` (`mirror` is a folder or an http, https or file URL), then the
    publisher. Downloads are tried `attempts` times, waiting `backoff_s` seconds, then twice as long each time.
    Raises ChecksumError if the bytes are not those registered (a publisher's file that has no pin only gets a
    warning), InputError if the file is empty, MissingSourceError naming all places tried. Then `out` is untouched.
    """
    entry, name, wanted = registry.file(source, file)
    out = Path(out)
    tried: list[str] = []
    for place in _places(wanted, entry.folder, name, mirror):
        try:
            with atomic_path(out) as temporary:
                _fetch(place.address, temporary, attempts, backoff_s)
                found = _verified(temporary, place, name, wanted)
        except _NotThereError as reason:
            tried.append(f"{place.address} ({reason})")
            continue
        provenance = {"source": source, "file": name, "url": place.address, **found}
        provenance |= {"licence": entry.licence, "citation": entry.citation}
        provenance["retrieved"] = datetime.now(UTC).isoformat(timespec="seconds")
        write_json(out.with_name(f"{out.name}.provenance.json"), provenance)
        return provenance
    where = "; ".join(tried) or "nothing: no mirror is set and the publisher offers no download"
    raise MissingSourceError(
        f"{source}: {name} could not be retrieved. Tried {where}. Put the file at "
        f"<mirror>/{entry.folder}/{name} and set `mirror` to that folder or its URL, or see {entry.homepage}"
        + (f" ({wanted.note})" if wanted.note else "")
    )


def _places(wanted: SourceFile, folder: str, name: str, mirror: str | None) -> list[Place]:
    places = []
    if mirror:
        separator = "" if mirror.endswith("/") else "/"
        places.append(Place(f"{mirror}{separator}{folder}/{name}", is_mirror=True))
    if wanted.url:
        places.append(Place(wanted.url, is_mirror=False))
    return places


def _fetch(address: str, target: Path, attempts: int, backoff_s: float) -> None:
    scheme = urllib.parse.urlsplit(address).scheme
    if scheme not in ("http", "https"):
        parsed = urllib.parse.urlsplit(address)
        _copy(Path(urllib.request.url2pathname(parsed.path)) if scheme == "file" else Path(address), target)
        return
    for attempt in range(1, attempts + 1):
        try:
            _download(address, target)
            return
        except urllib.error.HTTPError as error:
            reason = f"HTTP {error.code} {error.reason}"
            if error.code < 500 and error.code not in (408, 425, 429):
                raise _NotThereError(reason) from error
        except (OSError, http.client.HTTPException) as error:
            reason = str(getattr(error, "reason", error)) or type(error).__name__
        if attempt < attempts:
            log.warning("%s: attempt %d of %d failed (%s)", address, attempt, attempts, reason)
            time.sleep(backoff_s * 2 ** (attempt - 1))
    raise _NotThereError(f"{attempts} attempts, the last: {reason}")


def _copy(path: Path, target: Path) -> None:
    if not path.is_file():
        raise _NotThereError("no such file")
    try:
        shutil.copyfile(path, target)
    except OSError as error:
        # a full disk is not the mirror's fault, so only what concerns reading moves on to the next place
        if isinstance(error, PermissionError):
            raise _NotThereError(error.strerror or str(error)) from error
        raise InputError(f"{path}: cannot be copied to {target.parent} ({error.strerror})") from error


def _download(address: str, target: Path) -> None:
    request = urllib.request.Request(address, headers={"User-Agent": "spectraflow"})
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response, target.open("wb") as handle:
        shutil.copyfileobj(response, handle, BLOCK_BYTES)
        length = response.headers.get("Content-Length")
    if length is not None and target.stat().st_size != int(length):
        raise http.client.IncompleteRead(b"", int(length) - target.stat().st_size)


def _verified(path: Path, place: Place, name: str, wanted: SourceFile) -> dict[str, Any]:
    """Return sha256, bytes, version and records of a fetched file; raises ChecksumError or InputError."""
    size = path.stat().st_size
    if size == 0:
        raise InputError(f"{name} from {place.address} is empty")
    found = file_sha256(path)
    known = {version.sha256: version for version in wanted.versions}
    version = known.get(found)
    expected = [wanted.sha256] if wanted.sha256 else list(known)
    if found not in expected:
        if expected and (place.is_mirror or wanted.sha256):
            raise ChecksumError(
                f"{name} from {place.address}: expected SHA-256 {' or '.join(expected)}, found {found}. If this is a "
                "version that you trust, add it to the file's versions in the registry"
            )
        log.warning("%s from %s has no registered checksum; found SHA-256 %s", name, place.address, found)
    return {
        "sha256": found,
        "bytes": size,
        "version": version.version if version else "unregistered",
        "verified": found in expected,
        "expected_records": version.records if version else wanted.records,
    }
