"""Settings of the shift models."""

from typing import Annotated, Literal

from pydantic import Field

from spectraflow.settings import Fraction, Positive, RunsSection, Settings, TrainingSettings


class ShiftsModelSettings(Settings):
    """A shift model: a message-passing network, or a lookup of environments (HOSE type)."""

    kind: Literal["network", "environment_lookup"] = Field(
        "network",
        description="network: message passing on graphs; environment_lookup: median shift of the largest "
        "environment seen in training",
    )
    layers: Annotated[int, Field(ge=1, le=20)] = Field(6, description="message-passing layers (network)")
    dim: Annotated[int, Field(ge=8, le=4096)] = Field(192, description="width of atom embeddings (network)")
    dropout: Fraction = Field(0.05, description="dropout of the layers (network)")
    radius: Annotated[int, Field(ge=0, le=12)] = Field(6, description="largest radius in bonds (environment_lookup)")


class ShiftsRun(Settings):
    """One shift model: everything here but the label enters the run id."""

    label: str = Field("shift network", description="name in tables and figures; never part of the run id")
    molecules: Literal["published_ids", "all_assigned"] = Field(
        "published_ids", description="molecules that are split, and tested on"
    )
    computed_spectra: bool = Field(
        False, description="split and test on spectra that the source marks as predicted, too"
    )
    split: str = Field("random", description="a key of `splits`")
    fold: Annotated[int, Field(ge=0)] = Field(0, description="fold (or seed offset) of that split")
    records: Literal["train", "all"] = Field(
        "all",
        description="train: measured spectra of the train part; all: also those of molecules outside the split, "
        "partly assigned ones too, unless val, test or the external queries share the first block",
    )
    proton_weight: Annotated[float, Field(ge=0, le=10)] = Field(
        0.3, description="weight of a proton's loss; a carbon's is 1 (network)"
    )
    model: ShiftsModelSettings = Field(ShiftsModelSettings(), description="the model")
    training: TrainingSettings = Field(
        TrainingSettings(
            epochs=30, batch_size=64, learning_rate=1e-3, weight_decay=1e-2, schedule="cosine", gradient_clip=1.0
        ),
        description="the fit (network)",
    )


class ShiftsSection(RunsSection):
    """Shift models: a base run, and the runs that differ from it."""

    base: ShiftsRun = Field(ShiftsRun(), description="settings that every run starts from")
    runs: list[ShiftsRun] = Field([], description="one entry a run: only the keys in which it differs from `base`")
    external_queries: Positive = Field(
        1_000, description="molecules outside the published id list that nothing is trained on, at most"
    )
