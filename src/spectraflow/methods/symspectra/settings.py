"""Settings of SymSpectra, its baselines and its experiments."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, model_validator

from spectraflow.grids import Grid, grid_runs
from spectraflow.settings import Fraction, Positive, RunsSection, Settings, TrainingSettings
from spectraflow.spectra.modalities import MODALITIES

Dataset = Literal["alberts", "sdbs", "open_exp"]
Width = Annotated[int, Field(ge=1, le=8192)]
Kind = Literal[
    "symspectra", "cnn", "transformer", "patch_transformer", "multimodal_transformer", "xgboost", "commonest"
]


class VectorSettings(Settings):
    """How spectra become vectors of 600 numbers."""

    collision_energies: Annotated[list[Literal[10, 20, 40]], Field(min_length=1)] = Field(
        [10, 20, 40], description="CFM-ID energies merged, eV"
    )
    merge: Literal["sum", "max"] = Field("sum", description="how peaks of several energies are merged")
    mass_sigma: Annotated[float, Field(gt=0, le=100)] = Field(5.0, description="width of a mass peak, bins of 0.1 m/z")
    resampling: Annotated[list[Literal["linear", "max", "area"]], Field(min_length=1)] = Field(
        ["linear"],
        description="alberts: which vectors of a 13C or 1H spectrum are made, by its value at each point (13C), its "
        "maximum (13C_max) or its sum (13C_area) between two points",
    )
    ei_energy: Literal["any", "70ish", "70"] = Field(
        "any", description="open set: EI spectra at any energy, at 70 to 75 eV or unstated, or stated as 70 eV"
    )

    @model_validator(mode="after")
    def _resampling_is_named_once(self) -> "VectorSettings":
        if len(set(self.resampling)) < len(self.resampling):
            raise ValueError("resampling names a method twice")
        return self

    @property
    def simulated(self) -> dict[str, tuple[str, ...]]:
        """Columns of vectors of the simulated spectra, by the spectrum they are made of."""
        suffixes = ["" if method == "linear" else f"_{method}" for method in self.resampling]
        long = {name: tuple(f"{name}{suffix}" for suffix in suffixes) for name in ("13C", "1H")}
        return {"IR": ("IR",), **long, "MSMSpos": ("MSMSpos",), "MSMSneg": ("MSMSneg",)}


class NetworkSettings(Settings):
    """SymSpectra's network (symspectra)."""

    channels: Annotated[list[Width], Field(min_length=2, max_length=2)] = Field(
        [32, 64], description="channels of the two convolution blocks"
    )
    heads: Positive = Field(4, description="attention heads; divide the last number of channels")
    attention: bool = Field(True, description="gates see all modalities by cross-modal attention, else their own")
    gate: Literal["soft", "hard_st", "off"] = Field("soft", description="noise gate; off: tokens pass as they are")
    prior: Literal["gaussian", "laplace", "gamma"] = Field("gaussian", description="shape of the injected noise")
    fusion: Width = Field(128, description="channels of the fusion convolutions")
    hidden: Annotated[list[Width], Field(min_length=2, max_length=2)] = Field(
        [1024, 512], description="widths of the main predictor; the last is the fused feature"
    )
    dropout: Fraction = Field(0.3, description="dropout of predictors and decoder")
    auxiliary: Literal["heads", "shared_masked", "none"] = Field(
        "heads", description="predictors without a modality: one each, one for all with that modality masked, or none"
    )
    decoder: Literal["lstm", "gru", "transformer", "none"] = Field("lstm", description="decoder of the group sequence")
    decoder_dim: Width = Field(256, description="state of the decoder")
    decoder_input: Literal["decision", "decision_and_feature"] = Field(
        "decision", description="what a step is told: the decision before it, or also the fused feature (recurrent)"
    )
    decoder_output: Literal["logit", "correction"] = Field(
        "logit", description="a step gives the logit, as published, or what is added to the main predictor's"
    )
    decoder_embedding: Width = Field(64, description="embedding of the group decided before")
    order: Literal["iupac", "mutual_information", "gnn", "alphabetical", "frequency", "random"] = Field(
        "iupac", description="order in which the decoder decides groups"
    )
    order_seed: int = Field(0, description="seed of the orders random and gnn")


