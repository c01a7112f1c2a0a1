"""The registry of raw sources: resources/sources.yaml as checked settings."""

from pathlib import Path
from typing import Annotated

import yaml
from pydantic import Field

from spectraflow.errors import ConfigError, MissingSourceError
from spectraflow.settings import Settings, check

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class KnownVersion(Settings):
    """A version of a file whose bytes are known."""

    version: str = Field(description="date, release or name of the version")
    sha256: Sha256 = Field(description="SHA-256 of the file")
    records: int | None = Field(None, ge=0, description="records in this version")


class SourceFile(Settings):
    """One raw file of a source."""

    url: str | None = Field(None, description="the publisher's download address; null = mirror or local file only")
    sha256: Sha256 | None = Field(None, description="the only accepted SHA-256; null = the publisher replaces the file")
    versions: list[KnownVersion] = Field([], description="known versions; one of them must match what a mirror holds")
    records: int | None = Field(None, ge=0, description="expected records, about, in the publisher's file")
    note: str | None = Field(None, description="what a user should know about the file")


class Source(Settings):
    """A publisher of raw files."""

    title: str
    licence: str
    citation: str
    homepage: str
    folder: str = Field(description="folder of its files in the mirror layout `<folder>/<file>`")
    files: dict[str, SourceFile] = Field(min_length=1, description="file by name; the first is the default")


class Registry(Settings):
    """All sources by name."""

    sources: dict[str, Source]

    def source(self, name: str) -> Source:
        """Return a source; raises MissingSourceError naming the known ones."""
        if name not in self.sources:
            raise MissingSourceError(f"no source '{name}' in the registry; known: {', '.join(sorted(self.sources))}")
        return self.sources[name]

    def file(self, name: str, file: str | None = None) -> tuple[Source, str, SourceFile]:
        """Return a source, the name of one of its files (default: the first) and the file's entry."""
        source = self.source(name)
        chosen = next(iter(source.files)) if file is None else file
        if chosen not in source.files:
            raise MissingSourceError(f"source '{name}' has no file '{chosen}'; known: {', '.join(source.files)}")
        return source, chosen, source.files[chosen]


def load_registry(path: Path) -> Registry:
    """Return the registry in a YAML file; raises ConfigError with every fault at once."""
    try:
        loaded = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise ConfigError(f"{path}: cannot be read as YAML ({error})") from None
    if not isinstance(loaded, dict):
        raise ConfigError(f"{path}: the top level must be a mapping with the key 'sources'")
    return check(Registry, loaded, str(path))
