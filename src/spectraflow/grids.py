"""Grids of runs in a configuration: what all cells of a grid share, and what they vary."""

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

from pydantic import Field, ValidationError, field_validator

from spectraflow.settings import Settings, SettingsType, merge


class Grid(Settings):
    """Runs for every combination of some settings."""

    label: str = Field(description="name of the grid; grids of one name make one table")
    set: dict[str, Any] = Field({}, description="settings of all cells: only the keys in which they differ from `base`")
    vary: dict[str, list[Any]] = Field(
        description="dotted key, such as objective.alpha, to its values; every combination is a run"
    )
    retrieval: bool = Field(
        False, description="also library retrieval and isomers; else metrics of the test part alone"
    )

    @field_validator("vary")
    @classmethod
    def _has_values(cls, vary: dict[str, list[Any]]) -> dict[str, list[Any]]:
        if not vary:
            raise ValueError("a grid must vary at least one setting")
        for key, values in vary.items():
            if not values:
                raise ValueError(f"{key} has no values")
            if any(value in values[:place] for place, value in enumerate(values)):
                raise ValueError(f"{key} has a value twice")
        return vary

    def cells(self) -> Iterator[dict[str, Any]]:
        """Yield the differences from `base` of every cell, nested as in the configuration."""
        for values in product(*self.vary.values()):
            cell: dict[str, Any] = dict(self.set)
            for key, value in zip(self.vary, values, strict=True):
                cell = merge(cell, nested(key, value))
            yield cell


def nested(key: str, value: Any) -> dict[str, Any]:
    """Return `{"a": {"b": value}}` for the dotted key `a.b`."""
    first, _, rest = key.partition(".")
    return {first: nested(rest, value) if rest else value}


def grid_runs(
    grid: Grid, place: int, base: Mapping[str, Any], model: type[SettingsType]
) -> tuple[list[SettingsType], list[str]]:
    """Return a run for each cell of `grids.<place>`, and every fault of the grid, once, with its dotted key."""
    runs: list[SettingsType] = []
    faults: dict[str, None] = {}
    for cell in grid.cells():
        try:
            runs.append(model.model_validate(merge(base, {"label": grid.label, **cell})))
        except ValidationError as error:
            for fault in error.errors():
                key = ".".join(map(str, fault["loc"]))
                text = "unknown key" if fault["type"] == "extra_forbidden" else fault["msg"]
                given = "" if fault["type"] == "extra_forbidden" else f" (given: {fault['input']!r})"
                faults[f"grids.{place} '{grid.label}': {key}: {text}{given}"] = None
    return runs, list(faults)
