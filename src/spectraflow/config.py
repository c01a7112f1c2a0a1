"""Settings: the one source of truth for config.yaml, its JSON schema and the settings page of the docs."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml
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


class DemoSettings(Settings):
    """The embedded source: simulated spectra of molecules that ship with RDKit, in native raw formats."""

    molecules: Annotated[int, Field(ge=50, le=10_000_000)] = Field(1_600, description="molecules with spectra")
    library: Annotated[int, Field(ge=50, le=10_000_000)] = Field(4_000, description="molecules in the SMILES library")
    seed: int = Field(7, description="seed of all noise and choices")
    shift_noise_ppm: Annotated[float, Field(ge=0, le=20)] = Field(0.4, description="noise of a 13C shift, ppm (sd)")
    multimodal_rows: Annotated[int, Field(ge=10)] = Field(200, description="rows of the Alberts-style and SDBS files")
    moleculenet_rows: Annotated[int, Field(ge=20)] = Field(200, description="rows of each MoleculeNet-style file")


class SourceSettings(Settings):
    """Where one raw file comes from."""

    file: str | None = Field(None, description="file name in the registry; null = the registry's default")
    mirror: str | None = Field(None, description="folder or URL tried before the publisher; null = the global mirror")
    limit: Positive | None = Field(None, description="read only this many records; null = all")


class LibrarySettings(SourceSettings):
    """Where the SMILES library comes from, and how much of it is read."""

    every: Positive = Field(1, description="read every n-th line: a systematic sample of a sorted file")


class SourcesSettings(Settings):
    """The raw sources of a run."""

    nmrshiftdb2: SourceSettings = Field(SourceSettings(), description="SD file with signals")
    km3aid_ids: SourceSettings = Field(SourceSettings(), description="the nmrshiftdb2 ids K-M3AID was trained on")
    pubchem: LibrarySettings = Field(LibrarySettings(), description="SMILES library: CID-SMILES or a plain .smi file")


class SplitSettings(Settings):
    """How molecules are assigned to train, val and test."""

    kind: Literal["random", "published_folds", "scaffold_balanced", "scaffold_deterministic"] = Field(
        "random",
        description="random: folds by InChIKey first block; published_folds: K-M3AID's permutation of records; "
        "scaffold_balanced: shuffled Murcko scaffolds; scaffold_deterministic: largest scaffolds to train",
    )
    folds: Annotated[int, Field(ge=2, le=100)] = Field(5, description="number of folds (random, published_folds)")
    seed: int = Field(42, description="seed of the permutation")
    val_fraction: Annotated[float, Field(ge=0, lt=0.5)] = Field(
        0.1,
        description="share for model selection: of the molecules outside test; scaffold splits: of all",
    )
    test_fraction: Annotated[float, Field(gt=0, lt=0.5)] = Field(0.1, description="test share (scaffold splits)")


class TrainingSettings(Settings):
    """The fit loop shared by all methods."""

    epochs: Positive = Field(200, description="passes over the training part")
    batch_size: Positive = Field(128, description="molecules a batch; incomplete training batches are dropped")
    learning_rate: Annotated[float, Field(gt=0, le=1)] = Field(1e-3, description="AdamW step size")
    weight_decay: Annotated[float, Field(ge=0, le=1)] = Field(1e-3, description="AdamW weight decay")
    schedule: Literal["constant", "plateau", "cosine"] = Field("constant", description="learning-rate schedule")
    plateau_patience: Positive = Field(2, description="epochs without improvement before the rate is halved")
    early_stopping: Positive | None = Field(None, description="stop after this many epochs without improvement")
    gradient_clip: Annotated[float, Field(gt=0)] | None = Field(None, description="largest gradient norm; null = off")
    precision: Literal["32-true", "bf16-mixed"] = Field("32-true", description="arithmetic of the encoders")
    seed: int = Field(0, description="seed of weights, batches and dropout")


class SpectrumEncoderSettings(Settings):
    """K-M3AID's spectrum encoder: how it is trained before it is frozen (reference section 3)."""

    mode: Literal["cress_fold", "graph_fold", "joint", "random_frozen", "external"] = Field(
        "cress_fold",
        description="cress_fold: against a SMILES RoBERTa on the training part; graph_fold: the same loss against a "
        "GIN; joint: not frozen; random_frozen: control; external: weights given by the user, flagged as leaking",
    )
    weights: str | None = Field(None, description="safetensors file (mode external)")
    training: TrainingSettings = Field(
        TrainingSettings(
            epochs=100, batch_size=256, learning_rate=1e-4, weight_decay=1e-2, schedule="cosine", early_stopping=10
        ),
        description="its own fit; selection on an inner 5 % of the training part",
    )

    @model_validator(mode="after")
    def _external_needs_weights(self) -> "SpectrumEncoderSettings":
        if (self.mode == "external") != (self.weights is not None):
            raise ValueError("weights must be given with mode 'external', and only then")
        return self


