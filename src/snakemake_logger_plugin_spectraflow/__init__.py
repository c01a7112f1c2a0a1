"""Snakemake finds the console of this project here: `logger: spectraflow` in a profile."""

from spectraflow.watching.console import LogHandler, LogHandlerSettings

__all__ = ["LogHandler", "LogHandlerSettings"]
