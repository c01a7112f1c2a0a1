"""What all commands share: options, and how errors reach the user."""

import sys
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any

import typer

from spectraflow.damaged_files import advice
from spectraflow.errors import SpectraflowError, UnreadableFileError
from spectraflow.files import out_of_space

SettingsText = Annotated[str, typer.Option("--settings", help="inline JSON, or the path of a JSON file")]
Processes = Annotated[int, typer.Option(min=1, help="worker processes")]
OtherPages = Annotated[
    list[str] | None,
    typer.Option("--other-page", help="page of the report, such as matching.html, that stands beside this one; repeat"),
]


def report_errors(function: Callable[..., Any]) -> Callable[..., Any]:
    """Print the message of an error meant for the user, with what to do about a damaged file, and exit with 1."""

    @wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except UnreadableFileError as error:
            print(f"error: {error}\n{advice(error.path)}", file=sys.stderr)
            raise typer.Exit(1) from None
        except SpectraflowError as error:
            print(f"error: {error}", file=sys.stderr)
            raise typer.Exit(1) from None
        except Exception as error:
            if not out_of_space(error):
                raise
            print(f"error: a disk is full: {error}; make room and start the same command again", file=sys.stderr)
            raise typer.Exit(1) from None

    return wrapper