class ObjectiveSettings(Settings):
    """SymSpectra's losses (symspectra)."""

    beta: Annotated[float, Field(ge=0, le=1)] = Field(1e-6, description="weight of the bottleneck")
    bound: Literal["as_printed", "signed", "conditional_kl"] = Field(
        "as_printed", description="conditional part: KL + KL', KL - KL', or the one bound that holds"
    )
    conditional_tokens: Literal["concat_others", "masked_pass"] = Field(
        "concat_others", description="tokens of the conditional part; conditional_kl needs masked_pass"
    )
    sample_scale: Annotated[float, Field(ge=0, le=5)] = Field(0.3, description="s1, spread of sample weights")
    feature_scale: Annotated[float, Field(ge=0, le=5)] = Field(0.3, description="s2, spread of label weights")
    cmi_reduce: Literal["max", "mean", "sum"] = Field("max", description="over modalities")
    main_head_weight: Annotated[float, Field(ge=0, le=100)] = Field(1.0, description="weight of the main predictor")
    aux_encoder_grad: Annotated[float, Field(ge=-10, le=10)] = Field(
        0.0, description="gradient of auxiliary losses into the encoder: 0 none, -lambda reversed (Table 5), 1 joint"
    )
    truth_probability: Fraction = Field(0.5, description="scheduled sampling: share of true groups in the first epoch")
    truth_decay: Fraction = Field(0.95, description="factor of that share an epoch")

    @model_validator(mode="after")
    def _bound_is_computable(self) -> "ObjectiveSettings":
        if self.bound == "conditional_kl" and self.conditional_tokens != "masked_pass":
            raise ValueError("the bound conditional_kl needs conditional_tokens: masked_pass")
        return self


class BaselineSettings(Settings):
    """Sizes of the baselines; each uses the keys that name it."""

    filters: Annotated[list[Width], Field(min_length=2, max_length=2)] = Field(
        [31, 62], description="filters of the two convolutions (cnn)"
    )
    dense: Annotated[list[Width], Field(min_length=1)] = Field(
        [4927, 2785, 1574], description="widths of the dense layers (cnn)"
    )
    dim: Width = Field(512, description="width (transformers)")
    heads: Positive = Field(8, description="attention heads (transformers)")
    feedforward: Width = Field(2048, description="width of feed-forward blocks (transformers)")
    layers: Positive = Field(4, description="encoder layers (transformers), and as many decoder layers (transformer)")
    dropout: Fraction = Field(0.1, description="dropout (cnn, transformers)")
    patch: Annotated[int, Field(ge=1, le=600)] = Field(
        8, description="points of a patch (patch_transformer, multimodal_transformer)"
    )
    text: bool = Field(True, description="NMR as peak lists instead of vectors (multimodal_transformer)")
    label_smoothing: Fraction = Field(0.1, description="label smoothing (transformer)")
    trees: Positive = Field(100, description="boosting rounds (xgboost)")
    depth: Positive = Field(6, description="depth of a tree (xgboost)")
    commonest: Annotated[int, Field(ge=0, le=37)] = Field(5, description="labels that are always predicted (commonest)")


class ImbalanceSettings(Settings):
    """What is done about rare groups."""

    strategy: Literal["none", "mlsmote", "inverse_frequency", "focal"] = Field("none", description="strategy")
    neighbours: Positive = Field(5, description="neighbours (mlsmote)")
    share: Fraction = Field(0.25, description="synthetic samples at most, of the training part (mlsmote)")
    cap: Annotated[float, Field(gt=0)] = Field(100.0, description="largest weight (inverse_frequency)")
    gamma: Annotated[float, Field(ge=0)] = Field(2.0, description="exponent (focal)")


class AugmentationSettings(Settings):
    """Augmented copies of training spectra (Jung et al.), one a sample."""

    kind: Literal["none", "horizontal", "vertical", "smoothing", "combination"] = Field("none", description="kind")


class SubsampleSettings(Settings):
    """Fewer positives of one group in the training part (Fig. 4); the test part stays as it is."""

    group: str | None = Field(None, description="name of the group; null = none")
    kept: Fraction = Field(1.0, description="share of its positives that is kept; smaller shares are nested in larger")


