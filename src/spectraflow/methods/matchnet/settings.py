"""Settings of SpecMol-MatchNet, its parts, its baselines and its experiments."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, model_validator

from spectraflow.grids import Grid, grid_runs
from spectraflow.settings import Fraction, Positive, RunsSection, Settings, TrainingSettings

Dataset = Literal["nmrshiftdb2", "nmrshiftdb2_any", "alberts", "matcs", "pubchem"]
Nucleus = Literal["1H", "13C"]
Kind = Literal["network", "line_counts", "boosted_trees", "shift_model", "alignment_model"]
Width = Annotated[int, Field(ge=1, le=8192)]
NUCLEI: tuple[Nucleus, ...] = ("1H", "13C")
PREDICTED = ("matcs", "pubchem")
"""Data sets whose spectra are simulated from the shifts that a model of this project predicts."""
IMAGENET = "imagenet"
"""Names the weights that are installed with the project: those of EfficientNet-Lite0."""
BACKBONE_CHANNELS = {
    "resnet101": 2048,
    "resnet50": 2048,
    "densenet121": 1024,
    "efficientnet_b0": 1280,
    "efficientnet_lite0": 1280,
    "tiny": 32,
}
"""Channels of a backbone's maps."""
WEIGHT_FILES = ("model.safetensors", "pytorch_model.bin")
"""Where the weights of a transformers model lie in its folder."""


class RenderingSettings(Settings):
    """How two line lists become 256 columns each, and those an image: version 1 of the specification."""

    version: Literal[1] = Field(1, description="version of the specification, part of every cache's identity")
    columns: Annotated[int, Field(ge=16, le=1024)] = Field(256, description="columns, and rows, of an image, pixels")
    oversampling: Annotated[int, Field(ge=1, le=64)] = Field(16, description="points of the grid a column")
    proton_window: tuple[float, float] = Field((12.05, -2.0), description="left and right end of the 1H axis, ppm")
    carbon_window: tuple[float, float] = Field((230.0, -2.0), description="left and right end of the 13C axis, ppm")
    proton_width: Annotated[float, Field(gt=0, le=5)] = Field(0.02, description="full width at half height, ppm")
    carbon_width: Annotated[float, Field(gt=0, le=50)] = Field(0.2, description="full width at half height, ppm")
    proton_area: Literal["count", "unit"] = Field("count", description="height of a 1H line: its protons, or one")
    carbon_area: Literal["unit", "count"] = Field("unit", description="height of a 13C line: one, or its carbons")
    style: Literal["trace", "fill"] = Field("trace", description="connected trace, or filled down to the baseline")

    @model_validator(mode="after")
    def _windows_descend(self) -> "RenderingSettings":
        if any(left <= right for left, right in (self.proton_window, self.carbon_window)):
            raise ValueError("a window runs from high to low ppm")
        return self


class BackboneSettings(Settings):
    """The frozen network that sees the images."""

    name: Literal["resnet101", "resnet50", "densenet121", "efficientnet_b0", "efficientnet_lite0", "tiny"] = Field(
        "resnet101", description="architecture; tiny: a few random filters, for tests and the default run"
    )
    weights: str | None = Field(
        None,
        description="safetensors or PyTorch file, local folder of a transformers model, or imagenet: those that are "
        "installed with efficientnet_lite0; null = random, calibrated",
    )
    seed: int = Field(0, description="seed of random weights")
    normalisation: Literal["half", "imagenet"] = Field(
        "half", description="(x - 0.5) / 0.5 as in the parent method, or ImageNet's mean and deviation"
    )
    components: Positive | None = Field(
        None, description="principal components kept of the channels, fitted on the training part; null = all channels"
    )

    @property
    def file(self) -> str | None:
        """Path of its weights, unless they are random or installed with the project."""
        return None if self.weights == IMAGENET else self.weights

    @model_validator(mode="after")
    def _is_installed(self) -> "BackboneSettings":
        if self.weights == IMAGENET and self.name != "efficientnet_lite0":
            raise ValueError(
                f"{IMAGENET} weights are installed for efficientnet_lite0 alone; give a file for {self.name}"
            )
        return self


