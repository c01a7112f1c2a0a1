"""The section `mmfrl` of the configuration: models that are compared, on tasks and splits."""

from collections.abc import Iterator
from typing import Annotated, Literal, get_args

from pydantic import Field, model_validator

from spectraflow.methods.mmfrl.settings import (
    BaselineSettings,
    Cleaning,
    EncoderSettings,
    ExplanationSettings,
    Kind,
    Modality,
    PretrainingRun,
    PropertyRun,
    Protocol,
    ReleasedWeights,
    Task,
)
from spectraflow.settings import Positive, RunsSection, Settings, TrainingSettings

TASKS: tuple[Task, ...] = get_args(Task)


class Budget(Settings):
    """What the models of one task may cost at most."""

    molecules: Positive | None = Field(None, description="molecules of the training part; null = all")
    epochs: Positive | None = Field(None, description="epochs; null = each model's own")
    seeds: Annotated[list[int], Field(min_length=1)] | None = Field(
        None, description="split seeds (model seeds of scaffold_deterministic); null = those of the section"
    )


class Arm(Settings):
    """One model that is trained on every task and split."""

    label: str = Field("D-MPNN", description="name in tables and figures; never part of the run id")
    kind: Kind = Field("dmpnn", description="the model; chemprop and the kinds after it in the list are baselines")
    modalities: list[Modality | Literal["early"]] = Field(
        [], description="pre-trained encoders: one for dmpnn, several for intermediate and late; empty = from scratch"
    )
    pretraining: PretrainingRun = Field(
        PretrainingRun(), description="how each of these encoders is pre-trained; `modality` is taken from `modalities`"
    )
    released: dict[Modality, ReleasedWeights] = Field(
        {}, description="published encoders by modality, taken instead of pre-training them"
    )
    encoders: Positive = Field(1, description="encoders from scratch of intermediate and late, without modalities")
    encoder: EncoderSettings = Field(EncoderSettings(), description="the D-MPNN of a model from scratch")
    head: Positive = Field(300, description="width of the head's hidden layer")
    coefficients: Literal["none", "softmax"] = Field("none", description="late: how coefficients are normalised")
    selection: Literal["best_val", "last"] = Field("best_val", description="epoch whose weights are kept")
    baseline: BaselineSettings = Field(BaselineSettings(), description="sizes of the baselines")
    training: TrainingSettings = Field(
        TrainingSettings(
            epochs=100, batch_size=256, learning_rate=1e-3, weight_decay=0.0, schedule="noam", early_stopping=30
        ),
        description="the fit; its seed is that of the split",
    )
    tasks: list[Task] | None = Field(None, description="tasks it is trained on; null = those of the section")

    def on(
        self, task: Task, cleaning: Cleaning, protocol: Protocol, split_seed: int, seed: int, budget: Budget
    ) -> PropertyRun:
        """Return the run of this model on one split of a task."""
        epochs = min(self.training.epochs, budget.epochs or self.training.epochs)
        pretraining = [
            self.pretraining.model_copy(
                update={"modality": name, "released": None if name == "early" else self.released.get(name)}
            )
            for name in self.modalities
        ]
        return PropertyRun(
            label=self.label,
            kind=self.kind,
            task=task,
            cleaning=cleaning,
            protocol=protocol,
            split_seed=split_seed,
            molecules=budget.molecules,
            pretraining=pretraining,
            encoders=self.encoders,
            encoder=self.encoder,
            head=self.head,
            coefficients=self.coefficients,
            selection=self.selection,
            baseline=self.baseline,
            training=self.training.model_copy(update={"epochs": epochs, "seed": seed}),
        )

    @model_validator(mode="after")
    def _can_be_trained(self) -> "Arm":
        if len(set(self.modalities)) < len(self.modalities):
            raise ValueError("a modality is named twice")
        if unused := [name for name in self.released if name not in self.modalities]:
            raise ValueError(f"released encoders of modalities that are not used: {', '.join(unused)}")
        self.on("esol", "paper", "scaffold_balanced", 0, 0, Budget())
        return self


class Explained(Settings):
    """Trained models that are looked into, by task: those of the first split."""

    tasks: list[Task] = Field([], description="tasks; each needs a trained network")
    arms: list[str] | None = Field(None, description="labels of the models; null = fused and late ones")
    settings: ExplanationSettings = Field(ExplanationSettings(), description="what is asked")


class MmfrlSection(RunsSection):
    """MMFRL: models, each on every task and split."""

    tasks: list[Task] = Field(list(TASKS), description="tasks of MoleculeNet")
    cleanings: Annotated[list[Cleaning], Field(min_length=1)] = Field(
        ["paper"], description="paper: every row kept; strict: equal molecules merged (BBBP, ClinTox, ESOL)"
    )
    protocols: Annotated[list[Protocol], Field(min_length=1)] = Field(
        ["scaffold_balanced"], description="splits: chemprop's shuffled scaffolds (published), DeepChem's largest first"
    )
    seeds: Annotated[list[int], Field(min_length=1)] = Field(
        [0, 1, 2], description="seeds of scaffold_balanced; of models where the split has none"
    )
    budgets: dict[Task, Budget] = Field({}, description="tasks whose models may cost less than a full training")
    reference: str | None = Field(
        None, description="label of the model that all others are compared with; null = the first D-MPNN from scratch"
    )
    explained: Explained = Field(Explained(), description="trained models that are looked into")
    base: Arm = Field(Arm(), description="settings that every model starts from")
    runs: list[Arm] = Field([], description="one entry a model: only the keys in which it differs from `base`")

    @model_validator(mode="after")
    def _labels_are_unique_and_known(self) -> "MmfrlSection":
        labels = [arm.label for arm in self.runs]
        if repeated := sorted({label for label in labels if labels.count(label) > 1}):
            raise ValueError(f"models of one label: {', '.join(repeated)}")
        named = [name for name in (self.reference, *(self.explained.arms or [])) if name is not None]
        if self.runs and (unknown := [name for name in named if name not in labels]):
            raise ValueError(f"no model has the label {', '.join(unknown)}")
        return self

    def planned(self) -> Iterator[PropertyRun]:
        """Yield every training: each model on each split of each task."""
        for task in self.tasks:
            budget = self.budgets.get(task, Budget())
            seeds = self.seeds if budget.seeds is None else budget.seeds
            for cleaning in self.cleanings:
                for protocol in self.protocols:
                    for seed in seeds:
                        split_seed = seed if protocol == "scaffold_balanced" else 0
                        for arm in self.runs:
                            if arm.tasks is None or task in arm.tasks:
                                yield arm.on(task, cleaning, protocol, split_seed, seed, budget)

    def compared_with(self) -> str | None:
        """Return the label of the model that all others are compared with, if there is one."""
        if self.reference is not None:
            return self.reference
        scratch = (arm.label for arm in self.runs if arm.kind == "dmpnn" and not arm.modalities)
        return next(scratch, None)
