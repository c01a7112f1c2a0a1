"""Errors a user can act on: the command line prints their message alone and exits with 1."""

from pathlib import Path


class SpectraflowError(Exception):
    """Base of every error whose message is written for the user."""


class ConfigError(SpectraflowError):
    """The settings are wrong; the message lists every fault with its dotted key."""


class InputError(SpectraflowError):
    """A file cannot be used as a whole: empty, corrupted, of another format or schema."""


class UnreadableFileError(InputError):
    """The bytes of a file are damaged, as opposed to a file that may not be read or holds something else."""

    def __init__(self, path: Path, message: str) -> None:
        super().__init__(f"{path}: {message}")
        self.path = Path(path)


class DiskFullError(SpectraflowError):
    """A file could not be written for want of space; nothing of it is left."""


class MissingSourceError(SpectraflowError):
    """A raw file is neither on disk, nor in a mirror, nor downloadable."""


class ChecksumError(SpectraflowError):
    """A raw file differs from the registered checksum."""


class AccountingError(SpectraflowError):
    """Records read and records written or rejected do not add up."""
