"""Settings of MMFRL: pre-training, its targets, models of MoleculeNet tasks."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from spectraflow.settings import Fraction, Positive, Settings, TrainingSettings

Task = Literal[
    "bbbp", "bace", "sider", "clintox", "hiv", "muv", "tox21", "toxcast", "esol", "freesolv", "lipo"
]  # fmt: skip
Modality = Literal["smiles", "image", "nmr", "fingerprint", "peak"]
Cleaning = Literal["paper", "strict"]
Protocol = Literal["scaffold_balanced", "scaffold_deterministic"]
Kind = Literal["dmpnn", "intermediate", "late", "forest", "boosting", "chemprop", "attentivefp", "mean"]
"""dmpnn: one encoder and a head, pre-trained or not; intermediate and late: several; the others are baselines."""

MODALITIES: tuple[Modality, ...] = ("smiles", "image", "nmr", "fingerprint", "peak")
"""Order of the encoders in intermediate and late fusion."""
EMBEDDED: tuple[Modality, ...] = ("smiles", "image", "nmr")
"""Modalities whose similarity is a cosine of embeddings; the others need none."""
WITHOUT_GRAPHS = ("forest", "boosting", "mean")
"""Kinds of models that read no graph and have no epochs: of a network's settings they use the seed alone."""


class EncoderSettings(Settings):
    """The D-MPNN that every modality pre-trains; blocks and featuriser are chemprop's."""

    hidden: Annotated[int, Field(ge=4, le=4096)] = Field(300, description="width")
    depth: Annotated[int, Field(ge=2, le=20)] = Field(3, description="message passing steps")
    dropout: Fraction = Field(0.0, description="dropout")
    featuriser: Literal["v1", "v2"] = Field("v1", description="atom features of chemprop 1 (133) or 2 (72)")


class LossSettings(Settings):
    """The modified relational loss (paper, equations 1 to 3) and its target similarities."""

    tau_student: Annotated[float, Field(gt=0)] = Field(1.0, description="temperature of the embeddings' similarities")
    tau_target: Annotated[float, Field(gt=0)] | Literal["auto"] = Field(
        1.0, description="temperature of the target similarities; auto: found so that rows have effective_neighbours"
    )
    effective_neighbours: Annotated[float, Field(gt=1)] = Field(
        16.0, description="mean exp(entropy) of the target rows that tau_target: auto aims at"
    )
    include_self: bool = Field(True, description="whether a molecule is among its own neighbours")
    direction: Literal["row", "row+col"] = Field("row", description="rows, as in the paper, or rows and columns")
    centred: bool = Field(False, description="subtract the training mean from target embeddings before the cosine")
    peak_kernel: Literal["published", "laplace"] = Field(
        "published", description="similarity of two shifts: 10 / (|a - b| + 1e-5), or -|a - b| / peak_scale"
    )
    peak_scale: Annotated[float, Field(gt=0)] = Field(1.0, description="scale of the laplace kernel, ppm")
    projection: Literal["none", "mlp"] = Field("none", description="block between encoder and loss, discarded later")


class SmilesEncoderSettings(Settings):
    """A transformer that fills in masked tokens of SMILES; its mean over tokens is the target embedding."""

    layers: Positive = Field(4, description="layers")
    heads: Positive = Field(8, description="attention heads; divide dim")
    dim: Positive = Field(256, description="width")
    masked: Fraction = Field(0.15, description="share of masked tokens")
    longest: Positive = Field(256, description="tokens; longer SMILES are cut")
    training: TrainingSettings = Field(
        TrainingSettings(epochs=30, learning_rate=3e-4, weight_decay=0.01, schedule="cosine"), description="the fit"
    )

    @model_validator(mode="after")
    def _heads_divide_the_width(self) -> "SmilesEncoderSettings":
        if self.dim % self.heads:
            raise ValueError(f"{self.heads} attention heads do not divide a width of {self.dim}")
        return self


class ImageEncoderSettings(Settings):
    """A convolutional autoencoder of depictions; its code is the target embedding."""

    size: Literal[32, 64, 128, 224] = Field(128, description="pixels a side")
    channels: Annotated[list[Positive], Field(min_length=2, max_length=5)] = Field(
        [32, 64, 128, 256, 256], description="channels of the strided convolutions"
    )
    dim: Positive = Field(256, description="width of the code")
    ink_weight: Annotated[float, Field(gt=0)] = Field(20.0, description="weight of drawn pixels in the loss")
    training: TrainingSettings = Field(TrainingSettings(epochs=20), description="the fit")


