"""What settings sections share: strict models, the fit loop's settings, loading that names every fault at once."""

import json
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from spectraflow.errors import ConfigError

Fraction = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[int, Field(ge=1)]


def merge(base: Mapping[str, Any], difference: Mapping[str, Any]) -> dict[str, Any]:
    """Return `base` with `difference` laid over it, mappings merged key by key, other values replaced."""
    merged = dict(base)
    for key, value in difference.items():
        nested = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = merge(merged[key], value) if nested else value
    return merged


class Settings(BaseModel):
    """Base of every settings section: unknown keys are errors, values cannot change after checking."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class RunsSection(Settings):
    """Base of a method's section: `base` holds the settings of all runs, an entry of `runs` only what differs."""

    @model_validator(mode="before")
    @classmethod
    def _merge_runs(cls, values: Any) -> Any:
        if not isinstance(values, Mapping) or not isinstance(values.get("base", {}), Mapping):
            return values
        base, runs = values.get("base", {}), values.get("runs", cls.runs_by_default())
        if not isinstance(runs, list):
            return values
        return {**values, "runs": [merge(base, run) if isinstance(run, Mapping) else run for run in runs]}

    @classmethod
    def runs_by_default(cls) -> list[dict[str, Any]]:
        """Return what differs from `base` in the runs of a configuration that names none."""
        return []


class TrainingSettings(Settings):
    """The fit loop shared by all methods."""

    epochs: Positive = Field(200, description="passes over the training part")
    batch_size: Positive = Field(
        128, description="molecules a batch; incomplete ones are dropped in training, but not by mmfrl.runs"
    )
    learning_rate: Annotated[float, Field(gt=0, le=1)] = Field(1e-3, description="AdamW step size")
    weight_decay: Annotated[float, Field(ge=0, le=1)] = Field(1e-3, description="AdamW weight decay")
    schedule: Literal["constant", "plateau", "cosine", "milestones", "inverse_root", "noam"] = Field(
        "constant", description="learning-rate schedule"
    )
    plateau_patience: Positive = Field(2, description="epochs without improvement before the rate is halved")
    milestones: list[Positive] = Field([], description="epochs (from 0) from which the rate is a tenth (milestones)")
    warmup_steps: Positive = Field(4000, description="batches until the full rate is reached (inverse_root)")
    early_stopping: Positive | None = Field(None, description="stop after this many epochs without improvement")
    gradient_clip: Annotated[float, Field(gt=0)] | None = Field(None, description="largest gradient norm; null = off")
    precision: Literal["32-true", "bf16-mixed"] = Field("32-true", description="arithmetic of the encoders")
    seed: int = Field(0, description="seed of weights, batches and dropout")

    @model_validator(mode="after")
    def _milestones_are_sound(self) -> "TrainingSettings":
        if any(later <= earlier for earlier, later in pairwise(self.milestones)):
            raise ValueError("milestones must ascend")
        if self.schedule == "milestones" and not self.milestones:
            raise ValueError("the schedule milestones needs milestones")
        return self


_SCHEDULE_OF = {"milestones": "milestones", "warmup_steps": "inverse_root"}


def hashed_settings(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return dumped settings as they enter run ids: without keys of schedules that a fit in them does not use."""
    unused = {key for key, schedule in _SCHEDULE_OF.items() if values.get("schedule", schedule) != schedule}
    return {
        key: hashed_settings(value) if isinstance(value, Mapping) else value
        for key, value in values.items()
        if key not in unused
    }


SettingsType = TypeVar("SettingsType", bound=Settings)


def _message(error: ValidationError, origin: str) -> str:
    faults = error.errors()
    base = {fault["loc"][2:] for fault in faults if fault["loc"][1:2] == ("base",)}
    faults = [fault for fault in faults if fault["loc"][1:2] != ("runs",) or fault["loc"][3:] not in base]
    lines = [f"{origin}: {len(faults)} faulty setting(s)"]
    for fault in faults:
        key = ".".join(str(part) for part in fault["loc"]) or "(whole)"
        given = "" if fault["type"] in ("missing", "extra_forbidden") else f" (given: {fault['input']!r})"
        text = "unknown key" if fault["type"] == "extra_forbidden" else fault["msg"]
        lines.append(f"  {key}: {text}{given if len(given) < 120 else ''}")
    return "\n".join(lines)


def check(model: type[SettingsType], values: Mapping[str, Any], origin: str = "settings") -> SettingsType:
    """Return `values` as `model`; raises ConfigError with every fault at once, as dotted keys."""
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        raise ConfigError(_message(error, origin)) from None


def load_settings(model: type[SettingsType], text: str) -> SettingsType:
    """Return a step's settings from inline JSON or from the path of a JSON file."""
    origin = "settings"
    if not text.lstrip().startswith("{"):
        origin, text = text, Path(text).read_text(encoding="utf-8")
    try:
        values = json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigError(f"{origin}: not JSON ({error})") from None
    return check(model, values, origin)