class NetworkSettings(Settings):
    """The matching network: what it reads, and its parts (kind network)."""

    graph: Literal["hybrid", "multi_scale", "transformer", "gcn", "parent_gcn", "parent_gat"] = Field(
        "hybrid",
        description="graph encoder: TransformerConv with three branches; the branches or TransformerConv with one GCN "
        "alone; one GCN; those of the baselines GCN+ and GAT+ResNet-101",
    )
    spectra: Literal["images", "vectors", "peaks"] = Field(
        "images", description="spectra as images in a frozen backbone, as columns in 1-D convolutions, or as peak sets"
    )
    attention: Literal["joint", "shared", "gate", "none", "parent"] = Field(
        "joint",
        description="images: a CBAM for each nucleus and a joint gate; one CBAM for both; the gate alone; nothing; or "
        "the pooled head of the baselines",
    )
    nuclei: Annotated[list[Nucleus], Field(min_length=1)] = Field(["1H", "13C"], description="spectra it sees")
    blind: Literal["none", "molecule", "spectra"] = Field(
        "none", description="control: the molecule, or both spectra, replaced by a learned constant"
    )
    root: bool = Field(True, description="TransformerConv adds a projection of the atom itself")
    sage_activation: bool = Field(True, description="ReLU between the layers of the long branch")
    spatial_kernels: Annotated[list[Annotated[int, Field(ge=1, le=15)]], Field(min_length=1)] = Field(
        [7], description="kernels of the spatial attention, averaged (odd)"
    )
    heads: Positive = Field(8, description="attention heads of TransformerConv")
    head_dim: Width = Field(19, description="channels of a head; heads x head_dim is the width of the branches")
    fused: Width = Field(300, description="width of the fused branches")
    hidden: Width = Field(1500, description="hidden width behind the pooled atoms")
    molecule_dim: Width = Field(128, description="embedding of a molecule")
    channels: Width = Field(16, description="channels behind the backbone, for each nucleus (images)")
    spectrum_dim: Width = Field(64, description="embedding of each spectrum (vectors, peaks)")
    spectra_norm: bool = Field(
        False,
        description="batch normalisation without weights of the embedding of the spectra, which behind three sigmoids "
        "is a hundred times smaller than the molecule's (images)",
    )
    dropout: Fraction = Field(0.2, description="dropout behind the hidden layer of the molecule")
    backbone: BackboneSettings = Field(BackboneSettings(), description="backbone (images)")

    @model_validator(mode="after")
    def _is_sound(self) -> "NetworkSettings":
        if len(set(self.nuclei)) < len(self.nuclei):
            raise ValueError("a nucleus is named twice")
        if even := [size for size in self.spatial_kernels if size % 2 == 0]:
            raise ValueError(f"spatial_kernels must be odd, not {even[0]}")
        return self


