"""Settings of K-M3AID."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from spectraflow.grids import Grid, grid_runs
from spectraflow.settings import Fraction, Positive, RunsSection, Settings, TrainingSettings


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
    shift_head: bool = Field(
        False, description="a head on the carbons' embeddings that predicts shift and Laplace scale; not in the papers"
    )


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
    shift_weight: Annotated[float, Field(ge=0)] = Field(
        0.0, description="weight of the shift head's Laplace loss, added to the others; above 0 with the head alone"
    )


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

    @model_validator(mode="after")
    def _shift_head_is_trained(self) -> "Km3aidRun":
        weight = self.objective.shift_weight
        if self.model.shift_head and not weight:
            raise ValueError("model.shift_head needs objective.shift_weight above 0, or it would not be trained")
        if weight and not self.model.shift_head:
            raise ValueError("objective.shift_weight needs model.shift_head: true, or there is nothing to weigh")
        return self


@dataclass(frozen=True)
class PlannedRun:
    """A run with the grid it is a cell of, if any; `complete` ones also get library retrieval and isomers."""

    run: Km3aidRun
    grid: str | None
    complete: bool


class Km3aidSection(RunsSection):
    """K-M3AID: a base run, the runs that differ from it, and grids of runs."""

    base: Km3aidRun = Field(Km3aidRun(), description="settings that every run starts from")
    runs: list[Km3aidRun] = Field(
        [Km3aidRun()], description="one entry a run: only the keys in which it differs from `base`"
    )
    grids: list[Grid] = Field([], description="runs for every combination of some settings, as in an ablation table")
    folds: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)] | None = Field(
        None, description="repeat every run and grid cell on these folds; null = each run's own fold"
    )
    epochs: Positive | None = Field(
        None, description="no training, of a model or its spectrum encoder, is longer; null = each run's own epochs"
    )

    @classmethod
    def runs_by_default(cls) -> list[dict[str, Any]]:
        """Return one run as `base` says."""
        return [{}]

    @model_validator(mode="after")
    def _grids_are_sound(self) -> "Km3aidSection":
        if self.folds is not None and len(set(self.folds)) < len(self.folds):
            raise ValueError("folds: a fold is named twice")
        if faults := [fault for _, found in self._cells() for fault in found[1]]:
            raise ValueError("; ".join(faults))
        return self

    def _cells(self) -> Iterator[tuple[Grid, tuple[list[Km3aidRun], list[str]]]]:
        base = self.base.model_dump()
        for place, grid in enumerate(self.grids):
            yield grid, grid_runs(grid, place, base, Km3aidRun)

    def planned(self) -> Iterator[PlannedRun]:
        """Yield every training: runs, then grid cells, each on all folds and no longer than `epochs`."""
        for run in self.runs:
            yield from (PlannedRun(one, None, True) for one in self._repeated(run))
        for grid, (cells, _) in self._cells():
            for cell in cells:
                yield from (PlannedRun(one, grid.label, grid.retrieval) for one in self._repeated(cell))

    def _repeated(self, run: Km3aidRun) -> Iterator[Km3aidRun]:
        encoder = run.spectrum_encoder
        short = {
            "training": self._shortened(run.training),
            "spectrum_encoder": encoder.model_copy(update={"training": self._shortened(encoder.training)}),
        }
        for fold in [run.fold] if self.folds is None else self.folds:
            yield run.model_copy(update={**short, "fold": fold})

    def _shortened(self, training: TrainingSettings) -> TrainingSettings:
        limit = training.epochs if self.epochs is None else self.epochs
        return training.model_copy(update={"epochs": min(limit, training.epochs)})