class NmrEncoderSettings(Settings):
    """A denoising autoencoder of 13C spectra on a grid; its code is the target embedding."""

    bins: Positive = Field(4000, description="grid points")
    lowest: float = Field(-50.0, description="left end of the grid, ppm; a bin is 0.1 ppm")
    width: Annotated[float, Field(gt=0)] = Field(0.5, description="Gaussian width of a line, ppm")
    jitter: Annotated[float, Field(ge=0)] = Field(0.2, description="largest shift of a line in training, ppm")
    lost: Fraction = Field(0.05, description="share of lines left out in training")
    dim: Positive = Field(256, description="width of the code")
    training: TrainingSettings = Field(TrainingSettings(epochs=50), description="the fit")


class TargetSettings(Settings):
    """Encoders of the modalities whose similarities are learned from, trained on the pre-training molecules alone."""

    source: Literal["project", "cress", "img2mol"] = Field(
        "project", description="trained here, or public weights (cress: smiles and nmr; img2mol: image)"
    )
    weights: str | None = Field(None, description="file with public weights; needs its sha256")
    sha256: str | None = Field(None, description="checksum of that file")
    smiles: SmilesEncoderSettings = Field(SmilesEncoderSettings(), description="SMILES")
    image: ImageEncoderSettings = Field(ImageEncoderSettings(), description="depictions")
    nmr: NmrEncoderSettings = Field(NmrEncoderSettings(), description="13C spectra")

    @model_validator(mode="after")
    def _public_weights_are_named(self) -> "TargetSettings":
        if (self.source != "project") != (self.weights is not None and self.sha256 is not None):
            raise ValueError("weights and sha256 belong to a public source, and to it alone")
        return self


class ReleasedWeights(Settings):
    """An encoder that MMFRL's authors published, taken instead of training one; it has seen molecules of the tasks."""

    weights: str = Field(description="file of the encoder")
    sha256: str = Field(description="checksum of that file")


class PretrainingRun(Settings):
    """One pre-trained encoder: everything here enters its id."""

    modality: Modality | Literal["early"] = Field("fingerprint", description="what it learns to reproduce")
    weights: dict[Modality, Annotated[float, Field(ge=0)]] = Field(
        {"smiles": 0.25, "image": 0.25, "nmr": 0.25, "fingerprint": 0.25},
        description="early: weights of the modalities' target rows; they sum to 1",
    )
    dedupe: Literal["union", "none"] = Field(
        "union", description="leave out molecules of any MoleculeNet task, or (leaky) none"
    )
    molecules: Positive | None = Field(None, description="train on this many molecules at most, drawn by seed")
    held_out: Fraction = Field(0.05, description="share of the molecules that selects the epoch")
    encoder: EncoderSettings = Field(EncoderSettings(), description="the D-MPNN")
    loss: LossSettings = Field(LossSettings(), description="the loss")
    targets: TargetSettings = Field(TargetSettings(), description="encoders of the modalities")
    released: ReleasedWeights | None = Field(
        None, description="published weights, judged on the held-out molecules and used as they are; null = train"
    )
    training: TrainingSettings = Field(
        TrainingSettings(epochs=200, batch_size=256, learning_rate=1e-3, weight_decay=1e-3, early_stopping=20),
        description="the fit",
    )

    @model_validator(mode="after")
    def _weights_sum_to_one(self) -> "PretrainingRun":
        if self.modality == "early" and abs(sum(self.weights.values()) - 1) > 1e-6:
            raise ValueError("the weights of early fusion must sum to 1")
        if self.modality == "early" and "peak" in self.weights:
            raise ValueError("early fusion mixes targets of molecules; peak has targets of atoms")
        return self


class BaselineSettings(Settings):
    """Sizes of the baselines on ECFP4."""

    bits: Positive = Field(2048, description="length of the fingerprint")
    trees: Positive = Field(500, description="trees of a forest")
    rounds: Positive = Field(1000, description="boosting rounds at most; the val part stops earlier")
    attention_steps: Positive = Field(2, description="AttentiveFP: steps over the molecule")