class MatchnetRun(Settings):
    """One training, or one comparison without any."""

    label: str = Field("SpecMol-MatchNet", description="name in tables and figures; never part of the run id")
    kind: Kind = Field(
        "network",
        description="network; line_counts: numbers of lines against classes of atoms, nothing learned; boosted_trees: "
        "on fingerprint and columns; shift_model, alignment_model: by a model trained for another task (`scores`)",
    )
    dataset: Dataset = Field(
        "nmrshiftdb2",
        description="measured (nmrshiftdb2: within `molecules`; nmrshiftdb2_any: all); simulated vectors (alberts); "
        "spectra simulated from predicted shifts of the MatCS lists or of the SMILES library (matcs, pubchem)",
    )
    split: str = Field("tenths", description="a key of `splits`; listed: the parts that MatCS lists")
    fold: Annotated[int, Field(ge=0)] = Field(0, description="fold (or seed offset) of that split")
    limit: Positive | None = Field(None, description="molecules of the training part used at most; null = all")
    negatives: Literal["near", "uniform", "mixed"] = Field(
        "near", description="negatives of training and validation: alike molecules, any, or half of each"
    )
    resample: bool = Field(False, description="other negatives in every epoch")
    permuted_labels: bool = Field(False, description="control: trained on shuffled labels")
    transfer: Dataset | None = Field(
        None, description="also tested on the test part of this data set, without molecules trained on"
    )
    scores: str | None = Field(
        None, description="label of the shift model or K-M3AID run that scores (shift_model, alignment_model)"
    )
    rendering: RenderingSettings = Field(RenderingSettings(), description="lines to columns and images")
    network: NetworkSettings = Field(NetworkSettings(), description="the network")
    trees: Positive = Field(200, description="boosting rounds (boosted_trees)")
    training: TrainingSettings = Field(
        TrainingSettings(epochs=100, batch_size=32, learning_rate=1e-4, weight_decay=0.0),
        description="the fit; weight_decay 0 makes AdamW the published Adam",
    )

    @model_validator(mode="after")
    def _is_sound(self) -> "MatchnetRun":
        external = self.kind in ("shift_model", "alignment_model")
        if external != (self.scores is not None):
            raise ValueError("scores names the model of kind shift_model or alignment_model, and of no other")
        if external and self.dataset not in ("nmrshiftdb2", "nmrshiftdb2_any"):
            raise ValueError(f"{self.kind} scores measured spectra of nmrshiftdb2 alone, not {self.dataset}")
        if self.split == "listed" and self.dataset != "matcs":
            raise ValueError("only matcs has a listed split")
        self._check_transfer(external)
        if self.permuted_labels and self.kind not in ("network", "boosted_trees"):
            raise ValueError(f"{self.kind} learns nothing from training pairs: permuted_labels is no control of it")
        return self

    def _check_transfer(self, external: bool) -> None:
        if self.transfer is None:
            return
        if self.transfer == self.dataset:
            raise ValueError("transfer names another data set than the run's own")
        if external:
            raise ValueError(f"{self.kind} has scores of its own data set alone: it takes no transfer")
        if self.reads_images:
            raise ValueError(
                "a model of images has cached features of its own data set alone: transfer takes spectra as vectors "
                "or peaks"
            )

    @property
    def reads_images(self) -> bool:
        """Whether a backbone must see images first."""
        return self.kind == "network" and self.network.spectra == "images" and self.network.blind != "spectra"

    @property
    def val_set(self) -> Literal["near", "uniform"]:
        """The set of val pairs, one wrong to each right one, that calibrations are fitted to; for mixed ones near."""
        return "uniform" if self.negatives == "uniform" else "near"


class MoleculeSettings(Settings):
    """Molecules of every data set but nmrshiftdb2_any."""

    elements: list[str] = Field(["C", "H", "N", "O"], description="elements a molecule may have")
    heavy_atoms: Positive = Field(16, description="heavy atoms at most")


class PredictedSettings(Settings):
    """Spectra simulated from predicted shifts (matcs, pubchem)."""

    shifts: str | None = Field(None, description="label of the shift model; null = the first")
    carbon_noise_ppm: Annotated[float, Field(ge=0, le=50)] | None = Field(
        None, description="Gaussian noise of a 13C line (sd); null = the model's mean error on its test part"
    )
    proton_noise_ppm: Annotated[float, Field(ge=0, le=5)] | None = Field(None, description="the same of a 1H line")
    limit: Positive | None = Field(None, description="molecules used at most; null = all")
    seed: int = Field(0, description="seed of the noise and of the choice of molecules")


class PairSettings(Settings):
    """Which molecules are put beside which spectra."""

    seed: int = Field(0, description="seed of random choices")
    block: Annotated[int, Field(ge=2, le=20_000)] = Field(
        5_000, description="molecules matched with each other at once (near, diff)"
    )


class SelectionSettings(Settings):
    """What decides the molecules and spectra of a data set: a step's settings."""

    molecules: MoleculeSettings | None = Field(None, description="null = molecules of any element and size")
    predicted: PredictedSettings | None = Field(None, description="null = spectra come from peak lists")


class FeatureSettings(Settings):
    """What decides cached features: a step's settings."""

    rendering: RenderingSettings = Field(RenderingSettings(), description="lines to columns and images")
    backbone: BackboneSettings = Field(BackboneSettings(), description="backbone")