class SymspectraRun(Settings):
    """One model of functional groups: everything here but the label enters the run id."""

    label: str = Field("SymSpectra", description="name in tables and figures; never part of the run id")
    kind: Kind = Field("symspectra", description="the model: SymSpectra or a baseline")
    dataset: Dataset = Field("alberts", description="alberts, sdbs, or the open experimental set")
    modalities: Annotated[list[str], Field(min_length=1)] = Field(["IR", "13C", "1H"], description="spectra it sees")
    required: list[str] | None = Field(
        None, description="spectra a molecule must have, so that runs compare on equal molecules; null = `modalities`"
    )
    missing: Literal["drop", "keep"] = Field(
        "drop",
        description="molecules of the training part without some required spectrum: left out, or kept with what they "
        "have; val and test always have them all",
    )
    split: str = Field("tenths", description="a key of `splits`")
    fold: Annotated[int, Field(ge=0)] = Field(0, description="fold (or seed offset) of that split")
    permuted: bool = Field(False, description="control: spectra of other molecules, in training and test")
    network: NetworkSettings = Field(NetworkSettings(), description="SymSpectra's network")
    objective: ObjectiveSettings = Field(ObjectiveSettings(), description="SymSpectra's losses")
    baseline: BaselineSettings = Field(BaselineSettings(), description="sizes of the baselines")
    imbalance: ImbalanceSettings = Field(ImbalanceSettings(), description="rare groups")
    augmentation: AugmentationSettings = Field(AugmentationSettings(), description="augmentation")
    subsample: SubsampleSettings = Field(SubsampleSettings(), description="fewer positives of one group")
    training: TrainingSettings = Field(
        TrainingSettings(
            epochs=100, learning_rate=3e-4, weight_decay=0.0, schedule="cosine", gradient_clip=1.0, batch_size=128
        ),
        description="the fit",
    )

    @model_validator(mode="after")
    def _is_sound(self) -> "SymspectraRun":
        if unknown := [name for name in [*self.modalities, *(self.required or [])] if name not in MODALITIES]:
            raise ValueError(f"unknown modalities: {', '.join(unknown)}; known: {', '.join(MODALITIES)}")
        if len(set(self.modalities)) < len(self.modalities):
            raise ValueError("a modality is named twice")
        if self.network.channels[1] % self.network.heads:
            raise ValueError("network.heads must divide the last of network.channels")
        if self.baseline.dim % self.baseline.heads:
            raise ValueError("baseline.heads must divide baseline.dim")
        if self.network.decoder == "transformer" and self.network.decoder_dim % 4:
            raise ValueError("network.decoder_dim must be a multiple of 4, the heads of the decoder transformer")
        self._check_changes_of_samples()
        return self

    def _check_changes_of_samples(self) -> None:
        """Raise ValueError for what would silently change nothing: losses of trees, changed vectors of text models."""
        strategy, changed = self.imbalance.strategy, self.augmentation.kind != "none"
        if self.kind in ("xgboost", "commonest") and (changed or strategy not in ("none", "mlsmote")):
            raise ValueError(f"{self.kind} takes no losses or augmented copies: only imbalance.strategy mlsmote")
        shifts = any(MODALITIES[name].unit == "ppm" for name in self.modalities)
        as_text = self.kind == "multimodal_transformer" and self.baseline.text and shifts
        if (self.kind == "transformer" or as_text) and strategy == "mlsmote":
            raise ValueError(f"imbalance.strategy mlsmote makes vectors, but the {self.kind} reads text")
        if self.kind == "transformer" and changed:
            raise ValueError("augmentation changes vectors, but the transformer reads text")


@dataclass(frozen=True)
class PlannedSymspectra:
    """A training that the configuration asks for, and the grid it is a cell of, if any."""

    run: SymspectraRun
    grid: str | None


class SymspectraSection(RunsSection):
    """SymSpectra: a base run, the runs that differ from it, and grids."""

    vectors: VectorSettings = Field(VectorSettings(), description="how spectra become vectors")
    base: SymspectraRun = Field(SymspectraRun(), description="settings that every run starts from")
    runs: list[SymspectraRun] = Field([], description="one entry a run: only the keys in which it differs from `base`")
    grids: list[Grid] = Field([], description="runs for every combination of some settings, as in an ablation table")
    seeds: Annotated[list[int], Field(min_length=1)] | None = Field(
        None, description="repeat every run and grid cell with these seeds; null = each run's own seed"
    )
    folds: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)] | None = Field(
        None, description="repeat every run and grid cell on these folds; null = each run's own fold"
    )
    epochs: Positive | None = Field(None, description="no training is longer; null = each run's own epochs")

    @model_validator(mode="after")
    def _grids_are_sound(self) -> "SymspectraSection":
        if faults := [fault for _, (_, found) in self._cells() for fault in found]:
            raise ValueError("; ".join(faults))
        return self

    @model_validator(mode="after")
    def _vectors_are_made(self) -> "SymspectraSection":
        made = {name for names in self.vectors.simulated.values() for name in names}
        named = [(f"run '{run.label}'", run) for run in self.runs]
        named += [(f"grid '{grid.label}'", cell) for grid, (cells, _) in self._cells() for cell in cells]
        for name, run in named:
            if run.dataset == "alberts" and (missing := {*run.modalities, *(run.required or [])} - made):
                raise ValueError(
                    f"{name} needs {', '.join(sorted(missing))}; of alberts are made {', '.join(sorted(made))} "
                    "(symspectra.vectors.resampling adds `_max` and `_area` of 13C and 1H)"
                )
        return self

    def _cells(self) -> Iterator[tuple[Grid, tuple[list[SymspectraRun], list[str]]]]:
        base = self.base.model_dump()
        for place, grid in enumerate(self.grids):
            yield grid, grid_runs(grid, place, base, SymspectraRun)

    def planned(self) -> Iterator[PlannedSymspectra]:
        """Yield every training: runs, then grid cells, each on all folds, with all seeds, no longer than `epochs`."""
        for run in self.runs:
            yield from (PlannedSymspectra(one, None) for one in self._repeated(run))
        for grid, (cells, _) in self._cells():
            for cell in cells:
                yield from (PlannedSymspectra(one, grid.label) for one in self._repeated(cell))

    def _repeated(self, run: SymspectraRun) -> Iterator[SymspectraRun]:
        limit = run.training.epochs if self.epochs is None else self.epochs
        for fold in [run.fold] if self.folds is None else self.folds:
            for seed in [run.training.seed] if self.seeds is None else self.seeds:
                training = run.training.model_copy(update={"epochs": min(limit, run.training.epochs), "seed": seed})
                yield run.model_copy(update={"fold": fold, "training": training})