class Km3aidModelSettings(Settings):
    """K-M3AID network sizes (reference section 3)."""

    layers: Annotated[int, Field(ge=1, le=20)] = Field(5, description="GIN layers")
    dim: Annotated[int, Field(ge=8, le=4096)] = Field(128, description="width of node and peak embeddings")
    projection: Annotated[int, Field(ge=8, le=4096)] = Field(512, description="width of the joint spaces")
    dropout: Fraction = Field(0.2, description="dropout of the node encoder")
    projection_dropout: Fraction = Field(0.1, description="dropout of the projections")
    communication: bool = Field(True, description="graph and node branch share one node encoder")
    chirality: Literal["tag", "none"] = Field("tag", description="RDKit chiral tags as node feature, or none")
    ppm_scale: Literal["raw", "standard"] = Field("raw", description="shift as it is, or (ppm - 97) / 52")


class Km3aidObjectiveSettings(Settings):
    """K-M3AID losses (reference section 4)."""

    alpha: Fraction = Field(0.2, description="weight of the molecule loss; 1 - alpha weighs the atom loss")
    discrimination: Literal["knowledge", "strong", "weak", "soft"] = Field(
        "knowledge", description="targets of the atom loss: K-ID, SP-ID, WP-ID or a soft kernel"
    )
    tau1: Annotated[float, Field(gt=0)] = Field(1e-5, description="added to |d| (K-ID), ppm")
    tau2: Annotated[float, Field(gt=0)] = Field(10.0, description="numerator (K-ID)")
    threshold_ppm: Annotated[float, Field(ge=0)] = Field(1.0, description="largest |d| of a weak pair (WP-ID), ppm")
    row_normalise: bool = Field(False, description="divide SP-ID and WP-ID rows by their sum (published: no)")
    kernel: Literal["exponential", "gaussian"] = Field("exponential", description="soft kernel")
    sigma_ppm: Annotated[float, Field(gt=0)] = Field(0.3, description="width of the soft kernel, ppm")
    scope: Literal["batch", "molecule"] = Field("batch", description="soft kernel over all carbons, or the molecule's")
    soft_weight: Fraction = Field(1.0, description="share of the soft kernel mixed with hard ties")


class Km3aidRun(Settings):
    """One K-M3AID training: everything here but the label enters the run id."""

    label: str = Field("K-M3AID", description="name in tables and figures; never part of the run id")
    molecules: Literal["published_ids", "all_assigned"] = Field(
        "published_ids", description="the published id list, or every molecule whose carbons are all assigned"
    )
    computed_spectra: bool = Field(False, description="keep spectra that the source marks as predicted")
    split: str = Field("random", description="a key of `splits`")
    fold: Annotated[int, Field(ge=0)] = Field(0, description="fold (or seed offset) of that split")
    selection: Literal["val", "test"] = Field(
        "val", description="part on which the epoch is chosen; 'test' is the published, leaking protocol"
    )
    model: Km3aidModelSettings = Field(Km3aidModelSettings(), description="network sizes")
    objective: Km3aidObjectiveSettings = Field(Km3aidObjectiveSettings(), description="losses")
    spectrum_encoder: SpectrumEncoderSettings = Field(SpectrumEncoderSettings(), description="spectrum encoder")
    training: TrainingSettings = Field(TrainingSettings(), description="the fit")


