"""The configuration of a run of the workflow: the source of config.yaml, its JSON schema and the settings page."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, model_validator

from spectraflow.errors import ConfigError
from spectraflow.methods.km3aid.settings import Km3aidRun, Km3aidSection
from spectraflow.methods.matchnet.settings import MatchnetRun, MatchnetSection
from spectraflow.methods.mmfrl.section import MmfrlSection
from spectraflow.methods.shifts.settings import ShiftsRun, ShiftsSection
from spectraflow.methods.symspectra.settings import SymspectraRun, SymspectraSection
from spectraflow.retrieval.settings import IsomerSettings, RetrievalSettings
from spectraflow.search.settings import SearchSettings
from spectraflow.settings import Positive, Settings, check, merge
from spectraflow.training.launched import DEVICES
from spectraflow.training.slots import JOBS_PER_DEVICE


class DemoSettings(Settings):
    """The embedded source: simulated spectra of molecules that ship with RDKit, in native raw formats."""

    molecules: Annotated[int, Field(ge=50, le=10_000_000)] = Field(1_600, description="molecules with spectra")
    library: Annotated[int, Field(ge=50, le=10_000_000)] = Field(4_000, description="molecules in the SMILES library")
    seed: int = Field(7, description="seed of all noise and choices")
    shift_noise_ppm: Annotated[float, Field(ge=0, le=20)] = Field(0.4, description="noise of a 13C shift, ppm (sd)")
    multimodal_rows: Annotated[int, Field(ge=10)] = Field(200, description="rows of the Alberts-style and SDBS files")
    listed_molecules: Annotated[int, Field(ge=50, le=100_000)] = Field(
        400, description="molecules of the MatCS-style lists of pairs"
    )
    moleculenet_rows: Annotated[int, Field(ge=20)] = Field(200, description="rows of each MoleculeNet-style file")


class SourceSettings(Settings):
    """Where one raw file comes from."""

    file: str | None = Field(None, description="file name in the registry; null = the registry's default")
    mirror: str | None = Field(None, description="folder or URL tried before the publisher; null = the global mirror")
    limit: Positive | None = Field(None, description="read only this many records; null = all")


class LibrarySettings(SourceSettings):
    """Where the SMILES library comes from, and how much of it is read."""

    every: Positive = Field(1, description="read every n-th line: a systematic sample of a sorted file")


class ListsSettings(Settings):
    """Where the MatCS lists of pairs come from: five files of fixed names."""

    mirror: str | None = Field(None, description="folder or URL that holds them; null = the global mirror")
    limit: Positive | None = Field(
        None, description="use only this many molecules of each file, with their pairs; null = all"
    )


class TasksSettings(Settings):
    """Where the MoleculeNet files come from: eleven files of fixed names."""

    mirror: str | None = Field(None, description="folder or URL tried before the publisher; null = the global mirror")


class FolderSettings(SourceSettings):
    """Where the files of a source that fills a folder come from."""

    folder: str | None = Field(
        None, description="local folder whose *.parquet files are read by name; null = one retrieved file"
    )


class ExportSettings(Settings):
    """Where a source is that may not be downloaded."""

    folder: str | None = Field(None, description="folder of your own export, see docs/sdbs.md; null = not supplied")
    limit: Positive | None = Field(None, description="read only this many records; null = all")


class SourcesSettings(Settings):
    """The raw sources of a run."""

    nmrshiftdb2: SourceSettings = Field(SourceSettings(), description="SD file with signals")
    km3aid_ids: SourceSettings = Field(SourceSettings(), description="the nmrshiftdb2 ids K-M3AID was trained on")
    pubchem: LibrarySettings = Field(LibrarySettings(), description="SMILES library: CID-SMILES or a plain .smi file")
    massbank: SourceSettings = Field(SourceSettings(), description="EI mass spectra of MassBank as text records")
    sdbs: ExportSettings = Field(ExportSettings(), description="local SDBS export; nothing is ever downloaded")
    matcs: ListsSettings = Field(ListsSettings(), description="MatCS lists of pairs; a mirror alone has them")
    moleculenet: TasksSettings = Field(TasksSettings(), description="MoleculeNet tasks")
    alberts: FolderSettings = Field(FolderSettings(), description="simulated multimodal spectra (Alberts et al.)")


class SplitSettings(Settings):
    """How molecules are assigned to train, val and test."""

    kind: Literal["random", "published_folds", "scaffold_balanced", "scaffold_deterministic", "scaffold_clusters"] = (
        Field(
            "random",
            description="random: folds by InChIKey first block; published_folds: K-M3AID's permutation of records; "
            "scaffold_balanced: shuffled Murcko scaffolds; scaffold_deterministic: largest scaffolds to train; "
            "scaffold_clusters: the most distant clusters of scaffolds to test",
        )
    )
    folds: Annotated[int, Field(ge=2, le=100)] = Field(5, description="number of folds (random, published_folds)")
    seed: int = Field(42, description="seed of the permutation")
    val_fraction: Annotated[float, Field(ge=0, lt=0.5)] = Field(
        0.1,
        description="share for model selection: of the molecules outside test; scaffold_balanced and _deterministic: "
        "of all",
    )
    test_fraction: Annotated[float, Field(gt=0, lt=0.5)] = Field(0.1, description="test share (scaffold splits)")


class TrackingSettings(Settings):
    """MLflow: a mirror of the files that training jobs write."""

    enabled: bool = Field(True, description="log to MLflow at all")
    uri: str | None = Field(None, description="tracking store; null = SQLite under the results folder")


class DevicesSettings(Settings):
    """What trainings run on; nothing here enters a run id, nor makes a rule run again."""

    per_training: Annotated[int, Field(ge=1, le=64)] = Field(
        1, description="devices that one training of a network is shared by: GPUs, or processes on a CPU"
    )
    jobs_per_device: Annotated[int, Field(ge=1, le=64)] = Field(
        1, description="trainings that may be on one GPU at a time; further ones wait"
    )
    request_gpus: bool = Field(False, description="ask the cluster for per_training GPUs for each training job")

    @property
    def environment(self) -> str:
        """Return shell text that sets the variables commands read, where the user has not."""
        numbers = {DEVICES: self.per_training, JOBS_PER_DEVICE: self.jobs_per_device}
        return " ".join(f"{name}=${{{name}:-{number}}}" for name, number in numbers.items())


class Config(Settings):
    """One run of the workflow."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+$")] = Field(
        "demo", description="results/<name>/ holds the run"
    )
    data: Literal["demo", "published"] = Field("demo", description="embedded simulated raw files, or the public ones")
    mirror: str | None = Field(None, description="folder or URL laid out as <source>/<file>, tried before publishers")
    processes: Positive = Field(2, description="processes of one ingestion job")
    devices: DevicesSettings = Field(DevicesSettings(), description="what trainings run on")
    demo: DemoSettings = Field(DemoSettings(), description="the embedded source")
    sources: SourcesSettings = Field(SourcesSettings(), description="raw sources")
    splits: dict[str, SplitSettings] = Field(
        {"random": SplitSettings()}, description="named ways to split; runs refer to them by name"
    )
    km3aid: Km3aidSection = Field(Km3aidSection(), description="K-M3AID")
    shifts: ShiftsSection = Field(ShiftsSection(), description="shift models")
    symspectra: SymspectraSection = Field(SymspectraSection(), description="SymSpectra and its baselines")
    matchnet: MatchnetSection = Field(MatchnetSection(), description="SpecMol-MatchNet and its baselines")
    mmfrl: MmfrlSection = Field(MmfrlSection(), description="MMFRL and baselines on MoleculeNet tasks")
    retrieval: RetrievalSettings = Field(RetrievalSettings(), description="library retrieval, for every method")
    search: SearchSettings = Field(SearchSettings(), description="search of whole libraries, for every method")
    isomers: IsomerSettings = Field(IsomerSettings(), description="isomer recognition, for every method")
    tracking: TrackingSettings = Field(TrackingSettings(), description="MLflow")
    pathvars: dict[Literal["results", "logs", "benchmarks"], str] = Field(
        {}, description="folders in place of results/<name>, <results>/logs and <results>/benchmarks"
    )

    @model_validator(mode="after")
    def _splits_exist(self) -> "Config":
        for name, run in self._named_runs():
            if isinstance(run, MatchnetRun) and run.split == "listed":
                continue
            if run.split not in self.splits:
                raise ValueError(f"{name} names the split '{run.split}', which is not in splits")
            split = self.splits[run.split]
            if split.kind in ("random", "published_folds") and run.fold >= split.folds:
                raise ValueError(f"{name} names fold {run.fold} of {split.folds} of the split '{run.split}'")
            if isinstance(run, MatchnetRun) and split.kind == "published_folds":
                raise ValueError(
                    f"{name} names the split '{run.split}' of published folds, which are folds of K-M3AID's molecules "
                    "alone; take another kind"
                )
        return self

    def _named_runs(self) -> Iterator[tuple[str, Km3aidRun | ShiftsRun | SymspectraRun | MatchnetRun]]:
        sections: dict[str, Km3aidSection | SymspectraSection | MatchnetSection] = {
            "km3aid": self.km3aid,
            "symspectra": self.symspectra,
            "matchnet": self.matchnet,
        }
        for method, section in sections.items():
            for one in section.planned():
                name = f"run '{one.run.label}'" if one.grid is None else f"grid '{one.grid}'"
                yield f"{method} {name}", one.run
        yield from ((f"shifts run '{run.label}'", run) for run in self.shifts.runs)


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
