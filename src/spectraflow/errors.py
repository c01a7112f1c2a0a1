"""Errors a user can act on: the command line prints their message alone and exits with 1."""


class SpectraflowError(Exception):
    """Base of every error whose message is written for the user."""


class ConfigError(SpectraflowError):
    """The settings are wrong; the message lists every fault with its dotted key."""


class InputError(SpectraflowError):
    """A file cannot be used as a whole: empty, corrupted, of another format or schema."""


class MissingSourceError(SpectraflowError):
    """A raw file is neither on disk, nor in a mirror, nor downloadable."""


class ChecksumError(SpectraflowError):
    """A raw file differs from the registered checksum."""


class AccountingError(SpectraflowError):
    """Records read and records written or rejected do not add up."""