class RetrievalSettings(Settings):
    """Zero-shot retrieval against a molecule library (reference section 6.3)."""

    library_sizes: list[Positive] = Field(
        [100, 1_000, 10_000, 100_000], description="candidates a query, truth included"
    )
    k: list[Positive] = Field([1, 5, 10, 25], description="ranks at which hits are counted")
    queries: Positive = Field(1_000, description="held-out spectra used as queries, at most")
    seed: int = Field(0, description="seed of the query sample and of the controls")


class Km3aidSection(Settings):
    """K-M3AID: a base run, and the runs that differ from it."""

    base: Km3aidRun = Field(Km3aidRun(), description="settings that every run starts from")
    runs: list[Km3aidRun] = Field(
        [Km3aidRun()], min_length=1, description="one entry a run: only the keys in which it differs from `base`"
    )
    retrieval: RetrievalSettings = Field(RetrievalSettings(), description="library retrieval")

    @model_validator(mode="before")
    @classmethod
    def _merge_runs(cls, values: Any) -> Any:
        if not isinstance(values, Mapping) or not isinstance(values.get("base", {}), Mapping):
            return values
        base, runs = values.get("base", {}), values.get("runs", [{}])
        if not isinstance(runs, list):
            return values
        return {**values, "runs": [merge(base, run) if isinstance(run, Mapping) else run for run in runs]}


class TrackingSettings(Settings):
    """MLflow: a mirror of the files that training jobs write."""

    enabled: bool = Field(True, description="log to MLflow at all")
    uri: str | None = Field(None, description="tracking store; null = SQLite under the results folder")


class Config(Settings):
    """One run of the workflow."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+$")] = Field(
        "demo", description="results/<name>/ holds the run"
    )
    data: Literal["demo", "published"] = Field("demo", description="embedded simulated raw files, or the public ones")
    mirror: str | None = Field(None, description="folder or URL laid out as <source>/<file>, tried before publishers")
    processes: Positive = Field(2, description="processes of one ingestion job")
    demo: DemoSettings = Field(DemoSettings(), description="the embedded source")
    sources: SourcesSettings = Field(SourcesSettings(), description="raw sources")
    splits: dict[str, SplitSettings] = Field(
        {"random": SplitSettings()}, description="named ways to split; runs refer to them by name"
    )
    km3aid: Km3aidSection = Field(Km3aidSection(), description="K-M3AID")
    tracking: TrackingSettings = Field(TrackingSettings(), description="MLflow")
    pathvars: dict[Literal["results", "logs", "benchmarks"], str] = Field(
        {}, description="folders in place of results/<name>, <results>/logs and <results>/benchmarks"
    )

    @model_validator(mode="after")
    def _splits_exist(self) -> "Config":
        for run in self.km3aid.runs:
            if run.split not in self.splits:
                raise ValueError(f"km3aid run '{run.label}' names the split '{run.split}', which is not in splits")
            split = self.splits[run.split]
            if split.kind in ("random", "published_folds") and run.fold >= split.folds:
                raise ValueError(f"km3aid run '{run.label}' names fold {run.fold} of {split.folds}")
        return self


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


def load_config(*paths: Path) -> Config:
    """Return the configuration in YAML files, later files laid over earlier ones."""
    values: dict[str, Any] = {}
    for path in paths:
        try:
            loaded = yaml.safe_load(Path(path).read_text(encoding="utf-8")) or {}
        except (OSError, yaml.YAMLError) as error:
            raise ConfigError(f"{path}: cannot be read as YAML ({error})") from None
        if not isinstance(loaded, Mapping):
            raise ConfigError(f"{path}: the top level must be a mapping")
        values = merge(values, loaded)
    return check(Config, values, " + ".join(str(path) for path in paths))


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