class PropertyRun(Settings):
    """One model of one MoleculeNet task on one split: everything here but the label enters its id."""

    label: str = Field("D-MPNN", description="name in tables and figures; never part of the run id")
    kind: Kind = Field("dmpnn", description="the model")
    task: Task = Field("esol", description="MoleculeNet task")
    cleaning: Cleaning = Field("paper", description="every row kept, or equal molecules merged")
    protocol: Protocol = Field("scaffold_balanced", description="split")
    split_seed: int = Field(0, description="seed of scaffold_balanced")
    molecules: Positive | None = Field(None, description="train on this many molecules at most, drawn by split_seed")
    pretraining: list[PretrainingRun] = Field(
        [], description="pre-trained encoders: one for dmpnn, one each for intermediate and late; empty = from scratch"
    )
    encoders: Positive = Field(1, description="encoders from scratch, where `pretraining` is empty")
    encoder: EncoderSettings = Field(EncoderSettings(), description="the D-MPNN, where it is not pre-trained")
    head: Positive = Field(300, description="width of the head's hidden layer")
    coefficients: Literal["none", "softmax"] = Field("none", description="late: how coefficients are normalised")
    selection: Literal["best_val", "last"] = Field("best_val", description="epoch whose weights are kept")
    baseline: BaselineSettings = Field(BaselineSettings(), description="sizes of the baselines")
    training: TrainingSettings = Field(
        TrainingSettings(epochs=100, batch_size=256, learning_rate=1e-3, weight_decay=0.0, early_stopping=30),
        description="the fit",
    )

    @model_validator(mode="after")
    def _encoders_fit_the_kind(self) -> "PropertyRun":
        if self.kind == "dmpnn" and len(self.pretraining) > 1:
            raise ValueError("dmpnn takes one pre-trained encoder; intermediate and late take several")
        if self.pretraining and self.kind not in ("dmpnn", "intermediate", "late"):
            raise ValueError(f"{self.kind} takes no pre-trained encoder")
        if len({(run.encoder.hidden, run.encoder.featuriser) for run in self.pretraining}) > 1:
            raise ValueError("encoders that are fused must be of one width and read the same features")
        if self.encoders > 1 and (self.pretraining or self.kind not in ("intermediate", "late")):
            raise ValueError("several encoders from scratch belong to intermediate and late, without `pretraining`")
        return self


class SubgraphSettings(Settings):
    """The search for the smallest parts of molecules that a classifier still calls positive."""

    molecules: Positive = Field(200, description="test molecules predicted positive that are searched, at most")
    threshold: Fraction = Field(0.5, description="probability from which a molecule or a part of it is positive")
    kept: Fraction | None = Field(
        None, description="a part stays if it keeps this share of its parent's probability; null = by the threshold"
    )
    beam: Positive = Field(16, description="parts of a molecule followed at once")
    smallest: Positive = Field(
        8, description="atoms of a part, at least; far smaller ones are unlike any molecule the model has learned from"
    )
    random: Positive = Field(10, description="random parts of equal size for each subgraph, the control")
    distance: Fraction = Field(0.4, description="Tanimoto distance within a cluster of subgraphs")
    common: Fraction = Field(0.8, description="share of a cluster that must hold its common subgraph")
    common_atoms: Positive = Field(6, description="atoms of a common subgraph, at least")
    seconds: Positive = Field(30, description="time for a common subgraph; unfinished ones are left out")


class ExplanationSettings(Settings):
    """What is asked of a trained model of a MoleculeNet task."""

    target: Annotated[int, Field(ge=0)] = Field(0, description="target looked into, in the order of the task")
    mapped: Positive = Field(3_000, description="molecules on the maps of embeddings (t-SNE), at most")
    perplexity: Annotated[float, Field(gt=0)] = Field(30.0, description="perplexity of t-SNE")
    neighbours: Positive = Field(10, description="neighbours that predict the target from embeddings")
    shuffles: Positive = Field(20, description="shuffled molecules behind each control")
    drawings: Annotated[int, Field(ge=0)] = Field(24, description="molecules drawn with their subgraph, at most")
    subgraphs: SubgraphSettings = Field(SubgraphSettings(), description="positive subgraphs, of classifiers")
    seed: int = Field(0, description="seed of maps, shuffles and samples")
