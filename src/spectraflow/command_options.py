"""What all commands share: options, and how errors reach the user."""

import sys
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any

import typer

from spectraflow.errors import SpectraflowError

SettingsText = Annotated[str, typer.Option("--settings", help="inline JSON, or the path of a JSON file")]
Processes = Annotated[int, typer.Option(min=1, help="worker processes")]
OtherPages = Annotated[
    list[str] | None,
    typer.Option("--other-page", help="page of the report, such as matching.html, that stands beside this one; repeat"),
]


def report_errors(function: Callable[..., Any]) -> Callable[..., Any]:
    """Print the message of an error meant for the user and exit with 1."""

    @wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except SpectraflowError as error:
            print(f"error: {error}", file=sys.stderr)
            raise typer.Exit(1) from None

    return wrapper