class ExaminationSettings(Settings):
    """What is asked of trained models beyond the test sets."""

    runs: Literal["first", "own", "none"] = Field(
        "own",
        description="looked into: the first run that reads images, vectors and peaks each, all entries of `runs` (of "
        "seeds the first), or none",
    )
    candidates: list[Annotated[int, Field(ge=2)]] = Field(
        [256], description="candidates of a query spectrum in retrieval by score"
    )
    queries: Positive = Field(200, description="test spectra used as queries, at most")
    k: list[Positive] = Field([1, 5, 10, 20], description="ranks at which hits are counted")
    mapped_pairs: Positive = Field(2_000, description="test pairs on the map of embeddings (t-SNE), at most")
    timed_batches: Positive = Field(100, description="batches timed for the table of costs")
    changed_spectra: Positive = Field(
        100, description="test spectra rendered anew for each change, at most (images see the backbone again)"
    )
    seed: int = Field(0, description="seed of queries, candidates and changes")


@dataclass(frozen=True)
class PlannedMatchnet:
    """A training that the configuration asks for, and the grid it is a cell of, if any."""

    run: MatchnetRun
    grid: str | None


class MatchnetSection(RunsSection):
    """SpecMol-MatchNet: a base run, the runs that differ from it, and grids."""

    molecules: MoleculeSettings = Field(MoleculeSettings(), description="molecules of the data sets")
    follow: Literal["published_ids", "all_assigned"] | None = Field(
        None,
        description="molecules of nmrshiftdb2 that this alignment table has stay in the part they have there, so that "
        "its models can be asked about pairs they were not trained on",
    )
    predicted: PredictedSettings = Field(PredictedSettings(), description="spectra from predicted shifts")
    pairs: PairSettings = Field(PairSettings(), description="pairs")
    examination: ExaminationSettings = Field(ExaminationSettings(), description="beyond the test sets")
    base: MatchnetRun = Field(MatchnetRun(), description="settings that every run starts from")
    runs: list[MatchnetRun] = Field([], description="one entry a run: only the keys in which it differs from `base`")
    grids: list[Grid] = Field([], description="runs for every combination of some settings, as in an ablation table")
    seeds: Annotated[list[int], Field(min_length=1)] | None = Field(
        None, description="repeat every trained run and grid cell with these seeds; null = each run's own seed"
    )
    folds: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)] | None = Field(
        None, description="repeat every run and grid cell on these folds; null = each run's own fold"
    )
    epochs: Positive | None = Field(None, description="no training is longer; null = each run's own epochs")

    @model_validator(mode="after")
    def _grids_are_sound(self) -> "MatchnetSection":
        if faults := [fault for _, (_, found) in self._cells() for fault in found]:
            raise ValueError("; ".join(faults))
        return self

    def _cells(self) -> Iterator[tuple[Grid, tuple[list[MatchnetRun], list[str]]]]:
        base = self.base.model_dump()
        for place, grid in enumerate(self.grids):
            yield grid, grid_runs(grid, place, base, MatchnetRun)

    def planned(self) -> Iterator[PlannedMatchnet]:
        """Yield every training: runs, then grid cells, each on all folds, with all seeds, no longer than `epochs`."""
        for run in self.runs:
            yield from (PlannedMatchnet(one, None) for one in self._repeated(run))
        for grid, (cells, _) in self._cells():
            for cell in cells:
                yield from (PlannedMatchnet(one, grid.label) for one in self._repeated(cell))

    def _repeated(self, run: MatchnetRun) -> Iterator[MatchnetRun]:
        limit = run.training.epochs if self.epochs is None else self.epochs
        trained = run.kind == "network"
        for fold in [run.fold] if self.folds is None else self.folds:
            for seed in self.seeds if trained and self.seeds is not None else [run.training.seed]:
                training = run.training.model_copy(update={"epochs": min(limit, run.training.epochs), "seed": seed})
                yield run.model_copy(update={"fold": fold, "training": training})
